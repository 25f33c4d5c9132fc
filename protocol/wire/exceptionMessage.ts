import type { Hex } from "viem";
import { type Certificate, EXCEPTION_KIND } from "../certificate.ts";
import { MemoError } from "../errors.ts";
import {
  type ExceptionLeaf,
  exceptionsRoot,
  lostLeaf,
  missedLeaf,
  offerLeaf,
} from "../results/exceptions.ts";
import type { ExceptionMessage } from "./keeper.ts";

/** A leaf as keepers serve it: hashes are left out, who reads it computes them. */
export function messageOfLeaf(leaf: ExceptionLeaf): ExceptionMessage {
  switch (leaf.kind) {
    case EXCEPTION_KIND.missed:
      return { kind: leaf.kind, provider: leaf.provider };
    case EXCEPTION_KIND.lost:
      return { kind: leaf.kind, ...leaf.content, entries: [...leaf.content.entries] };
    case EXCEPTION_KIND.offer:
      return { kind: leaf.kind, ...leaf.content };
  }
}

/** The leaf that a served one stands for. */
export function leafOfMessage(message: ExceptionMessage): ExceptionLeaf {
  switch (message.kind) {
    case EXCEPTION_KIND.missed:
      return missedLeaf(message.provider);
    case EXCEPTION_KIND.lost: {
      const { provider, part, entries } = message;
      return lostLeaf({ provider, part, entries });
    }
    case EXCEPTION_KIND.offer: {
      const { provider, orderId, slot, deadline } = message;
      return offerLeaf({ provider, orderId, slot, deadline });
    }
  }
}

/**
 * All leaves of an epoch as a keeper served them, if they are those of the certificate.
 * @throws EXCEPTIONS_WRONG
 */
export function checkExceptions(
  messages: readonly ExceptionMessage[],
  certificate: Pick<Certificate, "epoch" | "exceptions" | "exceptionsRoot">,
): readonly ExceptionLeaf[] {
  const leaves = messages.map(leafOfMessage);
  const root: Hex = exceptionsRoot(leaves);
  if (leaves.length === certificate.exceptions && root === certificate.exceptionsRoot.toLowerCase())
    return leaves;
  throw new MemoError(
    "EXCEPTIONS_WRONG",
    `These are not the exceptions that were certified for epoch ${certificate.epoch}; ask another keeper.`,
    { details: { epoch: certificate.epoch, leaves: leaves.length, root } },
  );
}
