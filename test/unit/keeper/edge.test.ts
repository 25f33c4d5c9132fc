import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeMessage } from "../../../keeper/consensus/messageEncoding.ts";
import { createEdge, type DeafTo } from "../../../keeper/edge.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";
import type { ProofMessage } from "../../../protocol/wire/proofMessage.ts";
import { inventory } from "./fixtures.ts";

const domain = { chainId: 31_337, group: `0x${"cc".repeat(20)}` } as const;
// Roster indexes are not keeper ids.
const state = {
  parameters: { termLength: 100 },
  rosters: new Map([[0, { term: 0, keeperIds: [4, 3, 2, 1], operators: [] }]]),
} as unknown as GroupState;

function guarded(deafTo: DeafTo | undefined) {
  const heard: string[] = [];
  const edge = createEdge({ deafTo, domain, state: () => state });
  const inbox = edge.guard({
    receive: async () => void heard.push("message"),
    submitProof: async ({ provider }) => void heard.push(`proof of ${provider}`),
  });
  return { edge, inbox, heard };
}
const from = (member: number) => encodeMessage(domain, inventory(member));
const proofOf = (provider: number) => ({ provider }) as ProofMessage;

describe("a keeper that was told whom to ignore", () => {
  it("drops what the member with that keeper id says, and hears the others", async () => {
    const { inbox, heard } = guarded({ keepers: [4] });
    await inbox.receive(from(0));
    assert.deepEqual(heard, []);
    await inbox.receive(from(3));
    assert.deepEqual(heard, ["message"]);
  });

  it("drops proofs of the provider, asks it for none, and takes those of the others", async () => {
    const { edge, inbox, heard } = guarded({ providers: [7] });
    await inbox.submitProof(proofOf(7));
    await inbox.submitProof(proofOf(8));
    assert.deepEqual(heard, ["proof of 8"]);
    assert.throws(() => edge.assertHeard(7), { code: "PROVIDER_IGNORED" });
    edge.assertHeard(8);
  });

  it("hears everybody when it was told nothing", async () => {
    const { edge, inbox, heard } = guarded(undefined);
    for (const member of [0, 1, 2, 3]) await inbox.receive(from(member));
    await inbox.submitProof(proofOf(7));
    assert.equal(heard.length, 5);
    assert.ok(edge.hearsKeeper(4) && edge.hearsProvider(7));
  });
});
