import assert from "node:assert/strict";
import { type Address, erc20Abi, type Hex } from "viem";
import { type Order, orderId } from "../../../protocol/order.ts";
import { query } from "./graphql.ts";
import { REAL_ABIS, type RealGroup } from "./realGroup.ts";

type Row = Record<string, string | number | boolean | null>;
type Rows = { readonly items: readonly Row[] };
type Answer = {
  group: Row;
  network: Row;
  order: Row;
  providers: Rows;
  keepers: Rows;
  payers: Rows;
  slots: Rows;
  assignments: Rows;
  handOvers: Rows;
  lostRecords: { items: (Row & { provider: Row })[] };
  directChallenges: Rows;
  slashings: Rows;
  contracts: { items: { id: Hex; name: string; rollingHash: Hex }[] };
};

const TOTALS = `payerBalances escrow credits pools pots reserves providerStake keeperStake unbonding collateral bonds
  bondsReturned bondsReimbursed bondsBurnt deposited withdrawn creditsWithdrawn keeperFeesClaimed treasuryWithdrawn
  paidToProviders paidToKeepers paidToTreasury refunded slashedFromProviders slashedFromKeepers paidToReporters burnt
  creditedToPayers creditedToProviders creditedToTreasury slotsHeld slotsVacant slotsVoid`;
const ALL = "limit: 1000";
/** `RecordStatus` of the contract. */
const RECORD_STATES = ["none", "open", "protected", "appealed", "closed"];
/** The only term of the histories that are compared. */
const TERM = 0;

