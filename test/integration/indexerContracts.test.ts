import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Address, erc20Abi, type Hex } from "viem";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { query } from "./indexer/graphql.ts";
import { createRealGroup, missedLeaves, REAL_ABIS, type RealGroup } from "./indexer/realGroup.ts";
import { hash } from "./indexer/world.ts";

describe("indexer over the real contracts", { timeout: 240_000 }, () => {
  let real: RealGroup;
  let indexer: Indexer;
  let order: Order;
  let id: Hex;
  let groupId: string;
  let certification: Hex;
  let opening: Hex;

  const ask = async <Data>(text: string): Promise<Data> => {
    await indexer.ready(await real.node.head(), AbortSignal.timeout(60_000));
    return query<Data>(indexer.url, text);
  };

  before(async () => {
    real = await createRealGroup();
    const { group, owner } = real;
    groupId = group.settlement.toLowerCase();
    await real.call(group.orders, REAL_ABIS.orders, "deposit", [10n ** 18n]);
    const now = await real.epochNow();
    order = {
      ...{ group: group.settlement, owner, payer: owner, providers: [3, 1, 2], shardRoot: hash("root") },
      ...{
        stripes: 7,
        policy: (1 << 16) | (2 << 8) | 1,
        layout: 0,
        startEpoch: now + 1,
        endEpoch: now + 101,
      },
      ...{ price: (100n << 32n) + 12_345_678_901n, minEpochs: 5 },
      openBy: BigInt(group.parameters.genesis + (now + 1) * group.parameters.epochLength),
      manifest: { firstStripe: 6, stripes: 1, length: 99n, digest: hash("manifest") },
      salt: hash("salt"),
    };
    id = orderId(order);
    opening = await real.open(order);
    const first = order.startEpoch;
    await real.advanceTo(first);
    certification = await real.certify(first, missedLeaves(2));
    await real.apply(first, missedLeaves(2));
    // A gap of 13: eight of it count as the next certificate says, five are dead.
    await real.advanceTo(first + 14);
    await real.certify(first + 14, missedLeaves(1, 3));
    await real.apply(first + 14, missedLeaves(1, 3));
    await real.advanceTo(first + 15);
    await real.certify(first + 15);
    await real.call(group.orders, REAL_ABIS.orders, "settle", [order, first + 9]);
    await real.call(group.orders, REAL_ABIS.orders, "settle", [order, first + 16]);
    indexer = await startIndexer({
      rpcUrl: real.node.rpcUrl,
      deploymentPath: real.deploymentPath,
      port: 0,
      dataDir: real.directory,
      pollingMs: 100,
      logger: createSilentLogger(),
    });
  });

  after(async () => {
    await indexer?.stop();
    await real?.stop();
  });

  const assertConserved = async (): Promise<void> => {
    const { group: totals } = await ask<{ group: Record<string, string> }>(`{ group(id: "${groupId}") {
      payerBalances escrow credits pools providerStake keeperStake unbonding
    } }`);
    const sum = (...names: string[]) => names.reduce((total, name) => total + BigInt(totals[name]!), 0n);
    const held = (holder: Address) =>
      real.read<bigint>(real.deployment.token, [...erc20Abi], "balanceOf", [holder]);
    assert.equal(sum("payerBalances", "escrow", "credits", "pools"), await held(real.group.orders));
    assert.equal(sum("providerStake", "keeperStake", "unbonding"), await held(real.group.staking));
  };

  const assertCredits = async (): Promise<void> => {
    const { providers } = await ask<{ providers: { items: { providerId: number; credit: string }[] } }>(
      '{ providers(orderBy: "providerId") { items { providerId credit } } }',
    );
    for (const { providerId, credit } of providers.items) {
      const onChain = await real.read<bigint>(real.group.orders, REAL_ABIS.orders, "credit", [providerId]);
      assert.equal(BigInt(credit), onChain, `provider ${providerId}`);
    }
  };

  test("tells the order, its cost and the gas of opening as the chain has them", async () => {
    const answer = await ask<{ order: Record<string, unknown> }>(`{ order(id: "${id}") {
      cost escrow settledTo state opening { id gasUsed callId }
    } }`);
    const cost = await real.read<{ total: bigint }>(real.group.orders, REAL_ABIS.orders, "cost", [order]);
    const state = await real.read<{ escrow: bigint; settledTo: number }>(
      real.group.orders,
      REAL_ABIS.orders,
      "orderState",
      [id],
    );
    const receipt = await real.node.publicClient.getTransactionReceipt({ hash: opening });
    assert.deepEqual(answer.order, {
      ...{ cost: String(cost.total), escrow: String(state.escrow), settledTo: String(state.settledTo) },
      state: "open",
      opening: { id: opening, gasUsed: Number(receipt.gasUsed), callId: "StorageOrders.open" },
    });
  });

  test("tells certificates, gaps and who missed", async () => {
    const first = order.startEpoch;
    const { epoch, dead, gap } = await ask<Record<string, Record<string, unknown>>>(`{
      epoch(id: "${groupId}-${first}") {
        state signers absent leader certifyGas exceptions { items { provider { providerId } outcome } }
      }
      gap: epoch(id: "${groupId}-${first + 8}") { state certifiedBy }
      dead: epoch(id: "${groupId}-${first + 9}") { state certifiedBy }
    }`);
    const receipt = await real.node.publicClient.getTransactionReceipt({ hash: certification });
    assert.deepEqual(epoch, {
      ...{
        state: "finished",
        signers: [0, 1, 2],
        absent: [3],
        leader: 1,
        certifyGas: Number(receipt.gasUsed),
      },
      exceptions: { items: [{ provider: { providerId: 2 }, outcome: "applied" }] },
    });
    assert.deepEqual(gap, { state: "gap", certifiedBy: first + 14 });
    assert.deepEqual(dead, { state: "dead", certifiedBy: first + 14 });
  });

  test("credits every provider what its contract does, gaps, dead and missed epochs included", async () => {
    await assertCredits();
  });

  test("conserves money: the totals are the token balances of the contracts", async () => {
    await assertConserved();
  });

  test("still agrees after an early end, withdrawals and unbonding", async () => {
    const { group } = real;
    await real.call(group.orders, REAL_ABIS.orders, "end", [order]);
    const now = await real.epochNow();
    await real.advanceTo(now + 1);
    await real.certify(now + 1);
    await real.call(group.orders, REAL_ABIS.orders, "settle", [order, now + 1]);
    await real.call(group.orders, REAL_ABIS.orders, "releaseCollateral", [order]);
    await real.call(group.orders, REAL_ABIS.orders, "withdrawCredit", [3]);
    await real.call(group.orders, REAL_ABIS.orders, "withdrawTreasury", [0]);
    await real.call(group.orders, REAL_ABIS.orders, "requestWithdrawal", [5n]);
    const unbonding = [0, 3, 7n * 10n ** 18n];
    await real.call(group.staking, REAL_ABIS.staking, "requestUnbonding", unbonding);
    await assertConserved();
    await assertCredits();
    const { order: row, group: totals } = await ask<Record<"order" | "group", Record<string, unknown>>>(`{
      order(id: "${id}") { state escrow }
      group(id: "${groupId}") { collateral openOrderCount shards unbonding }
    }`);
    assert.deepEqual(row, { state: "closed", escrow: "0" });
    assert.deepEqual(totals, {
      ...{ collateral: "0", openOrderCount: 0, shards: "0", unbonding: String(7n * 10n ** 18n) },
    });
  });

  test("recomputes the rolling hash of every contract, in every block that has events", async () => {
    const { contracts } = await ask<{
      contracts: {
        items: { id: Hex; name: string; checkpoints: { items: { block: number; rollingHash: Hex }[] } }[];
      };
    }>("{ contracts { items { id name checkpoints(limit: 1000) { items { block rollingHash } } } } }");
    assert.equal(contracts.items.length, 7);
    for (const { id: address, name, checkpoints } of contracts.items) {
      for (const { block, rollingHash } of checkpoints.items) {
        const onChain = await real.node.publicClient.readContract({
          ...{ address, abi: REAL_ABIS.staking, functionName: "rollingHash", blockNumber: BigInt(block) },
        });
        assert.equal(rollingHash, onChain, `${name} at block ${block}`);
      }
    }
  });
});
