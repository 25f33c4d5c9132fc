import { encodeAbiParameters, getAbiItem, type Hex, hexToBytes, keccak256, zeroHash } from "viem";
import { storageOrdersAbi } from "../abi/generated/StorageOrders.ts";
import { EXCEPTION_KIND } from "../certificate.ts";
import { MAX_LOST_ENTRIES } from "../constants.ts";
import { MemoError } from "../errors.ts";
import { rangeProof } from "../merkle/rangeProof.ts";
import { buildTree, leafHash, type MerkleTree, TAG, treeRoot } from "../merkle/tree.ts";
import type { Order } from "../order.ts";
import { type Judgement, VERDICT } from "./judge.ts";

/** A shard that a provider is said to have lost. */
export type LostEntry = {
  readonly orderId: Hex;
  readonly slot: number;
  /** An owed one, or one drawn from the seed. */
  readonly stripe: number;
};

/** What a lost leaf stands for. */
export type LostLeafContent = {
  readonly provider: number;
  /** A provider that lost more than one leaf can hold has further parts. */
  readonly part: number;
  /** 1 to 64, ascending by (order, slot). */
  readonly entries: readonly LostEntry[];
};

/** What an offer leaf stands for. */
export type OfferContent = {
  /** The assignee. */
  readonly provider: number;
  readonly orderId: Hex;
  readonly slot: number;
  /** Last epoch in which it can be accepted. */
  readonly deadline: number;
};

/** What the chain applies after a certificate, one leaf after the other. */
export type ExceptionLeaf =
  | {
      readonly kind: typeof EXCEPTION_KIND.missed;
      readonly provider: number;
      /** Zero. */
      readonly data: Hex;
      readonly content?: undefined;
    }
  | {
      readonly kind: typeof EXCEPTION_KIND.lost;
      /** Who lost something. */
      readonly provider: number;
      readonly data: Hex;
      /** What `data` is the hash of. */
      readonly content: LostLeafContent;
    }
  | {
      readonly kind: typeof EXCEPTION_KIND.offer;
      /** The assignee. */
      readonly provider: number;
      readonly data: Hex;
      readonly content: OfferContent;
    };

/** What keepers decide about an epoch on top of its verdicts. */
export type ExceptionPlan = {
  readonly lost: readonly LostLeafContent[];
  readonly offers: readonly OfferContent[];
};

/** The leaf of a provider that missed an epoch. */
export function missedLeaf(provider: number): ExceptionLeaf {
  return { kind: EXCEPTION_KIND.missed, provider, data: zeroHash };
}

/** The leaf of what a provider lost. */
export function lostLeaf(content: LostLeafContent): ExceptionLeaf {
  return { kind: EXCEPTION_KIND.lost, provider: content.provider, data: lostData(content), content };
}

/** The leaf of a repair offer. */
export function offerLeaf(content: OfferContent): ExceptionLeaf {
  return { kind: EXCEPTION_KIND.offer, provider: content.provider, data: offerData(content), content };
}

/**
 * The exceptions of an epoch in leaf order: `missed` by provider id; `lost` by (provider, part); offers by
 * (provider, order, slot).
 */
export function exceptionsOf(
  judgements: readonly Pick<Judgement, "provider" | "verdict">[],
  plan: ExceptionPlan = { lost: [], offers: [] },
): readonly ExceptionLeaf[] {
  const missed = judgements.filter(({ verdict }) => verdict === VERDICT.missed);
  const lost = [...plan.lost].sort((a, b) => a.provider - b.provider || a.part - b.part);
  const offers = [...plan.offers].sort((a, b) => a.provider - b.provider || compareEntries(a, b));
  return [
    ...missed.map(({ provider }) => missedLeaf(provider)).sort((a, b) => a.provider - b.provider),
    ...lost.map(lostLeaf),
    ...offers.map(offerLeaf),
  ];
}

/** kind (uint8) ‖ provider (uint32) ‖ data (32 bytes). */
export function exceptionPayload(leaf: Pick<ExceptionLeaf, "kind" | "provider" | "data">): Uint8Array {
  const payload = new Uint8Array(37);
  payload[0] = leaf.kind;
  new DataView(payload.buffer).setUint32(1, leaf.provider);
  payload.set(hexToBytes(leaf.data), 5);
  return payload;
}

/** Tree over an epoch's exceptions. */
export function exceptionsTree(leaves: readonly ExceptionLeaf[]): MerkleTree {
  return buildTree(leaves.map((leaf, index) => leafHash(TAG.exception, index, exceptionPayload(leaf))));
}

/** `Certificate.exceptionsRoot`; the empty tree's root when there are none. */
export function exceptionsRoot(leaves: readonly ExceptionLeaf[]): Hex {
  return treeRoot(exceptionsTree(leaves));
}