/** Compares everything that the index says of money, holders and disputes with what the contracts say, to the wei. */
export async function assertBooks(real: RealGroup, url: string, order: Order): Promise<void> {
  const { group, deployment, read } = real;
  const id = orderId(order);
  const settlement = group.settlement.toLowerCase();
  const answer = await query<Answer>(
    url,
    `{
      group(id: "${settlement}") { ${TOTALS} }
      network(id: "memo") { ${TOTALS} }
      order(id: "${id}") { escrow settledTo endEpoch slotsHeld slotsVacant slotsVoid state }
      providers(${ALL}) { items { providerId stake collateral unbonding exiting credit protectedTo earned bonuses } }
      keepers(${ALL}) { items { keeperId stake unbonding seat masked } }
      payers(${ALL}) { items { address balance free escrow } }
      slots(${ALL}) { items { id slot state providerId since formerId formerSince until expiries offerId earned } }
      assignments: slotAssignments(${ALL}) { items { slotId providerId earned } }
      handOvers(${ALL}) { items { slot until collateral pot reserved } }
      lostRecords(${ALL}) { items { epoch part state entryCount deadline provider { providerId } } }
      directChallenges(where: { state: open }, ${ALL}) { items { slot bond } }
      slashings(${ALL}) { items {
        amount toPayer toPot toTreasury toChallenger toReporter burnt providerId keeperId
      } }
      contracts(${ALL}) { items { id name rollingHash } }
    }`,
  );
  const big = (row: Row, name: string) => BigInt(row[name] as string);
  const sum = (rows: readonly Row[], name: string) => rows.reduce((all, row) => all + big(row, name), 0n);
  const add = (row: Row, ...names: string[]) => names.reduce((all, name) => all + big(row, name), 0n);
  const { group: totals } = answer;
  assert.deepEqual(answer.network, totals, "one group: the network has its totals");

  // What every contract holds.
  const tokens = (holder: Address) => read<bigint>(deployment.token, [...erc20Abi], "balanceOf", [holder]);
  const inOrders = add(totals, "payerBalances", "escrow", "credits", "pools", "pots", "reserves");
  assert.equal(inOrders, await tokens(group.orders), "StorageOrders");
  assert.equal(
    add(totals, "providerStake", "keeperStake", "unbonding"),
    await tokens(group.staking),
    "Staking",
  );
  const native = await real.node.publicClient.getBalance({ address: group.disputes });
  assert.equal(add(totals, "bonds"), native, "Disputes");
  assert.equal(sum(answer.directChallenges.items, "bond"), native, "open challenges");
  for (const contract of [group.disputes, group.repairs, group.settlement]) {
    assert.equal(await tokens(contract), 0n, "no tokens elsewhere");
  }

  // What came in is there or went out.
  const out = add(totals, "withdrawn", "creditsWithdrawn", "keeperFeesClaimed", "treasuryWithdrawn");
  assert.equal(add(totals, "deposited", "slashedFromProviders"), inOrders + out, "in and out");
  assert.equal(
    add(totals, "credits", "creditsWithdrawn"),
    add(totals, "paidToProviders", "creditedToProviders"),
  );
  assert.equal(add(totals, "paidToReporters", "burnt"), add(totals, "slashedFromKeepers"));
  for (const row of answer.slashings.items) {
    const parts = add(row, "toPayer", "toPot", "toTreasury", "toChallenger", "toReporter", "burnt");
    assert.equal(parts, big(row, "amount"), "parts of a slashing");
  }
  const ofProviders = answer.slashings.items.filter(({ providerId }) => providerId !== null);
  assert.equal(sum(ofProviders, "amount"), add(totals, "slashedFromProviders"));

  // Providers, keepers, payers.
  for (const row of answer.providers.items) {
    const onChain = await read<Row>(group.staking, REAL_ABIS.staking, "provider", [row.providerId]);
    const name = `provider ${row.providerId}`;
    const { stake, locked, unbonding, exiting } = onChain;
    const said = [big(row, "stake"), big(row, "collateral"), big(row, "unbonding"), row.exiting];
    assert.deepEqual(said, [stake, locked, unbonding, exiting], name);
    const credit = await read<bigint>(group.orders, REAL_ABIS.orders, "credit", [row.providerId]);
    assert.equal(big(row, "credit"), credit, `credit of ${name}`);
    const protectedTo = await read<number>(group.disputes, REAL_ABIS.disputes, "protectedTo", [
      row.providerId,
    ]);
    assert.equal(Number(row.protectedTo ?? 0), protectedTo, name);
  }
  assert.equal(sum(answer.providers.items, "collateral"), add(totals, "collateral"));
  const masked = await read<number>(group.settlement, REAL_ABIS.settlement, "masked", [TERM]);
  for (const row of answer.keepers.items) {
    const keeperId = Number(row.keeperId);
    const onChain = await read<Row>(group.staking, REAL_ABIS.staking, "keeper", [keeperId]);
    const said = [big(row, "stake"), big(row, "unbonding"), row.seat ?? 255];
    assert.deepEqual(said, [onChain.stake, onChain.unbonding, onChain.seat], `keeper ${keeperId}`);
    assert.equal(row.masked, ((masked >>> (keeperId - 1)) & 1) === 1, `mask of keeper ${keeperId}`);
  }
  for (const row of answer.payers.items) {
    const free = await read<bigint>(group.orders, REAL_ABIS.orders, "balanceOf", [row.address]);
    assert.equal(big(row, "free"), free, `payer ${row.address}`);
  }
  assert.equal(sum(answer.payers.items, "balance"), add(totals, "payerBalances"));
  assert.equal(sum(answer.payers.items, "escrow"), add(totals, "escrow"));

  // Pools of keepers and treasury.
  const { keepers, treasury } = await read<{ keepers: bigint; treasury: bigint }>(
    group.orders,
    REAL_ABIS.orders,
    "pool",
    [TERM],
  );
  let claimed = await read<bigint>(group.orders, REAL_ABIS.orders, "treasuryClaimed", [TERM]);
  for (const { keeperId } of answer.keepers.items) {
    claimed += await read<bigint>(group.orders, REAL_ABIS.orders, "claimed", [TERM, keeperId]);
  }
  assert.equal(add(totals, "pools"), keepers + treasury - claimed, "pools");

  // The order and its slots.
  const state = await read<Row>(group.orders, REAL_ABIS.orders, "orderState", [id]);
  const said = [big(answer.order, "escrow"), Number(answer.order.settledTo), Number(answer.order.endEpoch)];
  assert.deepEqual(said, [state.escrow, state.settledTo, state.endEpoch], "order");
  assert.equal(Number(answer.order.slotsVacant) + Number(answer.order.slotsVoid), state.evicted, "vacant");
  const scoped = (number: unknown) => (number === 0 ? null : `${settlement}-${number}`);
  for (const row of answer.slots.items) {
    const it = await read<Row>(group.repairs, REAL_ABIS.repairs, "slotOf", [order, row.slot]);
    const name = `slot ${row.slot}`;
    assert.equal(row.state, it.voided ? "void" : it.vacant ? "vacant" : "held", name);
    assert.equal(row.providerId, scoped(it.holder), name);
    if (!it.vacant) assert.equal(Number(row.since), it.since, name);
    assert.deepEqual([row.formerId, row.expiries], [scoped(it.former), it.expiries], name);
    assert.deepEqual(
      [Number(row.formerSince ?? 0), Number(row.until ?? 0)],
      [it.formerSince, it.until],
      name,
    );
    assert.equal(row.offerId !== null, it.assignee !== 0, `offer of ${name}`);
    const times = answer.assignments.items.filter(({ slotId }) => slotId === row.id);
    assert.equal(sum(times, "earned"), big(row, "earned"), `pay of ${name}`);
  }
  assert.equal(sum(answer.slots.items, "earned"), add(totals, "paidToProviders"));

  // Hand-overs and records.
  for (const row of answer.handOvers.items) {
    const args = [id, row.slot, Number(row.until)];
    const { pot, reserved, closed, slashed } = await read<{
      pot: bigint;
      reserved: bigint;
      closed: boolean;
      slashed: boolean;
    }>(...([group.repairs, REAL_ABIS.repairs, "bonusOf", args] as const));
    assert.deepEqual([big(row, "pot"), big(row, "reserved")], [pot, reserved], `pot ${args}`);
    assert.equal(row.collateral, closed ? (slashed ? "slashed" : "released") : "disputed", `vacancy ${args}`);
  }
  assert.equal(sum(answer.handOvers.items, "pot"), add(totals, "pots"));
  assert.equal(sum(answer.handOvers.items, "reserved"), add(totals, "reserves"));
  for (const { provider, ...row } of answer.lostRecords.items) {
    const args = [provider.providerId, row.epoch, Number(row.part)];
    const it = await read<Row>(group.disputes, REAL_ABIS.disputes, "lostRecord", args);
    assert.equal(row.state, RECORD_STATES[Number(it.status)], `record ${args}`);
    assert.deepEqual([row.entryCount, big(row, "deadline")], [it.count, it.deadline], `record ${args}`);
  }

  // Complete.
  assert.equal(answer.contracts.items.length, 7);
  for (const { id: address, name, rollingHash } of answer.contracts.items) {
    assert.equal(rollingHash, await read<Hex>(address, REAL_ABIS.staking, "rollingHash"), name);
  }
}
