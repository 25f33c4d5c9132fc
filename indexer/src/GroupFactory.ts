import { ponder } from "ponder:registry";
import { contract, group, network } from "ponder:schema";
import type { Hex } from "viem";
import { ZERO_TOTALS } from "./lib/books.ts";
import type { ContractName } from "./lib/calls.ts";
import { lower, NETWORK_ID } from "./lib/ids.ts";
import { type Db, record, stampOf } from "./lib/record.ts";
import { EMPTY_ROLLING_HASH } from "./lib/rollingHash.ts";

ponder.on("GroupFactory:setup", async ({ context }) => {
  await context.db.insert(network).values({
    id: NETWORK_ID,
    chainId: context.chain.id,
    factory: lower(context.contracts.GroupFactory.address),
    groupCount: 0,
    ...ZERO_TOTALS,
  });
});

ponder.on("GroupFactory:GroupCreated", async ({ event, context: { db } }) => {
  await record(db, event, "GroupFactory");
  const { groupId, settlement, creator, staking, orders, disputes, repairs, allowances, parameters } =
    event.args;
  const id = lower(settlement);
  await db.insert(group).values({
    id,
    networkId: NETWORK_ID,
    groupId,
    creator: lower(creator),
    stakingAddress: lower(staking),
    ordersAddress: lower(orders),
    disputesAddress: lower(disputes),
    repairsAddress: lower(repairs),
    allowancesAddress: lower(allowances),
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([key, value]) => [
        key,
        typeof value === "bigint" ? String(value) : value,
      ]),
    ),
    ...ZERO_TOTALS,
    ...stampOf(event),
  });
  await adopt(db, lower(staking), "Staking", id);
  await adopt(db, lower(orders), "StorageOrders", id);
  await adopt(db, id, "ChallengeSettlement", id);
  await adopt(db, lower(disputes), "Disputes", id);
  await adopt(db, lower(repairs), "Repairs", id);
  await adopt(db, lower(allowances), "Allowances", id);
  await db.update(network, { id: NETWORK_ID }).set((row) => ({ groupCount: row.groupCount + 1 }));
});

/** A clone may have emitted before its group was announced: then only its group is new. */
async function adopt(db: Db, address: Hex, name: ContractName, groupAddress: Hex): Promise<void> {
  await db
    .insert(contract)
    .values({
      id: address,
      name,
      groupAddress,
      rollingHash: EMPTY_ROLLING_HASH,
      events: 0,
      lastBlock: 0,
      lastLogIndex: 0,
    })
    .onConflictDoUpdate({ groupAddress });
}
