import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Hex, stringToHex, zeroAddress } from "viem";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { ALLOWANCE_EVENTS } from "./indexer/events.ts";
import { query } from "./indexer/graphql.ts";
import { address, emitted, ORDER, openOrder, PAYER, registerAll } from "./indexer/history.ts";
import { ABIS, createWorld, hash, type Part, type World } from "./indexer/world.ts";

const AGENT = address(0x90);
const NEXT = hash("the next order");

describe("an index of what payers and owners allow", { timeout: 180_000 }, () => {
  let world: World;
  let indexer: Indexer;
  let group: Hex;

  before(async () => {
    world = await createWorld();
    group = world.contracts.settlement.toLowerCase() as Hex;
    await world.createGroup();
    await registerAll(world);
    await openOrder(world);
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

  test("tells an agent's budget, what it spent, and on which order", async () => {
    const approved = { payer: PAYER, agent: AGENT, budget: 900n, expiresAt: 1_900_000_000n };
    await world.emit("allowances", "approveAgent", [emitted("AgentApproved", approved)]);
    const spent = { payer: PAYER, agent: AGENT, purpose: ORDER.id, amount: 300n, budget: 600n };
    const voucher = { ...spent, purpose: hash("a channel"), amount: 50n, budget: 550n };
    await world.emit("allowances", "redeem", [emitted("AgentSpent", spent), emitted("AgentSpent", voucher)]);
    const nonces = { payer: PAYER, word: 3n, mask: 5n };
    await world.emit("allowances", "invalidateNonces", [emitted("NoncesInvalidated", nonces)]);
    const { payer, order } = await ask<Record<"payer" | "order", unknown>>(`{
      payer(id: "${group}-${PAYER}") {
        agents { items { agent budget expiresAt spent spendCount
          spends(orderBy: "budget", orderDirection: "desc") { items { amount budget order { id } } } } }
      }
      order(id: "${ORDER.id}") { agentSpends { items { amount agent { agent } } } }
    }`);
    assert.deepEqual(payer, {
      agents: {
        items: [
          {
            ...{ agent: AGENT, budget: "550", expiresAt: "1900000000", spent: "350", spendCount: 2 },
            spends: {
              items: [
                { amount: "300", budget: "600", order: { id: ORDER.id } },
                { amount: "50", budget: "550", order: null },
              ],
            },
          },
        ],
      },
    });
    assert.deepEqual(order, { agentSpends: { items: [{ amount: "300", agent: { agent: AGENT } }] } });
    await world.emit("allowances", "approveAgent", [
      emitted("AgentApproved", { ...approved, budget: 0n, expiresAt: 0n }),
    ]);
    const { agents } = await ask<{ agents: { items: unknown[] } }>("{ agents { items { budget spent } } }");
    assert.deepEqual(agents.items, [{ budget: "0", spent: "350" }], "taken back, not forgotten");
  });

  test("moves the terms of a standing renewal to the order that goes on", async () => {
    const terms = { payer: PAYER, orderId: ORDER.id, maxPrice: 70n, epochs: 30, left: 2 };
    await world.emit("allowances", "setRenewal", [emitted("RenewalSet", terms)]);
    const expiring = { orderId: ORDER.id, owner: address(0x80), payer: PAYER, endEpoch: 102 };
    await world.emit("orders", "announceExpiry", [emitted("OrderExpiring", expiring)]);
    const used = { payer: PAYER, orderId: ORDER.id, nextOrderId: NEXT, left: 1 };
    await world.emit("allowances", "useRenewal", [emitted("RenewalUsed", used)]);
    await openOrder(world, NEXT, 2n);
    await world.emit("orders", "renew", [emitted("OrderRenewed", { orderId: ORDER.id, nextOrderId: NEXT })]);
    const { order, next } = await ask<Record<"order" | "next", Record<string, unknown>>>(`{
      order(id: "${ORDER.id}") { expiringBlock renewedBy { id } renewedFrom { id }
        renewals { items { maxPrice epochs left nextOrderId payer { address } } } }
      next: order(id: "${NEXT}") { expiringBlock renewedBy { id } renewedFrom { id }
        renewals { items { maxPrice epochs left nextOrderId } } }
    }`);
    assert.equal(typeof order.expiringBlock, "number");
    const shared = { maxPrice: "70", epochs: "30" };
    assert.deepEqual(
      { ...order, expiringBlock: 0 },
      {
        ...{ expiringBlock: 0, renewedBy: { id: NEXT }, renewedFrom: null },
        renewals: { items: [{ ...shared, left: 0, nextOrderId: NEXT, payer: { address: PAYER } }] },
      },
    );
    assert.deepEqual(next, {
      ...{ expiringBlock: null, renewedBy: null, renewedFrom: { id: ORDER.id } },
      renewals: { items: [{ ...shared, left: 1, nextOrderId: null }] },
    });
  });

  test("tells orders that were made void before they opened", async () => {
    const cancelled = { orderId: hash("never opened"), by: PAYER };
    await world.emit("orders", "cancel", [emitted("OrderCancelled", cancelled)]);
    const { cancelledOrders } = await ask<{ cancelledOrders: { items: unknown[] } }>(
      "{ cancelledOrders { items { id by group { id } } } }",
    );
    assert.deepEqual(cancelledOrders.items, [{ id: cancelled.orderId, by: PAYER, group: { id: group } }]);
  });

  test("follows a voucher's money from the payer to the provider, and keeps the books even", async () => {
    const before = await ask<Record<"payer" | "provider" | "group", Record<string, string>>>(`{
      payer(id: "${group}-${PAYER}") { balance } provider(id: "${group}-3") { credit }
      group(id: "${group}") { payerBalances credits } }`);
    for (const redeemed of [40n, 100n]) {
      const amount = redeemed === 40n ? 40n : 60n;
      await world.emitAll([
        { part: "orders", events: [emitted("ReadsPaid", { payer: PAYER, providerId: 3, amount })] },
        {
          part: "allowances",
          events: [
            emitted("VoucherRedeemed", {
              ...{ payer: PAYER, providerId: 3, signer: AGENT, channel: 8n, amount, redeemed },
            }),
          ],
        },
      ]);
    }
    const reason = stringToHex("NOT_HIGHER", { size: 32 });
    const skipped = { payer: PAYER, providerId: 3, channel: 8n, reason };
    await world.emit("allowances", "redeem", [emitted("VoucherSkipped", skipped)]);
    const after = await ask<Record<string, Record<string, unknown>>>(`{
      payer(id: "${group}-${PAYER}") { balance readsPaid }
      provider(id: "${group}-3") { credit readsPaid
        voucherChannels { items { channel redeemed redemptions signer payer { address } } } }
      group(id: "${group}") { payerBalances credits paidForReads }
    }`);
    const moved = (value: string | undefined, by: bigint) => String(BigInt(value!) + by);
    assert.deepEqual(after.payer, { balance: moved(before.payer.balance, -100n), readsPaid: "100" });
    assert.deepEqual(after.provider, {
      ...{ credit: moved(before.provider.credit, 100n), readsPaid: "100" },
      voucherChannels: {
        items: [{ channel: "8", redeemed: "100", redemptions: 2, signer: AGENT, payer: { address: PAYER } }],
      },
    });
    assert.deepEqual(after.group, {
      payerBalances: moved(before.group.payerBalances, -100n),
      credits: moved(before.group.credits, 100n),
      paidForReads: "100",
    });
  });

  test("keeps every key and owner of a provider and of a keeper apart", async () => {
    const [key, owner] = [address(0x91), address(0x92)];
    const change = (role: number, operator: Hex, former: Hex) =>
      emitted("OperatorChanged", { role, id: 2, operator, former });
    await world.emit("staking", "setOperator", [
      change(0, key, address(0x93)),
      change(1, address(0x94), address(0x95)),
    ]);
    const offered = { role: 0, id: 2, from: address(0x52), to: owner };
    await world.emit("staking", "transferOwnership", [
      emitted("OwnershipTransferStarted", offered),
      emitted("OwnershipTransferStarted", { ...offered, role: 1 }),
      emitted("OwnershipTransferStarted", { ...offered, role: 1, to: zeroAddress }),
    ]);
    const asked = `provider(id: "${group}-2") { operator owner pendingOwner jailedUntil jailCount
        operatorChanges { items { operator former } } }
      keeper(id: "${group}-2") { operator pendingOwner operatorChanges { items { operator former } } }`;
    const before = await ask<Record<"provider" | "keeper", Record<string, unknown>>>(`{ ${asked} }`);
    assert.deepEqual([before.provider.pendingOwner, before.keeper.pendingOwner], [owner, null]);
    await world.emit("staking", "acceptOwnership", [
      emitted("OwnershipTransferred", { role: 0, id: 2, to: owner, from: address(0x52) }),
    ]);
    await world.emit("staking", "slashProvider", [
      emitted("ProviderJailed", { providerId: 2, untilEpoch: 4_294_967_295 }),
    ]);
    const { provider, keeper } = await ask<typeof before>(`{ ${asked} }`);
    assert.deepEqual(provider, {
      ...{ operator: key, owner, pendingOwner: null, jailedUntil: "4294967295", jailCount: 1 },
      operatorChanges: { items: [{ operator: key, former: address(0x93) }] },
    });
    assert.deepEqual(keeper, {
      ...{ operator: address(0x94), pendingOwner: null },
      operatorChanges: { items: [{ operator: address(0x94), former: address(0x95) }] },
    });
  });

  test("tells who may demand an owner's shards", async () => {
    const named = { owner: PAYER, demander: AGENT };
    await world.emit("disputes", "approveDemander", [
      emitted("DemanderApproved", { ...named, approved: true }),
      emitted("DemanderApproved", { ...named, approved: false }),
    ]);
    const { demanders } = await ask<{ demanders: { items: unknown[] } }>(
      "{ demanders { items { owner demander approved } } }",
    );
    assert.deepEqual(demanders.items, [{ ...named, approved: false }]);
  });

  test("has a handler for every event of this kind, and the hash of each contract agrees", async () => {
    const told = [...world.told].filter((name) => ALLOWANCE_EVENTS.has(name)).sort();
    assert.deepEqual(told, [...ALLOWANCE_EVENTS].sort(), "the history above tells every one");
    const { contracts } = await ask<{ contracts: { items: { id: Hex; rollingHash: Hex }[] } }>(
      "{ contracts { items { id rollingHash } } }",
    );
    for (const part of Object.keys(ABIS) as Part[]) {
      const row = contracts.items.find(({ id }) => id === world.contracts[part].toLowerCase());
      assert.equal(row?.rollingHash, await world.rollingHash(part), part);
    }
  });
});
