import { termOf } from "../protocol/chain/epochs.ts";
import { type GroupState, rosterOf } from "../protocol/chain/groupTypes.ts";
import { MemoError } from "../protocol/errors.ts";
import type { ProofMessage } from "../protocol/wire/proofMessage.ts";
import { type ConsensusDomain, decodeMessage } from "./consensus/messageEncoding.ts";
import type { EpochInbox } from "./epochInbox.ts";

/** Members and providers whom a keeper ignores: what bribed keepers do, so that it can be shown and tested. */
export type DeafTo = {
  /** Keeper ids. */
  readonly keepers?: readonly number[];
  readonly providers?: readonly number[];
};

/** What comes in from the network, less what this keeper is deaf to. */
export type Edge = {
  /** Drops silently what is to be ignored. */
  guard(inbox: EpochInbox): EpochInbox;
  hearsKeeper(id: number | undefined): boolean;
  hearsProvider(id: number): boolean;
  /**
   * Before a provider is asked for something.
   * @throws PROVIDER_IGNORED
   */
  assertHeard(provider: number): void;
};

/** Creates the edge; without anybody to be deaf to it lets everything pass. */
export function createEdge(options: {
  deafTo: DeafTo | undefined;
  domain: ConsensusDomain;
  state: () => GroupState;
}): Edge {
  const keepers = new Set(options.deafTo?.keepers);
  const providers = new Set(options.deafTo?.providers);

  const senderOf = (bytes: Uint8Array): number | undefined => {
    const { epoch, member } = decodeMessage(options.domain, bytes);
    const state = options.state();
    return rosterOf(state, termOf(state.parameters, epoch))?.keeperIds[member];
  };
  const edge: Edge = {
    hearsKeeper: (id) => id === undefined || !keepers.has(id),
    hearsProvider: (id) => !providers.has(id),
    assertHeard(provider) {
      if (edge.hearsProvider(provider)) return;
      throw new MemoError("PROVIDER_IGNORED", `This keeper was told to ignore provider ${provider}.`);
    },
    guard: (inbox) => ({
      async receive(bytes) {
        if (keepers.size === 0 || edge.hearsKeeper(senderOf(bytes))) await inbox.receive(bytes);
      },
      async submitProof(message: ProofMessage) {
        if (edge.hearsProvider(message.provider)) await inbox.submitProof(message);
      },
    }),
  };
  return edge;
}
