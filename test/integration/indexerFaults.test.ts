import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { createClient, eq, sql } from "@ponder/client";
import type { Hex } from "viem";
import * as schema from "../../indexer/ponder.schema.ts";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { EVENTS, FAULT_EVENTS } from "./indexer/events.ts";
import * as faults from "./indexer/faults.ts";
import { CHALLENGER, COLLATERAL, REPORTER } from "./indexer/faults.ts";
import { query } from "./indexer/graphql.ts";
import {
  applyAndFinish,
  COST,
  certify,
  ORDER,
  openOrder,
  PAYER,
  providerOperator,
  registerAll,
} from "./indexer/history.ts";
import { createWorld, hash, type Part, type World } from "./indexer/world.ts";

/** What a slot of the order earns in one epoch. */
const SLOT_PAY = 1_000n * BigInt(ORDER.stripes);
const STAKE = 10_000n;
/** Bonds, in native wei. */
const BOND = 1_000_000n;
const REIMBURSED = 400_000n;
/** A second order, which stays open and damaged. */
const OFFERED = {
  id: hash("offered"),
  tenure: { providerId: 2, slot: 1, since: 2, until: 16, stripe: 2 },
};

describe("indexer of faults", { timeout: 240_000 }, () => {
  let world: World;
  let indexer: Indexer;
  let group: Hex;

  const slotId = (slot: number) => `${ORDER.id}-${slot}`;
  const ask = async <Data = Record<string, Record<string, unknown>>>(text: string): Promise<Data> => {
    await indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));
    return query<Data>(indexer.url, text);
  };
  const provider = (id: number) => `${group}-${id}`;

  before(async () => {
    world = await createWorld();
    group = world.contracts.settlement.toLowerCase() as Hex;
    await world.createGroup();
    await registerAll(world);
    for (const id of [4, 5]) await faults.registerRepairer(world, id);
    await openOrder(world);
    await certify(world, 2);
    await applyAndFinish(world, 2);
    indexer = await startIndexer({
      rpcUrl: world.node.rpcUrl,
      deploymentPath: world.deploymentPath,
      port: 0,
      dataDir: world.directory,
      pollingMs: 100,
      logger: createSilentLogger(),
    });
  });

  after(async () => {
    await indexer?.stop();
    await world?.stop();
  });

  test("tells a lost record with its entries, the eviction, and how far an order is from being lost", async () => {
    const full = await ask(`{ order(id: "${ORDER.id}") { slotsHeld slotsVacant slotsVoid spareParities } }`);
    assert.deepEqual(full.order, { slotsHeld: 3, slotsVacant: 0, slotsVoid: 0, spareParities: 1 });
    await certify(world, 3, { exceptions: 2 });
    const tenure = { providerId: 1, slot: 0, since: 2, until: 3, stripe: 4 };
    await world.emitAll([
      ...faults.lost(3, 1, [tenure], { dropped: true }),
      faults.offered({ slot: 0, providerId: 4, epoch: 3, deadline: 7 }),
      faults.finished(3, 2),
    ]);
    const answer = await ask(`{
      order(id: "${ORDER.id}") { slotsHeld slotsVacant slotsVoid spareParities }
      slot(id: "${slotId(0)}") {
        state provider { id } since former { providerId } formerSince until expiries openOffer { state }
      }
      lostRecord(id: "${provider(1)}-3-0") {
        epoch part state isProtected entryCount draw deadline deadlineBlock slashed provider { providerId }
        inEpoch { evicted offered } exceptions { items { kind outcome } }
        shards(orderBy: "id") { items { outcome slot stripe reason order { id } handOver { id } } }
      }
      handOver(id: "${slotId(0)}-3") {
        cause since until collateral pot reserved voided provider { providerId } record { id } repair { id }
        slashing { id } challenge { id }
      }
      provider(id: "${provider(1)}") { slotCount shards slotsLost lostRecordCount collateral }
      group(id: "${group}") { slotsHeld slotsVacant shards evictions lostRecordCount offersMade exceptionsApplied }
    }`);
    assert.deepEqual(answer.order, { slotsHeld: 2, slotsVacant: 1, slotsVoid: 0, spareParities: 0 });
    assert.deepEqual(answer.slot, {
      ...{ state: "vacant", provider: null, since: "2", former: { providerId: 1 }, formerSince: "2" },
      ...{ until: "3", expiries: 0, openOffer: { state: "open" } },
    });
    const dropped = { outcome: "dropped", slot: null, stripe: null, order: null, handOver: null };
    assert.deepEqual(answer.lostRecord, {
      ...{ epoch: 3, part: "0", state: "open", isProtected: false, entryCount: 1, draw: hash("draw 3") },
      ...{ deadline: "1900000000", deadlineBlock: "77", slashed: null, provider: { providerId: 1 } },
      inEpoch: { evicted: 1, offered: 1 },
      exceptions: { items: [{ kind: "lost", outcome: "applied" }] },
      shards: {
        items: [
          {
            ...{ outcome: "evicted", slot: 0, stripe: "4", reason: null, order: { id: ORDER.id } },
            handOver: { id: `${slotId(0)}-3` },
          },
          { ...dropped, reason: "HOLDER_NEW" },
        ],
      },
    });
    assert.deepEqual(answer.handOver, {
      ...{ cause: "lost", since: "2", until: "3", collateral: "disputed", pot: "0", reserved: "0" },
      ...{ voided: false, provider: { providerId: 1 }, record: { id: `${provider(1)}-3-0` }, repair: null },
      ...{ slashing: null, challenge: null },
    });
    const collateral = String(COLLATERAL);
    assert.deepEqual(answer.provider, {
      ...{ slotCount: 0, shards: "0", slotsLost: 1, lostRecordCount: 1, collateral },
    });
    assert.deepEqual(answer.group, {
      ...{ slotsHeld: 2, slotsVacant: 1, shards: "15", evictions: 1, lostRecordCount: 1 },
      ...{ offersMade: 1, exceptionsApplied: 2 },
    });
  });

  test("follows offers: one runs out, the next is taken, and the slot has its history", async () => {
    await certify(world, 8, { exceptions: 1 });
    await world.emitAll([
      faults.offerExpired({ slot: 0, providerId: 4, expiries: 1 }),
      faults.offered({ slot: 0, providerId: 5, epoch: 8, deadline: 12 }),
      faults.finished(8, 1, 4),
    ]);
    const vacant = await ask(
      `{ slot(id: "${slotId(0)}") { expiries openOffer { epoch provider { providerId } } } }`,
    );
    assert.deepEqual(vacant.slot, { expiries: 1, openOffer: { epoch: 8, provider: { providerId: 5 } } });
    const place = { slot: 0, providerId: 5, since: 10, former: 1, until: 3, vacancyPay: 15n };
    await world.emitAll(faults.accepted(place));
    const answer = await ask(`{
      order(id: "${ORDER.id}") { spareParities slotsHeld escrow reserved }
      slot(id: "${slotId(0)}") {
        state since expiries openOffer { id } provider { providerId }
        assignments(orderBy: "since") { items { since until provider { providerId } handOver { id } } }
      }
      repairOffers(orderBy: "epoch") { items { epoch deadline state provider { providerId } repairs { items { id } } } }
      repair(id: "${slotId(0)}-3") {
        since bonusState bonus provider { providerId } offer { epoch } handOver { reserved provider { providerId } }
      }
      given: provider(id: "${provider(4)}") { offersReceived offersExpired slotsRepaired slotCount }
      taken: provider(id: "${provider(5)}") { offersReceived offersExpired slotsRepaired slotCount shards }
      payer(id: "${group}-${PAYER}") { escrow }
      group(id: "${group}") { slotsHeld slotsVacant escrow reserves offersExpired repairsAccepted }
    }`);
    const escrow = String(COST - 15n);
    assert.deepEqual(answer.order, { spareParities: 1, slotsHeld: 3, escrow, reserved: "15" });
    assert.deepEqual(answer.slot, {
      ...{ state: "held", since: "10", expiries: 0, openOffer: null, provider: { providerId: 5 } },
      assignments: {
        items: [
          { since: "2", until: "3", provider: { providerId: 1 }, handOver: { id: `${slotId(0)}-3` } },
          { since: "10", until: null, provider: { providerId: 5 }, handOver: null },
        ],
      },
    });
    assert.deepEqual(answer.repairOffers, {
      items: [
        { epoch: 3, deadline: "7", state: "expired", provider: { providerId: 4 }, repairs: { items: [] } },
        {
          ...{ epoch: 8, deadline: "12", state: "accepted", provider: { providerId: 5 } },
          repairs: { items: [{ id: `${slotId(0)}-3` }] },
        },
      ],
    });
    assert.deepEqual(answer.repair, {
      ...{ since: "10", bonusState: "pending", bonus: "0", provider: { providerId: 5 }, offer: { epoch: 8 } },
      handOver: { reserved: "15", provider: { providerId: 1 } },
    });
    assert.deepEqual(answer.given, { offersReceived: 1, offersExpired: 1, slotsRepaired: 0, slotCount: 0 });
    assert.deepEqual(answer.taken, {
      ...{ offersReceived: 1, offersExpired: 0, slotsRepaired: 1, slotCount: 1, shards: "5" },
    });
    assert.deepEqual(answer.payer, { escrow });
    assert.deepEqual(answer.group, {
      ...{ slotsHeld: 3, slotsVacant: 0, escrow, reserves: "15", offersExpired: 1, repairsAccepted: 1 },
    });
  });

  test("credits each holder of a slot for its own time", async () => {
    await certify(world, 11, { exceptions: 1 });
    await applyAndFinish(world, 11, { missed: [5], gap: 2 });
    await certify(world, 12);
    await applyAndFinish(world, 12);
    // Provider 1 held slot 0 for epoch 2 only; 5 has it from 10 on and missed 9 to 11.
    const toProviders = 2n * SLOT_PAY + 2n * 11n * SLOT_PAY;
    await world.emitAll([faults.settledPage(2, 13, { toProviders, refunded: 35_000n })]);
    const { providers, slot } = await ask<{
      providers: { items: { earned: string; credit: string }[] };
      slot: Record<string, unknown>;
    }>(`{
      providers(orderBy: "providerId") { items { earned credit } }
      slot(id: "${slotId(0)}") {
        paidEpochs earned assignments(orderBy: "since") { items { paidEpochs earned } }
      }
    }`);
    const epochs = [1n, 11n, 11n, 0n, 1n];
    assert.deepEqual(
      providers.items,
      epochs.map((count) => ({ earned: String(count * SLOT_PAY), credit: String(count * SLOT_PAY) })),
    );
    const once = { paidEpochs: 1, earned: String(SLOT_PAY) };
    assert.deepEqual(slot, {
      ...{ paidEpochs: 2, earned: String(2n * SLOT_PAY) },
      assignments: { items: [once, once] },
    });
  });

  test("tells who was slashed and who got it, and the bonus of who repaired", async () => {
    const split = { toPayer: 18n, toPot: 10n, toTreasury: 7n, toChallenger: 0n };
    await world.emitAll([
      ...faults.slashed({ slot: 0, providerId: 1, until: 3, stake: STAKE - COLLATERAL }, split),
      faults.recordClosed(3, 1, true),
    ]);
    const held = await ask(`{ group(id: "${group}") { pots reserves } }`);
    assert.deepEqual(held.group, { pots: "10", reserves: "15" });
    const bonus = { slot: 0, providerId: 5, until: 3, amount: 10n, refunded: 15n };
    await world.emitAll(faults.bonusPaid(bonus));
    const answer = await ask(`{
      slashing(id: "${slotId(0)}-3") {
        amount toPayer toPot toTreasury toChallenger toReporter burnt
        provider { providerId } payer { address } order { id } challenge { id }
        handOver { collateral pot reserved repair { bonusState bonus refunded provider { providerId } } }
      }
      lostRecord(id: "${provider(1)}-3-0") { state slashed }
      lost: provider(id: "${provider(1)}") { stake collateral slashed }
      repairer: provider(id: "${provider(5)}") { bonuses credit }
      payer(id: "${group}-${PAYER}") { credited }
      group(id: "${group}") {
        pots reserves slashedFromProviders creditedToPayers creditedToProviders creditedToTreasury
      }
    }`);
    assert.deepEqual(answer.slashing, {
      ...{ amount: "35", toPayer: "18", toPot: "10", toTreasury: "7", toChallenger: "0", toReporter: "0" },
      ...{ burnt: "0", provider: { providerId: 1 }, payer: { address: PAYER }, order: { id: ORDER.id } },
      challenge: null,
      handOver: {
        ...{ collateral: "slashed", pot: "0", reserved: "0" },
        repair: { bonusState: "paid", bonus: "10", refunded: "15", provider: { providerId: 5 } },
      },
    });
    assert.deepEqual(answer.lostRecord, { state: "closed", slashed: true });
    assert.deepEqual(answer.lost, { stake: String(STAKE - COLLATERAL), collateral: "0", slashed: "35" });
    assert.deepEqual(answer.repairer, { bonuses: "10", credit: String(SLOT_PAY + 10n) });
    assert.deepEqual(answer.payer, { credited: "33" });
    assert.deepEqual(answer.group, {
      ...{ pots: "0", reserves: "0", slashedFromProviders: "35" },
      ...{ creditedToPayers: "33", creditedToProviders: "10", creditedToTreasury: "7" },
    });
  });

  test("tells a won appeal: collateral free, slot moved, bonus out of the reserve, protection", async () => {
    await certify(world, 13, { exceptions: 2 });
    await world.emitAll([
      ...faults.lost(13, 2, [{ providerId: 2, slot: 1, since: 2, until: 13, stripe: 0 }]),
      faults.offered({ slot: 1, providerId: 4, epoch: 13, deadline: 17 }),
      faults.finished(13, 2),
    ]);
    await world.emitAll([faults.appealAccepted(13, 2, 30)]);
    const won = await ask(`{ lostRecord(id: "${provider(2)}-13-0") { state appeal { protectedTo } } }`);
    assert.deepEqual(won.lostRecord, { state: "appealed", appeal: { protectedTo: "30" } });
    const taken = { slot: 1, providerId: 4, since: 15, former: 2, until: 13, vacancyPay: 14n };
    await world.emitAll(faults.accepted(taken));
    await world.emitAll([
      ...faults.spared({ slot: 1, providerId: 2, until: 13 }),
      faults.recordClosed(13, 2, false),
    ]);
    await world.emitAll(faults.bonusPaid({ slot: 1, providerId: 4, until: 13, amount: 14n, refunded: 0n }));
    const answer = await ask(`{
      lostRecord(id: "${provider(2)}-13-0") { state slashed appeal { provider { providerId } } }
      handOver(id: "${slotId(1)}-13") { collateral pot reserved slashing { id } repair { bonus refunded } }
      provider(id: "${provider(2)}") {
        stake collateral slashed appealsWon protectedTo slotsLost appeals { items { record { epoch } } }
      }
      group(id: "${group}") { appealsAccepted creditedToProviders reserves }
    }`);
    assert.deepEqual(answer.lostRecord, {
      ...{ state: "closed", slashed: false, appeal: { provider: { providerId: 2 } } },
    });
    assert.deepEqual(answer.handOver, {
      ...{ collateral: "released", pot: "0", reserved: "0", slashing: null },
      repair: { bonus: "14", refunded: "0" },
    });
    assert.deepEqual(answer.provider, {
      ...{ stake: String(STAKE), collateral: "0", slashed: "0", appealsWon: 1, protectedTo: "30" },
      ...{ slotsLost: 1, appeals: { items: [{ record: { epoch: 13 } }] } },
    });
    assert.deepEqual(answer.group, { appealsAccepted: 1, creditedToProviders: "24", reserves: "0" });
  });

  test("tells direct challenges: answered, unanswered with the reward, and the bonds", async () => {
    const ticket = { slot: 2, providerId: 3, since: 2, bond: BOND };
    await world.emitAll([faults.challenged(1n, { ...ticket, stripe: 3 })]);
    await world.emitAll([faults.challenged(2n, { ...ticket, stripe: 4, bond: 2n * BOND, ownerLane: true })]);
    const open = await ask(`{ group(id: "${group}") { bonds challengesOpened }
      directChallenges(where: { state: open }) { totalCount } }`);
    assert.deepEqual(open.group, { bonds: String(3n * BOND), challengesOpened: 2 });
    assert.equal(open.directChallenges?.totalCount, 2);
    await world.emitAll([faults.answered(1n, 3, REIMBURSED)]);
    const split = { toPayer: 23n, toPot: 5n, toTreasury: 4n, toChallenger: 3n };
    await world.emitAll([
      faults.evicted({ slot: 2, providerId: 3, since: 2, until: 14 }),
      ...faults.slashed({ slot: 2, providerId: 3, until: 14, stake: STAKE - COLLATERAL }, split),
      faults.unanswered(2n, 3, 3n, true),
    ]);
    const answer = await ask(`{
      directChallenges(orderBy: "challengeId") { items {
        challengeId stripe state ownerLane challenger bond reimbursed burnt answeredBy reward evicted
        provider { providerId } assignment { since } slashings { items { toChallenger } } handOvers { items { cause } }
      } }
      lostShards(where: { outcome: evicted }) { totalCount }
      provider(id: "${provider(3)}") { challenged challengesUnanswered slotsLost slashed }
      payer(id: "${group}-${CHALLENGER}") { balance credited }
      group(id: "${group}") {
        bonds bondsReturned bondsReimbursed bondsBurnt challengesAnswered challengesUnanswered evictions slotsVacant
      }
    }`);
    const common = { challenger: CHALLENGER, provider: { providerId: 3 }, assignment: { since: "2" } };
    assert.deepEqual(answer.directChallenges, {
      items: [
        {
          ...{ ...common, challengeId: "1", stripe: "3", state: "answered", ownerLane: false },
          ...{ bond: String(BOND), reimbursed: String(REIMBURSED), burnt: String(BOND - REIMBURSED) },
          ...{ answeredBy: providerOperator(3), reward: null, evicted: null },
          ...{ slashings: { items: [] }, handOvers: { items: [] } },
        },
        {
          ...{ ...common, challengeId: "2", stripe: "4", state: "unanswered", ownerLane: true },
          ...{ bond: String(2n * BOND), reimbursed: null, burnt: null, answeredBy: null },
          ...{ reward: "3", evicted: true, slashings: { items: [{ toChallenger: "3" }] } },
          handOvers: { items: [{ cause: "challenge" }] },
        },
      ],
    });
    assert.equal(answer.lostShards?.totalCount, 2, "a direct challenge is no lost record");
    assert.deepEqual(answer.provider, {
      challenged: 2,
      challengesUnanswered: 1,
      slotsLost: 1,
      slashed: "35",
    });
    assert.deepEqual(answer.payer, { balance: "3", credited: "3" });
    assert.deepEqual(answer.group, {
      ...{ bonds: "0", bondsReturned: String(2n * BOND), bondsReimbursed: String(REIMBURSED) },
      ...{ bondsBurnt: String(BOND - REIMBURSED), challengesAnswered: 1, challengesUnanswered: 1 },
      ...{ evictions: 3, slotsVacant: 1 },
    });
  });

  test("tells a challenge against somebody who has lost the slot, of the time that it held it", async () => {
    const opened = faults.challenged(3n, {
      slot: 2,
      providerId: 3,
      since: 2,
      until: 14,
      stripe: 0,
      bond: BOND,
    });
    await world.emitAll([opened]);
    const before = await ask(`{ slashing(id: "${slotId(2)}-14") { challengeId } }`);
    await world.emitAll([faults.unanswered(3n, 3, 0n, false), faults.forfeited(3n, BOND)]);
    const answer = await ask(`{
      directChallenge(id: "${group}-3") { reward evicted burnt assignment { since until } }
      slashing(id: "${slotId(2)}-14") { challengeId }
    }`);
    assert.deepEqual(answer.directChallenge, {
      ...{ reward: "0", evicted: false, burnt: String(BOND), assignment: { since: "2", until: "14" } },
    });
    assert.deepEqual(answer.slashing, before.slashing, "who slashed first stays");
  });

  test("tells a slot that is given up, with its offer, and a pot that nobody earned", async () => {
    await certify(world, 14, { exceptions: 1 });
    await world.emitAll([
      faults.offered({ slot: 2, providerId: 1, epoch: 14, deadline: 18 }),
      faults.finished(14, 1),
    ]);
    await world.emitAll([faults.voided({ slot: 2 })]);
    await world.emitAll(faults.bonusForfeited({ slot: 2, until: 14, toTreasury: 5n }));
    const answer = await ask(`{
      order(id: "${ORDER.id}") { slotsHeld slotsVacant slotsVoid spareParities }
      slot(id: "${slotId(2)}") { state openOffer { id } handOvers { items { voided pot repair { id } } } }
      repairOffer(id: "${slotId(2)}-14") { state }
      group(id: "${group}") { slotsGivenUp slotsVacant slotsVoid pots creditedToTreasury }
    }`);
    assert.deepEqual(answer.order, { slotsHeld: 2, slotsVacant: 0, slotsVoid: 1, spareParities: 0 });
    assert.deepEqual(answer.slot, {
      ...{ state: "void", openOffer: null },
      handOvers: { items: [{ voided: true, pot: "0", repair: null }] },
    });
    assert.deepEqual(answer.repairOffer, { state: "void" });
    assert.deepEqual(answer.group, {
      ...{ slotsGivenUp: 1, slotsVacant: 0, slotsVoid: 1, pots: "0", creditedToTreasury: "16" },
    });
  });

  test("tells a clean exit: from hand to hand, paid by who leaves", async () => {
    await world.emitAll([faults.exiting(5, true)]);
    await world.emitAll([faults.exiting(3, true)]);
    await world.emitAll([faults.exiting(3, false)]);
    await certify(world, 15, { exceptions: 1 });
    await world.emitAll([
      faults.offered({ slot: 0, providerId: 2, epoch: 15, deadline: 19 }),
      faults.finished(15, 1),
    ]);
    const place = { slot: 0, providerId: 2, since: 18, former: 5, until: 18, vacancyPay: 0n };
    await world.emitAll(faults.handedOver(place, 6n, STAKE - 6n));
    const answer = await ask(`{
      order(id: "${ORDER.id}") { slotsHeld slotsVacant spareParities }
      slot(id: "${slotId(0)}") { state provider { providerId } former { providerId } formerSince until }
      handOver(id: "${slotId(0)}-18") {
        cause since collateral pot record { id } repair { bonusState provider { providerId } }
        slashing { amount toPot toPayer toTreasury provider { providerId } }
      }
      left: provider(id: "${provider(5)}") { exiting slotsLeft slotsLost slotCount stake collateral slashed }
      stays: provider(id: "${provider(3)}") { exiting }
      group(id: "${group}") { exitingCount evictions pots slotsHeld }
    }`);
    assert.deepEqual(answer.order, { slotsHeld: 2, slotsVacant: 0, spareParities: 0 });
    assert.deepEqual(answer.slot, {
      ...{ state: "held", provider: { providerId: 2 }, former: { providerId: 5 } },
      ...{ formerSince: "10", until: "18" },
    });
    assert.deepEqual(answer.handOver, {
      ...{ cause: "exit", since: "10", collateral: "slashed", pot: "6", record: null },
      repair: { bonusState: "pending", provider: { providerId: 2 } },
      slashing: { amount: "6", toPot: "6", toPayer: "0", toTreasury: "0", provider: { providerId: 5 } },
    });
    assert.deepEqual(answer.left, {
      ...{ exiting: true, slotsLeft: 1, slotsLost: 0, slotCount: 0 },
      ...{ stake: String(STAKE - 6n), collateral: "0", slashed: "6" },
    });
    assert.deepEqual(answer.stays, { exiting: false });
    assert.deepEqual(answer.group, { exitingCount: 1, evictions: 3, pots: "6", slotsHeld: 2 });
  });

  test("tells keepers that signed two results, what they lost and who reported it", async () => {
    await world.emitAll(faults.equivocated(4, 3, 5_000n, 250n));
    const answer = await ask(`{
      keeper(id: "${group}-4") {
        stake seat masked slashed equivocations { items { epoch round reporter slashed reward } }
        slashings { items { amount toReporter burnt reporter provider { id } } }
      }
      group(id: "${group}") { keeperStake keepersSlashed slashedFromKeepers paidToReporters burnt }
    }`);
    const slashing = { amount: "5000", toReporter: "250", burnt: "4750", reporter: REPORTER, provider: null };
    assert.deepEqual(answer.keeper, {
      ...{ stake: "0", seat: null, masked: true, slashed: "5000" },
      equivocations: {
        items: [{ epoch: "12", round: "1", reporter: REPORTER, slashed: "5000", reward: "250" }],
      },
      slashings: { items: [slashing] },
    });
    assert.deepEqual(answer.group, {
      ...{ keeperStake: "15000", keepersSlashed: 1, slashedFromKeepers: "5000" },
      ...{ paidToReporters: "250", burnt: "4750" },
    });
  });

  test("tells every hand-over, repair and slashing of an order from its side", async () => {
    // Its slot 1 is lost and offered for as long as the tests run.
    await openOrder(world, OFFERED.id, 2n);
    await certify(world, 16, { exceptions: 2 });
    await world.emitAll([
      ...faults.lost(16, 2, [{ ...OFFERED.tenure, order: OFFERED.id }]),
      faults.offered({ order: OFFERED.id, slot: 1, providerId: 5, epoch: 16, deadline: 20 }),
      faults.finished(16, 2),
    ]);
    const { order } = await ask(`{ order(id: "${ORDER.id}") {
      handOvers(orderBy: "until") { items { slot cause } }
      repairs(orderBy: "since") { items { slot } }
      repairOffers(orderBy: "epoch") { items { epoch state } }
      slashings(orderBy: "block") { items { amount } }
      directChallenges(orderBy: "challengeId") { items { challengeId } }
      lostShards(orderBy: "block") { items { slot stripe } }
      movements(where: { kind_in: [potFilled, bonusReserved, providerCredited] }, orderBy: "block") {
        items { kind amount }
      }
    } }`);
    assert.deepEqual(order, {
      handOvers: {
        items: [
          { slot: 0, cause: "lost" },
          { slot: 1, cause: "lost" },
          { slot: 2, cause: "challenge" },
          { slot: 0, cause: "exit" },
        ],
      },
      repairs: { items: [{ slot: 0 }, { slot: 1 }, { slot: 0 }] },
      repairOffers: {
        items: [
          { epoch: 3, state: "expired" },
          { epoch: 8, state: "accepted" },
          { epoch: 13, state: "accepted" },
          { epoch: 14, state: "void" },
          { epoch: 15, state: "accepted" },
        ],
      },
      slashings: { items: [{ amount: "35" }, { amount: "35" }, { amount: "6" }] },
      directChallenges: { items: ["1", "2", "3"].map((challengeId) => ({ challengeId })) },
      lostShards: {
        items: [
          { slot: 0, stripe: "4" },
          { slot: 1, stripe: "0" },
        ],
      },
      movements: {
        items: [
          { kind: "bonusReserved", amount: "15" },
          { kind: "potFilled", amount: "10" },
          { kind: "providerCredited", amount: "10" },
          { kind: "bonusReserved", amount: "14" },
          { kind: "providerCredited", amount: "14" },
          { kind: "potFilled", amount: "5" },
          { kind: "potFilled", amount: "6" },
        ],
      },
    });
  });

  test("lets go of what a closed order held: slots, offers and redundancy of the group", async () => {
    await certify(world, 17, { exceptions: 2 });
    await world.emitAll([
      ...faults.lost(17, 4, [{ providerId: 4, slot: 1, since: 15, until: 17, stripe: 1 }], {
        isProtected: true,
      }),
      faults.offered({ slot: 1, providerId: 3, epoch: 17, deadline: 21 }),
      faults.finished(17, 2),
    ]);
    await world.emitAll([
      faults.settledPage(13, 18, { toProviders: 0n, refunded: 0n }),
      faults.closedOrder(),
    ]);
    const answer = await ask(`{
      order(id: "${ORDER.id}") { state slotsHeld slotsVacant slotsVoid }
      lostRecord(id: "${provider(4)}-17-0") { state isProtected }
      repairOffer(id: "${slotId(1)}-17") { state }
      provider(id: "${provider(2)}") { slotCount shards }
      former: provider(id: "${provider(4)}") { slotCount shards }
      group(id: "${group}") { slotsHeld slotsVacant slotsVoid openOrderCount }
    }`);
    assert.deepEqual(answer.order, { state: "closed", slotsHeld: 1, slotsVacant: 1, slotsVoid: 1 });
    assert.deepEqual(answer.lostRecord, { state: "protected", isProtected: true });
    assert.deepEqual(answer.repairOffer, { state: "void" });
    assert.deepEqual(answer.provider, { slotCount: 0, shards: "0" });
    assert.deepEqual(answer.former, { slotCount: 0, shards: "0" });
    assert.deepEqual(answer.group, { slotsHeld: 2, slotsVacant: 1, slotsVoid: 0, openOrderCount: 1 });
  });

  test("an eviction after the order has closed changes the order, not the group's open slots", async () => {
    await world.emitAll([faults.evicted({ slot: 0, providerId: 2, since: 18, until: 19 })]);
    const answer = await ask(`{
      order(id: "${ORDER.id}") { slotsHeld slotsVacant }
      provider(id: "${provider(2)}") { slotCount slotsLost }
      group(id: "${group}") { slotsHeld slotsVacant evictions }
    }`);
    assert.deepEqual(answer.order, { slotsHeld: 0, slotsVacant: 2 });
    assert.deepEqual(answer.provider, { slotCount: 0, slotsLost: 3 });
    assert.deepEqual(answer.group, { slotsHeld: 2, slotsVacant: 1, evictions: 6 });
  });

  test("answers the ten questions of docs/graphql.md, each with what happened", async () => {
    const text = await readFile(new URL("../../docs/graphql.md", import.meta.url), "utf8");
    const questions = [...text.matchAll(/```graphql\n([\s\S]*?)```/g)].map((match) => match[1]!);
    assert.equal(questions.length, 10);
    await indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));
    const values: Record<string, string> = { order: OFFERED.id, group, provider: provider(1), epoch: "20" };
    for (const question of questions) {
      const names = [...question.matchAll(/\$(\w+): \w+!/g)].map((match) => match[1]!);
      const variables = Object.fromEntries(names.map((name) => [name, values[name]]));
      const answer = await query<Record<string, { items?: unknown[] } | null>>(
        indexer.url,
        question,
        variables,
      );
      for (const [field, value] of Object.entries(answer)) {
        assert.ok(value !== null, field);
        assert.ok(value.items === undefined || value.items.length > 0, `${field} is empty`);
      }
    }
  });

  test("answers SQL that reads, and refuses SQL that writes", async () => {
    const client = createClient(`${indexer.url}/sql`, { schema });
    const rows = await client.db
      .select({ slot: schema.slot.slot, state: schema.slot.state })
      .from(schema.slot)
      .where(eq(schema.slot.orderId, ORDER.id))
      .orderBy(schema.slot.slot);
    assert.deepEqual(rows, [
      { slot: 0, state: "vacant" },
      { slot: 1, state: "vacant" },
      { slot: 2, state: "void" },
    ]);
    await assert.rejects(client.db.execute(sql`delete from slot`));
    await assert.rejects(client.db.execute(sql`select pg_sleep(1)`));
    assert.equal((await client.db.select({ id: schema.slot.id }).from(schema.slot)).length, 6);
  });

  test("told every event of faults, and the hash of each contract agrees", async () => {
    const expected = EVENTS.filter((name) => FAULT_EVENTS.has(name));
    const told = [...world.told].filter((name) => FAULT_EVENTS.has(name)).sort();
    assert.deepEqual(told, expected);
    const { contracts } = await ask<{ contracts: { items: { id: Hex; rollingHash: Hex }[] } }>(
      "{ contracts { items { id rollingHash } } }",
    );
    for (const part of Object.keys(world.contracts) as Part[]) {
      const row = contracts.items.find(({ id }) => id === world.contracts[part].toLowerCase());
      assert.equal(row?.rollingHash, await world.rollingHash(part), part);
    }
  });
});
