import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { FinalBlock, GroupLog } from "../../../protocol/chain/groupContracts.ts";
import { applyBlock, applyBlocks, createGroupState, epochSet } from "../../../protocol/chain/groupState.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";
import { blockOf, GENESIS, hash, testDeployment } from "./blocks.ts";
import { createWorld, type World } from "./groupWorld.ts";

const fresh = () => createGroupState({ chainId: 31_337, group: testDeployment.groups[0]! });
const ACTIONS = createWorld().actions;

/** Blocks of the chain: how long each waits, and what is attempted in it. */
const histories = fc.array(
  fc.record({
    wait: fc.constantFrom(1, 7, 30, 59, 60, 61, 150, 400),
    attempts: fc.array(fc.tuple(fc.nat(ACTIONS - 1), fc.nat(1_000_000)), { maxLength: 12, size: "max" }),
  }),
  { minLength: 1, maxLength: 40, size: "max" },
);
type History = typeof histories extends fc.Arbitrary<infer Type> ? Type : never;

/** Plays a history; `each` sees every block with the states around it. */
function play(history: History, each: (seen: Seen) => void): FinalBlock[] {
  const world = createWorld();
  const blocks = [blockOf(1, GENESIS, world.start)];
  let state = applyBlock(fresh(), blocks[0]!).state;
  for (const { wait, attempts } of history) {
    world.wait(wait);
    const logs: GroupLog[] = attempts.flatMap(([action, choice]) => world.act(action, choice));
    const block = blockOf(blocks.length + 1, world.time(), logs);
    const before = state;
    state = applyBlock(before, block).state;
    blocks.push(block);
    each({ before, block, state, world });
  }
  return blocks;
}
type Seen = { before: GroupState; block: FinalBlock; state: GroupState; world: World };

const legal = (check: (seen: Seen) => void, runs = 40) =>
  fc.assert(
    fc.property(histories, (history) => void play(history, check)),
    { numRuns: runs },
  );

describe("the histories", () => {
  it("have every event that changes slots, records, challenges and bonuses", () => {
    const seen = new Set<string>();
    for (const history of fc.sample(histories, { numRuns: 60, seed: 7 })) {
      play(history, ({ block }) => {
        for (const { contract, eventName } of block.logs) if (contract !== "staking") seen.add(eventName);
      });
    }
    assert.deepEqual([...seen].sort(), [
      "AppealAccepted",
      "BonusForfeited",
      "BonusPaid",
      "ChallengeAnswered",
      "ChallengeOpened",
      "ChallengeUnanswered",
      "LostRecorded",
      "OrderClosed",
      "OrderOpened",
      "RecordClosed",
      "RepairAccepted",
      "RepairOfferExpired",
      "RepairOffered",
      "SlotEvicted",
      "SlotVoided",
      "VacancyClosed",
    ]);
  });
});

describe("whatever legal things happen, a state", () => {
  it("knows who holds which slot, and what is offered", () => {
    legal(({ state, world }) => {
      for (const { id, slots, closed } of world.view().orders) {
        const info = state.orders.get(hash(id))!;
        assert.equal(info.closed, closed);
        const own = info.slots.map(({ holder, since, until, expiries, offer, voided }) => ({
          ...{ holder, since, until, expiries, voided },
          offer: offer && { provider: offer.provider, deadline: offer.deadline },
        }));
        assert.deepEqual(own, slots);
        const holders = own.flatMap(({ holder }) => holder ?? []);
        assert.equal(new Set(holders).size, holders.length);
      }
    });
  });

  it("knows stake and collateral: of every slot that is held, and of every one that is lost and not settled", () => {
    legal(({ state, world }) => {
      const { providers, locked } = world.view();
      for (const [id, { stake, exiting }] of providers) {
        const own = state.providers.get(id)!;
        assert.deepEqual([own.stake, own.locked, own.exiting], [stake, locked(id), exiting]);
        assert.ok(own.locked >= 0n && own.locked <= own.stake);
      }
    });
  });

  it("challenges exactly the slots of open orders that somebody holds, from that holder's first epoch on", () => {
    legal(({ state, world }) => {
      const { orders, epoch } = world.view();
      const held = orders
        .filter(({ closed, endEpoch }) => !closed && epoch + 1 < endEpoch)
        .flatMap(({ id, slots }) =>
          slots.flatMap(({ holder, since }, slot) =>
            holder === undefined || since > epoch + 1 ? [] : [`${hash(id)} ${slot} ${holder}`],
          ),
        );
      const set = epochSet(state, epoch + 1);
      assert.deepEqual(
        set.slots.map(({ orderId, slot, provider }) => `${orderId} ${slot} ${provider}`),
        held,
      );
    });
  });

  it("keeps what is open and can be claimed, and nothing of what is over", () => {
    legal(({ state, world }) => {
      const view = world.view();
      assert.deepEqual(
        [...state.lost].map(([key, { status }]) => [key, status]),
        view.records,
      );
      assert.deepEqual([...state.directChallenges.keys()], view.challenges);
      const byKey = (a: readonly unknown[], b: readonly unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
      assert.deepEqual(
        [...state.vacancies].map(([key, { pot, reserved }]) => [key, pot, reserved]).sort(byKey),
        view.vacancies.sort(byKey),
      );
      assert.deepEqual(state.expiredOffers, view.expired);
    });
  });

  it("is left as it was by the blocks after it", () => {
    const runs = 10;
    legal(({ before, block }) => {
      const copy = structuredClone(before);
      applyBlock(before, block);
      assert.deepEqual(before, copy);
    }, runs);
  });

  it("is the same however the blocks are grouped", () => {
    fc.assert(
      fc.property(histories, fc.nat(40), (history, cut) => {
        let last: GroupState | undefined;
        const blocks = play(history, ({ state }) => {
          last = state;
        });
        const first = applyBlocks(fresh(), blocks.slice(0, cut));
        assert.deepEqual(applyBlocks(first.state, blocks.slice(cut)).state, last);
      }),
      { numRuns: 20 },
    );
  });
});
