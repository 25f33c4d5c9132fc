import {
  compactSignatureToSignature,
  hashTypedData,
  isAddressEqual,
  parseCompactSignature,
  recoverAddress,
} from "viem";
import { settlementDomain } from "../../protocol/certificate.ts";
import { proofSigners } from "../../protocol/chain/operators.ts";
import type { GossipTopic } from "../../protocol/net/gossip.ts";
import { decodeProofMessage, PROOF_TYPES, proofStruct } from "../../protocol/wire/proofMessage.ts";
import { PROOF_TOPIC_BYTES } from "../../protocol/wire/topics.ts";
import type { ChainView } from "../chainView.ts";

/**
 * How a provider judges the proofs that it relays: signed by a registered operator of this group. Whether
 * they are right is for keepers to find out.
 */
export function createProofTopic(view: ChainView): GossipTopic {
  return {
    maxBytes: PROOF_TOPIC_BYTES,
    async validate(data) {
      try {
        const message = decodeProofMessage(data);
        const provider = view.state().providers.get(message.provider);
        if (provider === undefined) return "ignore";
        const hash = hashTypedData({
          domain: settlementDomain(view.chainId, view.group),
          types: PROOF_TYPES,
          primaryType: "Proof",
          message: proofStruct(view.group, message),
        });
        const signature = compactSignatureToSignature(parseCompactSignature(message.signature));
        const signer = await recoverAddress({ hash, signature });
        const { parameters } = view.state();
        const isSigner = proofSigners(parameters, provider, message.epoch).some((operator) =>
          isAddressEqual(operator, signer),
        );
        return isSigner ? "accept" : "reject";
      } catch {
        return "reject";
      }
    },
  };
}
