import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Hex } from "viem";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { deployEventSource, emission, RELAY_SELECTOR, relayed } from "./indexer/eventSource.ts";
import { ALLOWANCE_EVENTS, EVENTS, FAULT_EVENTS } from "./indexer/events.ts";
import { query } from "./indexer/graphql.ts";
import {
  address,
  applyAndFinish,
  COST,
  certify,
  emitted,
  keeperOperator,
  ORDER,
  OWNER,
  openOrder,
  PAYER,
  registerAll,
  rotate,
} from "./indexer/history.ts";
import { ABIS, createWorld, EPOCH_LENGTH, hash, PARAMETERS, type Part, type World } from "./indexer/world.ts";

/** What one shard earns in one epoch under the order's price. */
const SHARD_PAY = 1_000n;
const SLOT_PAY = SHARD_PAY * BigInt(ORDER.stripes);

describe("indexer", { timeout: 180_000 }, () => {
  let world: World;
  let indexer: Indexer;
  let group: Hex;

  before(async () => {
    world = await createWorld();
    group = world.contracts.settlement.toLowerCase() as Hex;
    await world.createGroup();
    await registerAll(world);
    indexer = await startIndexer({
      rpcUrl: world.node.rpcUrl,
      deploymentPath: world.deploymentPath,
      port: 0,
      dataDir: world.directory,
      pollingMs: 100,
      logger: createSilentLogger(),
    });
    await indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));
  });

  after(async () => {
    await indexer?.stop();
    await world?.stop();
  });

  const ask = async <Data>(text: string): Promise<Data> => {
    await indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));
    return query<Data>(indexer.url, text);
  };

  test("discovers the group from the factory and keeps its parameters", async () => {
    const { group: row, network } = await ask<{
      group: {
        groupId: number;
        parameters: Record<string, unknown>;
        providerCount: number;
        keeperCount: number;
      };
      network: { groupCount: number; chainId: number; factory: Hex };
    }>(`{
      group(id: "${group}") { groupId parameters providerCount keeperCount }
      network(id: "memo") { groupCount chainId factory }
    }`);
    const parameters = Object.fromEntries(
      Object.entries(PARAMETERS).map(([key, value]) => [
        key,
        typeof value === "bigint" ? String(value) : value,
      ]),
    );
    assert.deepEqual(row, { groupId: 1, parameters, providerCount: 3, keeperCount: 4 });
    const factory = world.contracts.factory.toLowerCase();
    assert.deepEqual(network, { groupCount: 1, chainId: 31337, factory });
  });

  test("tells providers and keepers as they registered, and what they changed since", async () => {
    const update = {
      providerId: 3,
      domain: hash("moved"),
      ask: 950n,
      repairs: true,
      endpoint: "/dns/x/tcp/1",
    };
    await world.emit("staking", "updateProvider", [emitted("ProviderUpdated", update)]);
    const endpoint = "/dns/keeper/tcp/2";
    await world.emit("staking", "updateKeeper", [emitted("KeeperUpdated", { keeperId: 4, endpoint })]);
    await world.emit("staking", "requestUnbonding", [
      emitted("UnbondingRequested", {
        role: 1,
        id: 4,
        amount: 5_000n,
        availableAt: 1_800_000_000n,
        stake: 0n,
      }),
      emitted("KeeperUnseated", { keeperId: 4, seat: 3, by: 0 }),
    ]);
    const { provider, keeper } = await ask<Record<"provider" | "keeper", Record<string, unknown>>>(`{
      provider(id: "${group}-3") { owner domain ask repairs endpoint stake unbonding group { id } }
      keeper(id: "${group}-4") { operator seat endpoint stake unbonding withdrawableAt }
    }`);
    assert.deepEqual(provider, {
      ...{
        owner: address(0x53),
        domain: update.domain,
        ask: "950",
        repairs: true,
        endpoint: update.endpoint,
      },
      ...{ stake: "10000", unbonding: "0", group: { id: group } },
    });
    assert.deepEqual(keeper, {
      ...{ operator: keeperOperator(4), seat: null, endpoint, stake: "0" },
      ...{ unbonding: "5000", withdrawableAt: "1800000000" },
    });
  });

  test("follows stake to its owner and a keeper back to a seat", async () => {
    const owner = address(0x64);
    await world.emit("staking", "withdrawStake", [
      emitted("StakeWithdrawn", { role: 1, id: 4, owner, amount: 5_000n }),
    ]);
    await world.emit("staking", "addStake", [
      emitted("StakeDeposited", { role: 1, id: 4, amount: 6_000n, stake: 6_000n }),
    ]);
    await world.emit("staking", "takeSeat", [emitted("KeeperSeated", { keeperId: 4, seat: 9 })]);
    const { keeper, group: totals } = await ask<Record<"keeper" | "group", Record<string, unknown>>>(`{
      keeper(id: "${group}-4") {
        seat stake unbonding withdrawableAt movements(orderBy: "block") { items { kind amount actor } }
      }
      group(id: "${group}") { providerStake keeperStake unbonding }
    }`);
    const items = [
      { kind: "staked", amount: "5000", actor: owner },
      { kind: "unbondingRequested", amount: "5000", actor: owner },
      { kind: "unstaked", amount: "5000", actor: owner },
      { kind: "staked", amount: "6000", actor: owner },
    ];
    assert.deepEqual(keeper, {
      seat: 9,
      stake: "6000",
      unbonding: "0",
      withdrawableAt: null,
      movements: { items },
    });
    assert.deepEqual(totals, { providerStake: "30000", keeperStake: "21000", unbonding: "0" });
  });

  test("tells an order with its slots, holders, cost and opening transaction", async () => {
    const hashOfOpening = await openOrder(world);
    const receipt = await world.node.publicClient.getTransactionReceipt({ hash: hashOfOpening });
    const { order, payer } = await ask<Record<"order" | "payer", Record<string, unknown>>>(`{
      order(id: "${ORDER.id}") {
        owner policy k m slotCount stripes shards startEpoch endEpoch price state cost escrow sequence
        manifestFirstStripe manifestStripes manifestLength manifestDigest
        slots(orderBy: "slot") { items { slot since provider { providerId collateral slotCount shards } } }
        opening { id functionName gasUsed }
        payer { address }
      }
      payer(id: "${group}-${PAYER}") { balance free escrow deposited orders { items { id } } }
    }`);
    assert.deepEqual(order, {
      ...{ owner: OWNER, policy: "rs(2,1)", k: 2, m: 1, slotCount: 3, stripes: "5", shards: "15" },
      ...{ startEpoch: "2", endEpoch: "102", price: String(ORDER.price), state: "open", sequence: "1" },
      ...{ cost: String(COST), escrow: String(COST) },
      ...{ manifestFirstStripe: "4", manifestStripes: "1", manifestLength: "321" },
      manifestDigest: hash("manifest"),
      slots: {
        items: [1, 2, 3].map((providerId, slot) => ({
          ...{ slot, since: "2" },
          provider: { providerId, collateral: "35", slotCount: 1, shards: "5" },
        })),
      },
      opening: { id: hashOfOpening, functionName: "open", gasUsed: Number(receipt.gasUsed) },
      payer: { address: PAYER },
    });
    const balance = String(2_000_000n - COST);
    assert.deepEqual(payer, {
      ...{ balance, free: balance, escrow: String(COST), deposited: "2000000" },
      orders: { items: [{ id: ORDER.id }] },
    });
  });

  test("tells a certificate: root, gas, who signed, led, submitted and was absent", async () => {
    const certification = await certify(world, 2, { absent: 0b1000, leader: 2, exceptions: 2 });
    const receipt = await world.node.publicClient.getTransactionReceipt({ hash: certification });
    const { epoch, keepers } = await ask<{
      epoch: Record<string, unknown>;
      keepers: { items: Record<string, unknown>[] };
    }>(`{
      epoch(id: "${group}-2") {
        epoch state startsAt term round resultsRoot exceptionsRoot exceptionCount leader signers absent submitter
        certifyGas certification { id gasUsed } roster { term quorum memberCount }
      }
      keepers(orderBy: "keeperId") { items { keeperId signed led absent submitted } }
    }`);
    assert.deepEqual(epoch, {
      ...{ epoch: 2, state: "certified", term: 0, round: "1", exceptionCount: "2", leader: 2 },
      startsAt: String(PARAMETERS.genesis + BigInt(2 * EPOCH_LENGTH)),
      ...{ resultsRoot: hash("results 2"), exceptionsRoot: hash("exceptions 2") },
      ...{ signers: [0, 1, 2], absent: [3], submitter: keeperOperator(2) },
      certifyGas: Number(receipt.gasUsed),
      certification: { id: certification, gasUsed: Number(receipt.gasUsed) },
      roster: { term: 0, quorum: 3, memberCount: 4 },
    });
    assert.deepEqual(keepers.items, [
      { keeperId: 1, signed: 1, led: 0, absent: 0, submitted: 0 },
      { keeperId: 2, signed: 1, led: 0, absent: 0, submitted: 1 },
      { keeperId: 3, signed: 1, led: 1, absent: 0, submitted: 0 },
      { keeperId: 4, signed: 0, led: 0, absent: 1, submitted: 0 },
    ]);
  });

  test("tells exceptions that were applied and those that were skipped, with the reason", async () => {
    await applyAndFinish(world, 2, { missed: [2], skipped: true });
    const { epoch, provider } = await ask<Record<"epoch" | "provider", Record<string, unknown>>>(`{
      epoch(id: "${group}-2") {
        state missed exceptionsApplied gap dead
        exceptions(orderBy: "id") { items { id kind outcome reason provider { providerId } } }
      }
      provider(id: "${group}-2") { missedEpochs exceptions { items { epoch inEpoch { resultsRoot } } } }
    }`);
    assert.deepEqual(epoch, {
      ...{ state: "finished", missed: 1, exceptionsApplied: "2", gap: 0, dead: 0 },
      exceptions: {
        items: [
          {
            ...{ id: `${group}-2-missed-2`, kind: "missed", outcome: "applied", reason: null },
            provider: { providerId: 2 },
          },
          {
            ...{ id: `${group}-2-skipped-1`, kind: "missed", outcome: "skipped", reason: "provider unknown" },
            provider: null,
          },
        ],
      },
    });
    const items = [{ epoch: 2, inEpoch: { resultsRoot: hash("results 2") } }];
    assert.deepEqual(provider, { missedEpochs: 1, exceptions: { items } });
  });

  test("tells which epochs of a gap are paid, which are dead, and which epoch lapsed", async () => {
    await certify(world, 6);
    await applyAndFinish(world, 6, { gap: 3, dead: 1, missed: [1] });
    await certify(world, 7, { exceptions: 1 });
    await applyAndFinish(world, 7, { lapsed: true });
    const { epochs, group: totals } = await ask<{
      epochs: { items: unknown[] };
      group: Record<string, unknown>;
    }>(`{
      epochs(orderBy: "epoch") { items { epoch state certifiedBy gap dead } }
      group(id: "${group}") { epochsCertified epochsGap epochsLapsed lastCertifiedEpoch lastFinishedEpoch }
    }`);
    assert.deepEqual(epochs.items, [
      { epoch: 2, state: "finished", certifiedBy: 2, gap: 0, dead: 0 },
      { epoch: 3, state: "gap", certifiedBy: 6, gap: null, dead: null },
      { epoch: 4, state: "gap", certifiedBy: 6, gap: null, dead: null },
      { epoch: 5, state: "dead", certifiedBy: 6, gap: null, dead: null },
      { epoch: 6, state: "finished", certifiedBy: 6, gap: 3, dead: 1 },
      { epoch: 7, state: "lapsed", certifiedBy: 7, gap: 0, dead: 0 },
    ]);
    assert.deepEqual(totals, {
      ...{ epochsCertified: 3, epochsGap: 3, epochsLapsed: 1, lastCertifiedEpoch: 7, lastFinishedEpoch: 7 },
    });
  });

  test("gives an epoch the roster of its own term, also after the next has been written", async () => {
    await rotate(world, 1, [1, 2, 3]);
    await certify(world, 8);
    await certify(world, 1_003, { term: 1 });
    const { epochs } = await ask<{ epochs: { items: unknown[] } }>(
      `{ epochs(where: { epoch_in: [8, 1003] }, orderBy: "epoch") {
        items { roster { term previous { term } members { items { keeper { keeperId } } } } }
      } }`,
    );
    const members = (ids: number[]) => ({ items: ids.map((keeperId) => ({ keeper: { keeperId } })) });
    assert.deepEqual(epochs.items, [
      { roster: { term: 0, previous: null, members: members([1, 2, 3, 4]) } },
      { roster: { term: 1, previous: { term: 0 }, members: members([1, 2, 3]) } },
    ]);
  });

  test("credits each provider for the epochs it earned, though the event tells only the sum", async () => {
    // Epochs 2…7: 5 is dead for all; provider 2 missed 2; provider 1 missed 6 and the gap 3, 4 before it.
    const paid = { 1: 2n, 2: 4n, 3: 5n };
    const toProviders = (paid[1] + paid[2] + paid[3]) * SLOT_PAY;
    await world.emit("orders", "settle", [
      emitted("OrderSettled", {
        ...{ orderId: ORDER.id, fromEpoch: 2, toEpoch: 8, toProviders },
        ...{ toKeepers: 1_000n, toTreasury: 900n, refunded: 35_000n },
      }),
    ]);
    const { providers, order, payer } = await ask<{
      providers: { items: { providerId: number; earned: string; credit: string }[] };
      order: Record<string, unknown>;
      payer: Record<string, unknown>;
    }>(`{
      providers(orderBy: "providerId") { items { providerId earned credit } }
      order(id: "${ORDER.id}") {
        settledTo escrow paidToProviders paidToKeepers paidToTreasury refunded
        slots(orderBy: "slot") { items { paidEpochs } }
        payments { items { fromEpoch toEpoch toProviders refunded } }
      }
      payer(id: "${group}-${PAYER}") { balance escrow refunded }
    }`);
    assert.deepEqual(
      providers.items.map(({ earned, credit }) => [earned, credit]),
      [paid[1], paid[2], paid[3]].map((epochs) => [String(epochs * SLOT_PAY), String(epochs * SLOT_PAY)]),
    );
    const escrow = String(COST - toProviders - 36_900n);
    assert.deepEqual(order, {
      ...{ settledTo: "8", escrow, paidToProviders: String(toProviders) },
      ...{ paidToKeepers: "1000", paidToTreasury: "900", refunded: "35000" },
      slots: { items: [{ paidEpochs: 2 }, { paidEpochs: 4 }, { paidEpochs: 5 }] },
      payments: {
        items: [{ fromEpoch: "2", toEpoch: "8", toProviders: String(toProviders), refunded: "35000" }],
      },
    });
    assert.deepEqual(payer, { balance: String(2_000_000n - COST + 35_000n), escrow, refunded: "35000" });
  });

  test("follows an early end, the release of collateral and every withdrawal", async () => {
    const [provider, keeper] = [address(0x53), address(0x61)];
    await world.emit("orders", "end", [
      emitted("OrderEnding", { orderId: ORDER.id, by: OWNER, endEpoch: 12 }),
    ]);
    const ending = await ask<{ order: unknown }>(
      `{ order(id: "${ORDER.id}") { state endedBy endEpoch signedEndEpoch } }`,
    );
    assert.deepEqual(ending.order, {
      state: "ending",
      endedBy: OWNER,
      endEpoch: "12",
      signedEndEpoch: "102",
    });

    const rest = COST - 11n * SLOT_PAY - 36_900n;
    await world.emit("orders", "settle", [
      emitted("OrderSettled", {
        ...{ orderId: ORDER.id, fromEpoch: 8, toEpoch: 12, toProviders: 12n * SLOT_PAY },
        ...{ toKeepers: 2_000n, toTreasury: 500n, refunded: rest - 12n * SLOT_PAY - 2_500n },
      }),
      emitted("OrderClosed", { orderId: ORDER.id }),
    ]);
    await world.emit(
      "staking",
      "releaseCollateral",
      ORDER.providers.map((providerId) =>
        emitted("CollateralReleased", { providerId, orderId: ORDER.id, amount: 35n }),
      ),
    );
    await world.emit("orders", "withdrawCredit", [
      emitted("CreditWithdrawn", { providerId: 3, owner: provider, amount: 40_000n }),
    ]);
    await world.emit("orders", "claimKeeperFee", [
      emitted("KeeperFeeClaimed", { term: 0, keeperId: 1, owner: keeper, amount: 700n }),
    ]);
    const treasury = PARAMETERS.treasury;
    await world.emit("orders", "withdrawTreasury", [
      emitted("TreasuryWithdrawn", { term: 0, treasury, amount: 1_600n }),
    ]);
    await world.emit("orders", "requestWithdrawal", [
      emitted("WithdrawalRequested", { payer: PAYER, amount: 100_000n, availableAt: 1_900_000_000n }),
    ]);
    const announced = await ask<{ payer: Record<string, string> }>(
      `{ payer(id: "${group}-${PAYER}") { balance free requested withdrawableAt } }`,
    );
    assert.equal(BigInt(announced.payer.balance!) - BigInt(announced.payer.free!), 100_000n);
    assert.equal(announced.payer.withdrawableAt, "1900000000");
    await world.emit("orders", "withdraw", [emitted("Withdrawn", { payer: PAYER, amount: 100_000n })]);

    const after = await ask<Record<string, Record<string, unknown>>>(`{
      order(id: "${ORDER.id}") { state escrow }
      provider(id: "${group}-3") { earned credit creditWithdrawn collateral slotCount shards }
      keeper(id: "${group}-1") { feesClaimed }
      payer(id: "${group}-${PAYER}") { balance free requested withdrawableAt withdrawn escrow }
      group(id: "${group}") { openOrderCount orderCount shards escrow collateral pools credits }
    }`);
    assert.deepEqual(after.order, { state: "closed", escrow: "0" });
    assert.deepEqual(after.provider, {
      ...{ earned: "45000", credit: "5000", creditWithdrawn: "40000" },
      ...{ collateral: "0", slotCount: 0, shards: "0" },
    });
    assert.deepEqual(after.keeper, { feesClaimed: "700" });
    const balance = String(2_000_000n - 23n * SLOT_PAY - 4_400n - 100_000n);
    assert.deepEqual(after.payer, {
      ...{ balance, free: balance, requested: "0", withdrawableAt: null, withdrawn: "100000", escrow: "0" },
    });
    assert.deepEqual(after.group, {
      ...{ openOrderCount: 0, orderCount: 1, shards: "0", escrow: "0", collateral: "0" },
      ...{ pools: String(4_400n - 2_300n), credits: String(23n * SLOT_PAY - 40_000n) },
    });
  });

  test("balances: what came in is what is there and what went out", async () => {
    const { network } = await ask<{ network: Record<string, string> }>(`{ network(id: "memo") {
      deposited withdrawn creditsWithdrawn keeperFeesClaimed treasuryWithdrawn payerBalances escrow credits pools
      paidToProviders paidToKeepers paidToTreasury refunded
    } }`);
    const sum = (...names: string[]) => names.reduce((total, name) => total + BigInt(network[name]!), 0n);
    const held = sum("payerBalances", "escrow", "credits", "pools");
    const out = sum("withdrawn", "creditsWithdrawn", "keeperFeesClaimed", "treasuryWithdrawn");
    assert.equal(sum("deposited"), held + out);
    assert.equal(sum("credits", "creditsWithdrawn"), sum("paidToProviders"));
  });

  test("tells the gas of every kind of transaction, also of those that come through other contracts", async () => {
    const relay = await deployEventSource(world.node, "Relay");
    const update = emitted("KeeperUpdated", { keeperId: 1, endpoint: "/dns/relayed/tcp/1" });
    const data = relayed([
      { to: world.contracts.staking, input: emission(ABIS.staking, "updateKeeper", [update]) },
    ]);
    await world.node.send({ to: relay, data });
    const { gasUses } = await ask<{ gasUses: { items: { id: string; count: number; total: string }[] } }>(
      "{ gasUses(limit: 100) { items { id count total average least most last } } }",
    );
    const counts = Object.fromEntries(gasUses.items.map(({ id, count }) => [id, count]));
    assert.equal(counts["Staking.registerProvider"], 3);
    assert.equal(counts["ChallengeSettlement.certify"], 5);
    assert.equal(counts["StorageOrders.settle"], 2);
    assert.equal(counts[`indirect.${RELAY_SELECTOR}`], 1);
    const { transactions } = await ask<{
      transactions: { items: { id: Hex; gasUsed: number }[]; totalCount: number };
    }>(`{ transactions(limit: 1000) { items { id gasUsed } totalCount } }`);
    const total = gasUses.items.reduce((sum, item) => sum + BigInt(item.total), 0n);
    assert.equal(
      transactions.items.reduce((sum, { gasUsed }) => sum + BigInt(gasUsed), 0n),
      total,
    );
    for (const { id, gasUsed } of transactions.items.slice(0, 5)) {
      const receipt = await world.node.publicClient.getTransactionReceipt({ hash: id });
      assert.equal(BigInt(gasUsed), receipt.gasUsed);
    }
  });

  test("has a handler for every event but those of faults, and the hash of each contract agrees", async () => {
    const expected = EVENTS.filter((name) => !FAULT_EVENTS.has(name) && !ALLOWANCE_EVENTS.has(name));
    assert.deepEqual([...world.told].sort(), expected, "the history above tells every event");
    const { contracts } = await ask<{
      contracts: {
        items: { id: Hex; rollingHash: Hex; checkpoints: { items: { block: number; rollingHash: Hex }[] } }[];
      };
    }>("{ contracts { items { id rollingHash checkpoints(limit: 1000) { items { block rollingHash } } } } }");
    assert.equal(contracts.items.length, 7);
    for (const part of Object.keys(ABIS) as Part[]) {
      const row = contracts.items.find(({ id }) => id === world.contracts[part].toLowerCase());
      assert.equal(row?.rollingHash, await world.rollingHash(part), part);
      for (const { block, rollingHash } of row?.checkpoints.items ?? []) {
        assert.equal(rollingHash, await world.rollingHash(part, block), `${part} at block ${block}`);
      }
    }
  });
});
