import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Hex, keccak256, stringToHex, zeroHash } from "viem";
import { rejectsWith, testAccount } from "../../support/contracts/chain.ts";
import { CHALLENGER, createDisputeGroup } from "../../support/contracts/disputes.ts";
import { createGroup, TOKENS } from "../../support/contracts/group.ts";
import { createRepairGroup } from "../../support/contracts/repairs.ts";
import { signCommit, signOrder } from "../../support/contracts/signing.ts";

/* Whoever plays several parts at once, or pays to hurt others, is worse off for it. */

const stranger = testAccount(CHALLENGER);
const named = (name: string): Hex => keccak256(stringToHex(name));

test("an order of one's own, to dilute one's sample, costs fees, however small or short it is", async () => {
  const group = await createGroup();
  const minimum = group.parameters.minPrice;
  const order = await group.order({ price: minimum });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 16_384 }),
      async (slots, stripes, epochs) => {
        const worthless = { ...order, stripes, endEpoch: order.startEpoch + epochs };
        const cost = await group.read.orders<{ keepers: bigint; treasury: bigint; providers: bigint }>(
          "cost",
          [{ ...worthless, providers: order.providers.slice(0, slots) }],
        );
        const shardEpochs = BigInt(slots * stripes * epochs);
        assert.ok(cost.treasury >= shardEpochs && cost.keepers >= 4n * shardEpochs);
      },
    ),
    { numRuns: 25, seed: 1 },
  );
  await rejectsWith(group.open({ ...order, price: minimum - 1n }), "PriceTooLow", [minimum - 1n, minimum]);
  await group.chain.close();
});

test("a provider that is its own user, challenger and owner loses a tenth by having itself slashed", async () => {
  const group = await createRepairGroup({ order: { startEpoch: 1 } });
  const own = { salt: named("own"), owner: group.owner.address, payer: group.owner.address };
  await group.onOrders("deposit", [1000n * TOKENS], group.owner);
  const order = { ...group.order, ...own, startEpoch: 1, openBy: BigInt(group.startOf(1)) };
  await group.open(order, { payer: await signOrder(group.place, order, group.owner) });
  const wealth = async () => {
    const { stake } = await group.stakeOf(1);
    const { total } = await group.read.orders<{ total: bigint }>("cost", [order]);
    const { escrow } = await group.state(order);
    return {
      own: stake + (await group.balance(group.owner.address)) + (await group.credit(1)) + escrow,
      total,
    };
  };
  for (const epoch of [1, 2, 3]) await group.epoch(epoch);
  await group.settle(4, order);
  const before = (await wealth()).own;
  const { ticket } = await group.challenge(0, 0, group.owner, order);
  await group.passWindow(ticket);
  await group.onDisputes("closeChallenge", [ticket, order]);
  const collateral = group.parameters.collateralPerShard * BigInt(order.stripes);
  const { pot } = await group.bonusOf(0, 4, order);
  const lost = before - (await wealth()).own;
  assert.ok(
    lost >= pot + collateral / 10n,
    `lost ${lost} of ${collateral}, of which the pot may come back: ${pot}`,
  );
  await group.books();
  await group.chain.close();
});

test("a thief of an operator key gets at no stake, income or owner's right, and by slashing a tenth of what it had locked", async () => {
  const group = await createDisputeGroup({ slots: 1, providers: 3, order: { policy: (2 << 16) | (1 << 8) } });
  const thief = testAccount(3);
  await group.epoch(1);
  await group.epoch(2);
  await group.onOrders("settle", [group.order, 3]);
  for (const [name, args] of [
    ["requestUnbonding", [0, 1, 1n]],
    ["setOperator", [0, 1, stranger.address]],
    ["transferOwnership", [0, 1, thief.address]],
  ] as const) {
    await rejectsWith(group.onStaking(name, args, thief), "NotOwner");
  }
  const owner = group.owner.address;
  const tokens = async (of: Hex) => await group.read.token<bigint>("balanceOf", [of]);
  const [theirs, owners] = [await tokens(thief.address), await tokens(owner)];
  await group.onOrders("withdrawCredit", [1], thief);
  assert.equal(await tokens(thief.address), theirs);
  assert.ok((await tokens(owner)) > owners, "what the thief asks for is paid to the owner");

  // It signs an order of its own over shards that nobody has, and challenges it.
  await group.onToken("transfer", [thief.address, 100n * TOKENS]);
  await group.onToken("approve", [group.place.orders, 100n * TOKENS], thief);
  await group.onOrders("deposit", [100n * TOKENS], thief);
  const start = (await group.read.settlement<number>("epochNow")) + 1;
  const order = {
    ...group.order,
    ...{ owner: thief.address, payer: thief.address, startEpoch: start, endEpoch: start + 40 },
    ...{
      openBy: BigInt(group.startOf(start)),
      stripes: 1000,
      price: group.parameters.minPrice,
      salt: named("theft"),
    },
  };
  await group.open(order, { payer: await signOrder(group.place, order, thief) });
  const balance = async () => await group.read.orders<bigint>("balanceOf", [thief.address]);
  await group.toEpoch(start + 1);
  const before = await balance();
  const { ticket } = await group.challenge(0, 7, thief, order);
  await group.passWindow(ticket);
  await group.onDisputes("closeChallenge", [ticket, order]);
  const collateral = group.parameters.collateralPerShard * 1000n;
  assert.equal((await balance()) - before, collateral / 10n);
  await group.chain.close();
});

