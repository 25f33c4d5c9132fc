import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { type Abi, type Address, type Hex, zeroAddress } from "viem";
import { type Indexer, startIndexer } from "../../indexer/startIndexer.ts";
import { storeRegistryAbi } from "../../protocol/abi/generated/StoreRegistry.ts";
import { createSilentLogger } from "../../protocol/runtime/logger.ts";
import { deployEventSource, type Emission, emission } from "./indexer/eventSource.ts";
import { query } from "./indexer/graphql.ts";
import { address, emitted } from "./indexer/history.ts";
import { createWorld, hash, type World } from "./indexer/world.ts";

const ABI: Abi = storeRegistryAbi;
const OWNER = address(0xa0);
const POLICY = { partitions: 1_024, replicas: 3, writeQuorum: 2, reads: 0, writes: 2 };
/** The largest id: what somebody may choose freely must not overflow a column. */
const STORE = 4_294_967_295;

describe("an index of key-value stores", { timeout: 180_000 }, () => {
  let world: World;
  let indexer: Indexer;
  let registry: Address;
  const told = new Set<string>();

  const emit = (functionName: string, events: readonly Emission[]) => {
    for (const { name } of events) told.add(name);
    return world.node.send({ to: registry, data: emission(ABI, functionName, events), mine: true });
  };
  const ask = async <Data>(text: string): Promise<Data> => {
    await indexer.ready(await world.node.head(), AbortSignal.timeout(20_000));
    return query<Data>(indexer.url, text);
  };
  const joined = (memberId: number, operator: Address, configuration: bigint) =>
    emitted("MemberAdded", { storeId: STORE, memberId, operator, configuration, endpoint: `/m/${memberId}` });

  before(async () => {
    world = await createWorld();
    registry = await deployEventSource(world.node);
    const deployment = JSON.parse(await readFile(world.deploymentPath, "utf8"));
    deployment.chains[31337].storeRegistry.address = registry;
    await writeFile(world.deploymentPath, JSON.stringify(deployment));
    await world.createGroup();
    await emit("createStore", [
      emitted("StoreCreated", { storeId: STORE, owner: OWNER, policy: POLICY }),
      joined(1, address(0xa1), 1n),
      joined(2, address(0xa2), 1n),
      joined(3, address(0xa3), 1n),
      emitted("ManifestSet", {
        ...{ storeId: STORE, by: OWNER, version: 1n, manifestHash: hash("first"), configuration: 1n },
      }),
    ]);
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

  test("tells a store as it was made: owner, policy, members, manifest", async () => {
    const { store } = await ask<{ store: unknown }>(`{ store(id: "${STORE}") {
      owner pendingOwner configuration manifestVersion manifestHash partitions replicas writeQuorum reads writes
      memberCount closed members(orderBy: "memberId") { items { memberId operator endpoint present store { id } } }
    } }`);
    const member = (id: number) => ({
      ...{ memberId: String(id), operator: address(0xa0 + id), endpoint: `/m/${id}`, present: true },
      store: { id: String(STORE) },
    });
    assert.deepEqual(store, {
      ...{ owner: OWNER, pendingOwner: null, configuration: "1", memberCount: 3, closed: false, ...POLICY },
      ...{ manifestVersion: "1", manifestHash: hash("first") },
      members: { items: [member(1), member(2), member(3)] },
    });
  });

  test("follows members that leave, lose a disk, take another key or move", async () => {
    const of = { storeId: STORE };
    await emit("removeMember", [
      emitted("MemberRemoved", { ...of, memberId: 1, operator: address(0xa1), configuration: 2n }),
    ]);
    await emit("rejoin", [
      emitted("MemberRejoined", {
        ...{ ...of, memberId: 4, operator: address(0xa2), former: 2, configuration: 3n, endpoint: "/again" },
      }),
    ]);
    const key = { ...of, memberId: 3, operator: address(0xb3), former: address(0xa3), configuration: 4n };
    await emit("setMemberOperator", [emitted("MemberOperatorChanged", key)]);
    const moved = { ...of, memberId: 3, by: address(0xb3), endpoint: "/moved" };
    await emit("setMemberEndpoint", [emitted("MemberEndpointChanged", moved)]);
    const { store } = await ask<{ store: unknown }>(`{ store(id: "${STORE}") { configuration memberCount
      members(orderBy: "memberId") { items { memberId operator endpoint present formerId } } } }`);
    const rows = [
      ["1", address(0xa1), "/m/1", false, null],
      ["2", address(0xa2), "/m/2", false, null],
      ["3", address(0xb3), "/moved", true, null],
      ["4", address(0xa2), "/again", true, `${STORE}-2`],
    ] as const;
    const items = rows.map(([memberId, operator, endpoint, present, formerId]) => ({
      ...{ memberId, operator, endpoint, present, formerId },
    }));
    assert.deepEqual(store, { configuration: "4", memberCount: 2, members: { items } });
  });

  test("follows policy, owner and end", async () => {
    const offer = (to: Address) => emitted("OwnershipTransferStarted", { storeId: STORE, from: OWNER, to });
    const policy = { ...POLICY, replicas: 5, writeQuorum: 3, reads: 1, writes: 0 };
    await emit("setPolicy", [emitted("PolicySet", { storeId: STORE, by: OWNER, configuration: 5n, policy })]);
    const pending = async () =>
      (await ask<{ store: { pendingOwner: Hex | null } }>(`{ store(id: "${STORE}") { pendingOwner } }`)).store
        .pendingOwner;
    await emit("transferOwnership", [offer(address(0xc0))]);
    assert.equal(await pending(), address(0xc0));
    await emit("transferOwnership", [offer(zeroAddress)]);
    assert.equal(await pending(), null);
    await emit("transferOwnership", [offer(address(0xc1))]);
    await emit("acceptOwnership", [
      emitted("OwnershipTransferred", { storeId: STORE, from: OWNER, to: address(0xc1) }),
    ]);
    await emit("closeStore", [emitted("StoreClosed", { storeId: STORE, by: address(0xc1) })]);
    const { store } = await ask<{ store: unknown }>(`{ store(id: "${STORE}") {
      owner pendingOwner configuration partitions replicas writeQuorum reads writes closed } }`);
    assert.deepEqual(store, {
      ...{ owner: address(0xc1), pendingOwner: null, configuration: "5", closed: true, ...policy },
    });
  });

  test("has a handler for every event of the registry, and its hash agrees", async () => {
    const events = ABI.flatMap((item) => (item.type === "event" ? [item.name] : []));
    assert.deepEqual([...told].sort(), events.sort(), "the history above tells every event");
    const { contract } = await ask<{ contract: { name: string; rollingHash: Hex } }>(
      `{ contract(id: "${registry.toLowerCase()}") { name rollingHash } }`,
    );
    const functionName = "rollingHash";
    const kept = await world.node.publicClient.readContract({ address: registry, abi: ABI, functionName });
    assert.deepEqual(contract, { name: "StoreRegistry", rollingHash: kept });
  });
});
