import assert from "node:assert/strict";
import { test } from "node:test";
import { numberToHex } from "viem";
import { exceptionTree, missedLeaf } from "../../support/contracts/exceptions.ts";
import { artifactAbi } from "../../support/contracts/factory.ts";
import { createGroup, type Group, TOKENS } from "../../support/contracts/group.ts";

/* No call loops over what a group holds: the same calls cost the same with 10 members and with 10,000. */

const PROVIDERS = 10_000;
const PER_CALL = 100;
/** Slots of one provider, each in an order of its own; MEMO_LONG=1 opens a thousand. */
const ORDERS = process.env.MEMO_LONG === "1" ? 1000 : 100;
const FIRST_OPERATOR = 1n << 100n;

async function gasOfEpoch(group: Group, epoch: number) {
  await group.toEpoch(epoch);
  const tree = exceptionTree([missedLeaf(2), missedLeaf(3)]);
  const certified = await group.certify(group.certificate(epoch, tree.certificate));
  const applied = await group.onSettlement("applyExceptions", [epoch, ...tree.chunk(0, 2)]);
  return { certify: Number(certified.gasUsed), apply: Number(applied.gasUsed) };
}

test("certifying, settling, opening, unbonding and registering cost in a crowd what they cost among ten", async (t) => {
  const group = await createGroup({
    ...{ keepers: 10, providers: 10 },
    parameters: { epochLength: 7200, payerDelay: 7200, applyWindow: 6000, unbondingDelay: 100_000 },
  });
  await group.onOrders("deposit", [100_000n * TOKENS]);
  let salt = 0;
  const single = async () =>
    await group.order({
      ...{ providers: [1], policy: (2 << 16) | (1 << 8), stripes: 1, startEpoch: 1, endEpoch: 41 },
      ...{
        salt: numberToHex(++salt, { size: 32 }),
        manifest: { firstStripe: 0, stripes: 1, length: 1n, digest: numberToHex(7, { size: 32 }) },
      },
    });
  const [first, second, last] = [await single(), await single(), await single()];
  await group.open(first);
  const openedBefore = Number((await group.open(second)).gasUsed);
  for (let index = 0; index < ORDERS; index++) await group.open(await single());
  const openedAfter = Number((await group.open(last)).gasUsed);
  await gasOfEpoch(group, 1);
  const before = await gasOfEpoch(group, 2);
  await group.onOrders("settle", [first, 2]);
  await group.onStaking("requestUnbonding", [0, 4, TOKENS]);
  const settledBefore = Number((await group.onOrders("settle", [first, 3])).gasUsed);
  const unbondedBefore = Number((await group.onStaking("requestUnbonding", [0, 5, TOKENS])).gasUsed);

  const crowd = await group.chain.deploy("Crowd");
  const stake = group.parameters.minProviderStake;
  await group.onToken("transfer", [crowd, stake * BigInt(PROVIDERS)]);
  const abi = await artifactAbi("Crowd");
  for (let from = 0; from < PROVIDERS; from += PER_CALL) {
    const args = [group.staking, group.token, FIRST_OPERATOR + BigInt(from), PER_CALL, stake];
    await group.chain.send({ address: crowd, abi, functionName: "register", args, gas: 16_000_000n });
  }
  assert.equal(await group.read.staking("providerCount"), PROVIDERS + 10);

  const after = await gasOfEpoch(group, 3);
  await group.onOrders("settle", [second, 3]);
  const settledAfter = Number((await group.onOrders("settle", [second, 4])).gasUsed);
  const unbondedAfter = Number((await group.onStaking("requestUnbonding", [0, 6, TOKENS])).gasUsed);
  const rows = [
    ["certify", before.certify, after.certify],
    ["apply exceptions", before.apply, after.apply],
    ["open an order", openedBefore, openedAfter],
    ["settle an order", settledBefore, settledAfter],
    ["unbond", unbondedBefore, unbondedAfter],
  ] as const;
  for (const [name, few, many] of rows) {
    t.diagnostic(`${name}: ${few} gas among ten, ${many} in the crowd`);
    // Numbers with more bytes in calldata, and signatures with fewer zeros.
    assert.ok(Math.abs(many - few) < 500, name);
  }
  await group.chain.close();
});
