import {
  type Address,
  bytesToHex,
  compactSignatureToSignature,
  encodeAbiParameters,
  getAddress,
  type Hex,
  hashTypedData,
  hexToBytes,
  keccak256,
  type LocalAccount,
  parseCompactSignature,
  parseSignature,
  recoverAddress,
  serializeCompactSignature,
  serializeSignature,
  signatureToCompactSignature,
} from "viem";
import { COMMIT_TYPES, settlementDomain } from "../../protocol/certificate.ts";
import type { VoteSigner } from "./driver.ts";
import { type ConsensusDomain, encodeHoldings, valueDigest } from "./messageEncoding.ts";
import type { ConsensusMessage, Draft, PrepareMessage, RoundChangeHead, Value } from "./messages.ts";

/** What keepers sign besides commits. `kind` tells the messages apart; `digest` is over what they say. */
export const KEEPER_VOTE_TYPES = {
  KeeperVote: [
    { name: "kind", type: "uint8" },
    { name: "epoch", type: "uint32" },
    { name: "round", type: "uint32" },
    { name: "digest", type: "bytes32" },
  ],
} as const;

const KIND = { inventory: 1, proposal: 2, prepare: 3, roundChange: 4, sync: 5 } as const;
/** Signers of signatures seen lately; the same inventories and votes come back in proposals. */
const CACHE_LIMIT = 8_192;

type Signed = Draft | (Omit<RoundChangeHead, "signature"> & { signature?: Uint8Array });

/** Signs and checks consensus messages with the operators' keys (EIP-712, domain of the settlement). */
export function createVoteSigner(options: {
  domain: ConsensusDomain;
  account: LocalAccount;
  /** Operator of each roster index. */
  roster: readonly Address[];
}): VoteSigner {
  const { account, roster } = options;
  const { chainId, group } = options.domain;
  const domain = settlementDomain(chainId, group);
  const recovered = new Map<string, Address>();

  const typedData = (draft: Signed) =>
    draft.type === "commit"
      ? ({
          domain,
          types: COMMIT_TYPES,
          primaryType: "Commit",
          message: { group, ...draft.certificate },
        } as const)
      : ({
          domain,
          types: KEEPER_VOTE_TYPES,
          primaryType: "KeeperVote",
          message: {
            kind: KIND[draft.type],
            epoch: draft.epoch,
            round: "round" in draft ? draft.round : 0,
            digest: contentDigest(draft),
          },
        } as const);

  const digestOf = (draft: Signed): Hex => {
    const data = typedData(draft);
    return data.primaryType === "Commit" ? hashTypedData(data) : hashTypedData(data);
  };

  async function isSignedBy(draft: Signed, signature: Uint8Array, member: number): Promise<boolean> {
    const expected = roster[member];
    if (expected === undefined) return false;
    const hash = digestOf(draft);
    const key = `${hash}${bytesToHex(signature)}`;
    let signer = recovered.get(key);
    if (signer === undefined) {
      try {
        const parsed = compactSignatureToSignature(parseCompactSignature(bytesToHex(signature)));
        signer = await recoverAddress({ hash, signature: serializeSignature(parsed) });
      } catch {
        return false;
      }
      if (recovered.size >= CACHE_LIMIT) recovered.delete(recovered.keys().next().value!);
      recovered.set(key, signer);
    }
    return getAddress(signer) === getAddress(expected);
  }

  const all = async (messages: readonly (Signed & { signature: Uint8Array; member: number })[]) => {
    for (const message of messages) {
      if (!(await isSignedBy(message, message.signature, message.member))) return false;
    }
    return true;
  };
  const inventoriesOf = (value: Value | null | undefined) => all(value?.inventories ?? []);
  const prepares = (messages: readonly PrepareMessage[] | undefined) => all(messages ?? []);

  return {
    digest: (draft) => digestOf(draft),
    async sign(draft) {
      const data = typedData(draft);
      const signature =
        data.primaryType === "Commit" ? await account.signTypedData(data) : await account.signTypedData(data);
      return hexToBytes(serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))));
    },
    async isAuthentic(message: ConsensusMessage) {
      if (message.type === "decided") {
        return (await all(message.commits)) && (await inventoriesOf(message.value));
      }
      if (!(await isSignedBy(message, message.signature, message.member))) return false;
      if (message.type === "proposal") {
        return (
          (await inventoriesOf(message.value)) &&
          (await all(message.roundChanges)) &&
          (await prepares(message.prepares))
        );
      }
      if (message.type === "roundChange") {
        return (
          (await inventoriesOf(message.lock?.value)) &&
          (await prepares(message.lock?.prepares)) &&
          (await inventoriesOf(message.handed))
        );
      }
      return true;
    },
  };
}

function contentDigest(draft: Exclude<Signed, { type: "commit" }>): Hex {
  switch (draft.type) {
    case "inventory":
      return keccak256(encodeHoldings(draft.holdings));
    case "proposal":
      return valueDigest(draft.value);
    case "prepare":
      return draft.digest;
    case "roundChange":
      return keccak256(
        encodeAbiParameters(
          [{ type: "bool" }, { type: "uint32" }, { type: "bytes32" }],
          draft.prepared === null
            ? [false, 0, `0x${"00".repeat(32)}`]
            : [true, draft.prepared.round, draft.prepared.digest],
        ),
      );
    case "sync":
      return keccak256("0x");
  }
}