/** Consecutive leaves with the range proof under `exceptionsRoot` that `applyExceptions` takes. */
export type ExceptionChunk = {
  readonly from: number;
  readonly leaves: readonly ExceptionLeaf[];
  readonly proof: readonly Hex[];
};

/** Cuts the leaves from index `from` on into chunks of at most `size`, each with its range proof. */
export function exceptionChunks(
  leaves: readonly ExceptionLeaf[],
  from: number,
  size: number,
): ExceptionChunk[] {
  const tree = exceptionsTree(leaves);
  const chunks: ExceptionChunk[] = [];
  for (let at = from; at < leaves.length; at += size) {
    const chunk = leaves.slice(at, at + size);
    chunks.push({ from: at, leaves: chunk, proof: rangeProof(tree, at, chunk.length) });
  }
  return chunks;
}

/** An order under its id. */
export type IdentifiedOrder = { readonly id: Hex; readonly order: Order };

const ENTRIES = {
  name: "entries",
  type: "tuple[]",
  components: [
    { name: "orderId", type: "bytes32" },
    { name: "slot", type: "uint8" },
    { name: "stripe", type: "uint32" },
  ],
} as const;
const ORDER = getAbiItem({ abi: storageOrdersAbi, name: "orderIdOf" }).inputs[0];

/** `data` of a lost leaf: keccak256(abi.encode(uint32 part, LostEntry[] entries)). */
export function lostData({ part, entries }: Pick<LostLeafContent, "part" | "entries">): Hex {
  return keccak256(encodeAbiParameters([{ type: "uint32" }, ENTRIES], [part, entries]));
}

/** `data` of an offer leaf: keccak256(abi.encode(bytes32 orderId, uint8 slot, uint32 deadline)). */
export function offerData({ orderId, slot, deadline }: Omit<OfferContent, "provider">): Hex {
  return keccak256(
    encodeAbiParameters(
      [{ type: "bytes32" }, { type: "uint8" }, { type: "uint32" }],
      [orderId, slot, deadline],
    ),
  );
}

/**
 * What `applyExceptions` takes along with a lost leaf: abi.encode(LostDetail).
 * @param open orders that are open on chain, in any order; those that no entry names are left out
 */
export function lostDetail({ part, entries }: LostLeafContent, open: Iterable<IdentifiedOrder>): Hex {
  const named = new Set(entries.map(({ orderId }) => orderId.toLowerCase()));
  const orders = new Map<string, Order>();
  for (const { id, order } of open) if (named.has(id.toLowerCase())) orders.set(id.toLowerCase(), order);
  const ascending = [...orders].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, order]) => order);
  const detail = {
    type: "tuple",
    components: [{ name: "part", type: "uint32" }, ENTRIES, { ...ORDER, name: "orders", type: "tuple[]" }],
  } as const;
  return encodeAbiParameters([detail], [{ part, entries, orders: ascending }]);
}

/** What `applyExceptions` takes along with an offer leaf: abi.encode(OfferDetail). */
export function offerDetail({ slot, deadline }: OfferContent, order: Order): Hex {
  const detail = {
    type: "tuple",
    components: [
      { ...ORDER, name: "order", type: "tuple" },
      { name: "slot", type: "uint8" },
      { name: "deadline", type: "uint32" },
    ],
  } as const;
  return encodeAbiParameters([detail], [{ order, slot, deadline }]);
}

/**
 * The lost leaves of a provider: its entries, each slot once, ascending by (order, slot), cut into parts.
 * @throws LOST_ENTRY_REPEATED
 */
export function lostParts(provider: number, entries: readonly LostEntry[]): LostLeafContent[] {
  const sorted = [...entries].sort(compareEntries);
  const repeated = sorted.find(
    (entry, index) => index > 0 && compareEntries(sorted[index - 1]!, entry) === 0,
  );
  if (repeated !== undefined) {
    throw new MemoError(
      "LOST_ENTRY_REPEATED",
      `Slot ${repeated.slot} of order ${repeated.orderId} is named twice; name one stripe of it.`,
      { details: { provider, ...repeated } },
    );
  }
  return Array.from({ length: Math.ceil(sorted.length / MAX_LOST_ENTRIES) }, (_, part) => ({
    provider,
    part,
    entries: sorted.slice(part * MAX_LOST_ENTRIES, (part + 1) * MAX_LOST_ENTRIES),
  }));
}

type SlotName = { readonly orderId: Hex; readonly slot: number };

/** Order of slots wherever they are listed: by order id, then slot. */
export function compareEntries(a: SlotName, b: SlotName): number {
  const [left, right] = [a.orderId.toLowerCase(), b.orderId.toLowerCase()];
  return left === right ? a.slot - b.slot : left < right ? -1 : 1;
}
