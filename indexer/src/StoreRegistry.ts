import { ponder } from "ponder:registry";
import { store, storeMember } from "ponder:schema";
import { type Hex, zeroAddress } from "viem";
import { lower } from "./lib/ids.ts";
import { type ChainEvent, type Db, record, stampOf } from "./lib/record.ts";

type Joined = {
  readonly storeId: number;
  readonly memberId: number;
  readonly operator: Hex;
  readonly endpoint: string;
  readonly configuration: bigint;
};

const memberKey = (storeId: number, memberId: number) => `${storeId}-${memberId}`;

/** A member joined: it is there from this configuration on. */
async function join(db: Db, event: ChainEvent, joined: Joined, formerId: string | null): Promise<void> {
  const { storeId, memberId, operator, endpoint, configuration } = joined;
  await db.insert(storeMember).values({
    ...{ id: memberKey(storeId, memberId), storeId: BigInt(storeId), memberId: BigInt(memberId) },
    ...{ operator: lower(operator), endpoint, present: true, formerId },
    ...stampOf(event),
  });
  await db
    .update(store, { id: BigInt(storeId) })
    .set((row) => ({ configuration, memberCount: row.memberCount + 1 }));
}

/** A number is gone for good. */
async function leave(db: Db, storeId: number, memberId: number, configuration: bigint): Promise<void> {
  await db.update(storeMember, { id: memberKey(storeId, memberId) }).set({ present: false });
  await db
    .update(store, { id: BigInt(storeId) })
    .set((row) => ({ configuration, memberCount: row.memberCount - 1 }));
}

ponder.on("StoreRegistry:StoreCreated", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, owner, policy } = event.args;
  await db.insert(store).values({
    ...{ id: BigInt(storeId), owner: lower(owner), configuration: 1n, ...policy },
    ...{ memberCount: 0, closed: false },
    ...stampOf(event),
  });
});

ponder.on("StoreRegistry:ManifestSet", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, version, manifestHash } = event.args;
  await db.update(store, { id: BigInt(storeId) }).set({ manifestVersion: version, manifestHash });
});

ponder.on("StoreRegistry:PolicySet", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, configuration, policy } = event.args;
  await db.update(store, { id: BigInt(storeId) }).set({ configuration, ...policy });
});

ponder.on("StoreRegistry:MemberAdded", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  await join(db, event, event.args, null);
});

ponder.on("StoreRegistry:MemberRemoved", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, memberId, configuration } = event.args;
  await leave(db, storeId, memberId, configuration);
});

ponder.on("StoreRegistry:MemberRejoined", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, former, configuration } = event.args;
  await leave(db, storeId, former, configuration);
  await join(db, event, event.args, memberKey(storeId, former));
});

ponder.on("StoreRegistry:MemberOperatorChanged", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, memberId, operator, configuration } = event.args;
  await db.update(storeMember, { id: memberKey(storeId, memberId) }).set({ operator: lower(operator) });
  await db.update(store, { id: BigInt(storeId) }).set({ configuration });
});

ponder.on("StoreRegistry:MemberEndpointChanged", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, memberId, endpoint } = event.args;
  await db.update(storeMember, { id: memberKey(storeId, memberId) }).set({ endpoint });
});

ponder.on("StoreRegistry:OwnershipTransferStarted", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, to } = event.args;
  await db
    .update(store, { id: BigInt(storeId) })
    .set({ pendingOwner: to === zeroAddress ? null : lower(to) });
});

ponder.on("StoreRegistry:OwnershipTransferred", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  const { storeId, to } = event.args;
  await db.update(store, { id: BigInt(storeId) }).set({ owner: lower(to), pendingOwner: null });
});

ponder.on("StoreRegistry:StoreClosed", async ({ event, context: { db } }) => {
  await record(db, event, "StoreRegistry");
  await db.update(store, { id: BigInt(event.args.storeId) }).set({ closed: true });
});