test("to price others out of a challenge costs more than what it prices them at", async () => {
  const group = await createDisputeGroup({ stripes: 10 });
  const honest = testAccount(CHALLENGER + 1);
  const bond = async () => await group.read.disputes<bigint>("bondOf", [group.order, 0, honest.address]);
  const base = await bond();
  let spent = 0n;
  for (let stripe = 0; stripe < 8; stripe++) {
    const { ticket } = await group.challenge(0, stripe);
    spent += ticket.bond;
    assert.equal(await bond(), spent + base);
  }
  // Nobody else's provider, and not the owner of the data: its lane stays where it was capped.
  assert.equal(await group.read.disputes("bondOf", [group.order, 1, honest.address]), base);
  assert.equal(await group.read.disputes("bondOf", [group.order, 0, group.user.address]), 8n * base);
  await group.chain.close();
});

test("a flood of challenges costs an honest provider neither stake nor slots nor coin", async () => {
  const group = await createDisputeGroup({ stripes: 6 });
  await group.epoch(1);
  const responder = testAccount(3);
  const coin = async () => await group.chain.publicClient.getBalance({ address: responder.address });
  const tickets = [];
  for (let stripe = 0; stripe < 6; stripe++) tickets.push((await group.challenge(0, stripe)).ticket);
  for (const ticket of tickets) {
    const before = await coin();
    const answer = await group.answer(ticket.draw, ticket);
    await group.chain.helpers.setNextBlockBaseFeePerGas(10n ** 9n);
    const { gasUsed, effectiveGasPrice } = await group.onDisputes("respond", [ticket, answer], responder);
    const repaid = (await coin()) - before + gasUsed * effectiveGasPrice;
    assert.ok(repaid >= gasUsed * 10n ** 9n, "all but the tip that it chose to pay");
  }
  const { stake } = await group.read.staking<{ stake: bigint }>("provider", [1]);
  assert.equal(stake, 1000n * TOKENS);
  assert.equal((await group.read.repairs<{ holder: number }>("slotOf", [group.order, 0])).holder, 1);
  assert.equal(await group.read.disputes("challengesOpen", [group.id, 0]), 0n);
  await group.chain.close();
});

test("who squats the lane of a shard that it lost only puts off being slashed, by one window", async () => {
  const group = await createRepairGroup();
  await group.epoch(1);
  await group.epoch(2);
  const owner = group.owner;
  const { ticket } = await group.challenge(0, 0, owner);
  await rejectsWith(group.challenge(0, 0), "ChallengeAlreadyOpen");
  // Another shard of the slot, or the owner's lane, is as good; both slots of the word are one tenure.
  const { ticket: other } = await group.challenge(0, 1);
  await group.passWindow(other);
  await group.onDisputes("closeChallenge", [other, group.order]);
  assert.equal((await group.slotOf(0)).vacant, true);
  await group.onDisputes("closeChallenge", [ticket, group.order]);
  assert.equal(await group.balance(owner.address), 0n, "the reward was the other's");
  await group.books();
  await group.chain.close();
});

test("a quorum that accuses everybody at once moves slots up to the cap, and takes no stake from who appeals", async () => {
  const group = await createDisputeGroup({ slots: 4, stripes: 2, parameters: { evictionCap: 5000 } });
  for (const name of ["a", "b", "c"]) await group.openOrder({ salt: named(name), startEpoch: 1 });
  await group.epoch(1);
  const ids = [...group.opened.keys()].sort();
  const accused = [1, 2, 3, 4];
  await group.toEpoch(2);
  const leaves = accused.map((id) =>
    group.lost(
      id,
      ids.map((of) => group.entry(id - 1, 0, of)),
    ),
  );
  await group.certifyWith(2, leaves);
  await group.chain.helpers.mine(2);
  const records = [];
  for (const index of accused.keys()) {
    const receipt = await group.apply(2, leaves, index, 1);
    if (index < 2) records.push(group.recorded(receipt));
    else assert.throws(() => group.recorded(receipt), "beyond the cap nothing is recorded");
  }
  const evicted = records.flatMap(({ entries }) => entries).length;
  assert.equal(evicted, 8, "half of sixteen slots");
  for (const record of records) await group.appeal(record);
  await group.passWindow(records[1]!);
  for (const record of records) await group.closeRecord(record);
  for (const id of accused) {
    const { stake } = await group.read.staking<{ stake: bigint }>("provider", [id]);
    assert.equal(stake, 1000n * TOKENS);
  }
  await group.chain.close();
});

test("a keeper that reports itself to get its stake out early gets a twentieth of it", async () => {
  const group = await createGroup({ keepers: 5, providers: 0 });
  const account = group.keepers[4]!.account;
  const a = group.certificate(1);
  const b = { ...a, resultsRoot: zeroHash };
  const votes = [await signCommit(group.place, a, account), await signCommit(group.place, b, account)];
  const tokens = async () => await group.read.token<bigint>("balanceOf", [group.owner.address]);
  const before = await tokens();
  await group.onSettlement("reportEquivocation", [a, b, 4, ...votes], group.owner);
  assert.equal((await tokens()) - before, 50n * TOKENS);
  await rejectsWith(group.onStaking("withdrawStake", [1, 5]), "NothingUnbonding");
  await group.chain.close();
});
