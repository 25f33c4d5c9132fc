import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicy } from "../../../protocol/object/policy.ts";
import { chooseCast, hasRoomForFaults } from "../../../scripts/story/acts/cast.ts";
import { compareBooks } from "../../../scripts/story/acts/money.ts";
import { createReasons } from "../../../scripts/story/acts/play.ts";
import type { BookEntry, Books } from "../../../scripts/story/books.ts";
import { describe, naming } from "../../../scripts/story/certificates.ts";
import { formatChange } from "../../../scripts/story/format.ts";

for (const [policy, providers, room] of [
  ["rs(6,3)", 12, true],
  // Three slots are lost, and none of their holders comes back.
  ["rs(6,3)", 11, false],
  // Two of them at once.
  ["rs(3,2)", 8, true],
  ["rs(4,1)", 8, false],
  // Five holders have a part.
  ["rs(2,2)", 8, false],
] as const) {
  test(`${policy} among ${providers} providers has ${room ? "" : "no "}room for faults`, () => {
    assert.equal(hasRoomForFaults({ policy: parsePolicy(policy), providers }), room);
  });
}

test("every part of the cast is played by another provider, spares hold nothing", () => {
  const holders = [7, 3, 9, 1, 12, 5, 8, 2, 4];
  const cast = chooseCast({ holders, providers: 12, keepers: 4 });
  const { cheater, dead, slow, accused, challenged, spares } = cast;
  const parts = [cheater, dead, slow, accused, challenged];
  assert.equal(new Set(parts).size, 5);
  assert.ok(parts.every((id) => holders.includes(id)));
  assert.deepEqual(spares, [6, 10, 11]);
});

for (const [keepers, bribed] of [
  [4, 3],
  [7, 5],
  [10, 7],
] as const) {
  test(`of ${keepers} keepers a quorum of ${bribed} is bribed, one of which signs twice`, () => {
    const cast = chooseCast({ holders: [1, 2, 3, 4, 5], providers: 8, keepers });
    assert.equal(cast.bribed.length, bribed);
    assert.equal(cast.honestKeepers.length, keepers - bribed);
    assert.ok(cast.bribed.includes(cast.doubleSigner));
  });
}

test("the reason of a missed epoch is the last one given before it", () => {
  const reasons = createReasons();
  reasons.set(3, 5, "late");
  reasons.set(3, 8, "stopped");
  reasons.set(4, 1, "other");
  assert.deepEqual(
    [4, 5, 7, 8, 9].map((epoch) => reasons.of(3, epoch)),
    ["unknown", "late", "late", "stopped", "stopped"],
  );
});

function booksOf(entries: readonly BookEntry[]): Books {
  const none = { tokens: 0n, booked: 0n };
  return { block: 1n, supply: 0n, entries, orders: none, staking: none, conserved: true };
}

test("changes are sums over all places, losers come first, and who has as much as before is left out", () => {
  const before = booksOf([
    { party: "user", where: "wallet", amount: 100n },
    { party: "provider 1", where: "stake", amount: 50n },
    { party: "provider 2", where: "stake", amount: 50n },
  ]);
  const after = booksOf([
    { party: "user", where: "wallet", amount: 60n },
    { party: "user", where: "deposit", amount: 10n },
    { party: "provider 1", where: "stake", amount: 50n },
    { party: "provider 1", where: "credit", amount: 30n },
    { party: "provider 2", where: "stake", amount: 45n },
    { party: "provider 2", where: "credit", amount: 5n },
  ]);
  assert.deepEqual(
    compareBooks(before, after, (who) => `${who}!`),
    [
      { who: "user", part: "user!", change: -30n },
      { who: "provider 1", part: "provider 1!", change: 30n },
    ],
  );
});

test("changes line up at the point and carry their sign", () => {
  assert.deepEqual(
    [10n ** 18n, -(10n ** 15n), 1_234n * 10n ** 18n + 5n * 10n ** 12n, -1n].map(formatChange),
    ["+1.000000", "−0.001000", "+1,234.000005", "−0.000000"],
  );
});

test("a certificate is told with who missed, what is lost and to whom it is offered", () => {
  const quiet = { epoch: 4, round: 0, leader: 1, signers: 3, gas: 75_856, missed: [], lost: [], offers: [] };
  assert.equal(
    describe(quiet),
    "epoch 4: everybody proved what it holds; 3 keepers certified it for 75,856 gas",
  );
  const loud = {
    ...quiet,
    round: 2,
    missed: [3],
    lost: [{ provider: 3, slot: 1 }],
    offers: [{ provider: 7, slot: 1 }],
  };
  assert.match(
    describe(loud),
    /provider 3 missed and is not paid; lost: slot 1 of provider 3; offered: slot 1 to 7; .* in round 2/,
  );
  assert.equal(naming("keeper", [1, 2]), "keepers 1, 2");
});
