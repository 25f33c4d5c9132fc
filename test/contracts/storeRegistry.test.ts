import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import {
  type Abi,
  type Address,
  concatHex,
  encodeAbiParameters,
  type Hex,
  keccak256,
  numberToHex,
  parseEventLogs,
  type TransactionReceipt,
  toFunctionSelector,
  zeroAddress,
  zeroHash,
} from "viem";
import { storeRegistryAbi } from "../../protocol/abi/generated/StoreRegistry.ts";
import { createTestChain, rejectsWith, type TestChain, testAccount } from "../support/contracts/chain.ts";
import { artifactAbi } from "../support/contracts/factory.ts";

const STRONG = 0;
const SESSION = 1;
const EVENTUAL = 2;
const POLICY = { partitions: 1024, replicas: 3, writeQuorum: 2, reads: STRONG, writes: STRONG };
type Policy = typeof POLICY;
const MANIFEST = keccak256("0x01");
const OWNER = testAccount(0).address;
const STRANGER = testAccount(1).address;
const operator = (index: number) => testAccount(10 + index).address;
const joining = (index: number) => ({ operator: operator(index), endpoint: `/dns4/n${index}` });
const abi = storeRegistryAbi as Abi;

let chain: TestChain;
let registry: Address;
const on = (functionName: string, args: readonly unknown[], account = OWNER) =>
  chain.send({ address: registry, abi, functionName, args, account });
const read = <T>(functionName: string, args: readonly unknown[] = []) =>
  chain.read<T>(registry, abi, functionName, args);
const create = (policy: Policy = POLICY, members = 4, manifest: Hex = MANIFEST) =>
  on("createStore", [policy, Array.from({ length: members }, (_, index) => joining(index)), manifest]);
const events = (receipt: TransactionReceipt) => parseEventLogs({ abi: storeRegistryAbi, logs: receipt.logs });
type Store = {
  readonly owner: Address;
  readonly pendingOwner: Address;
  readonly configuration: bigint;
  readonly manifestVersion: bigint;
  readonly manifestHash: Hex;
  readonly policy: Policy;
  readonly memberCount: number;
  readonly lastMemberId: number;
  readonly closed: boolean;
};
type Member = { readonly id: number; readonly operator: Address };
const store = (id = 1) => read<Store>("store", [id]);
const members = (from = 0, count = 128, id = 1) => read<readonly Member[]>("members", [id, from, count]);

beforeEach(async () => {
  chain = await createTestChain();
  registry = await chain.deploy("StoreRegistry");
});
afterEach(() => chain.close());

test("anybody makes a store, and owns it with its members and its first manifest", async () => {
  const receipt = await create();
  assert.deepEqual(
    events(receipt).map(({ eventName }) => eventName),
    ["StoreCreated", "MemberAdded", "MemberAdded", "MemberAdded", "MemberAdded", "ManifestSet"],
  );
  assert.deepEqual(await store(), {
    ...{ owner: OWNER, pendingOwner: zeroAddress, configuration: 1n, manifestVersion: 1n },
    ...{ manifestHash: MANIFEST, policy: POLICY, memberCount: 4, lastMemberId: 4, closed: false },
  });
  assert.deepEqual(
    await members(),
    [0, 1, 2, 3].map((index) => ({ id: index + 1, operator: operator(index) })),
  );
  await on("createStore", [POLICY, [5, 6, 7].map(joining), MANIFEST], STRANGER);
  assert.equal((await store(2)).owner, STRANGER);
  assert.equal((await members(0, 128, 2))[0]!.id, 1, "each store numbers its own");
  assert.equal(await read("storeCount"), 2);
  assert.equal(await read("version"), "1");
  await rejectsWith(read("store", [3]), "StoreUnknown", [3]);
  await rejectsWith(read("member", [1, 5]), "MemberUnknown", [1, 5]);
});

test("a policy has to be one that partitions and quorums can be kept by", async () => {
  const policy = (change: Partial<Policy>) => create({ ...POLICY, ...change }, 9);
  for (const partitions of [1, 2, 512, 1024]) await policy({ partitions });
  for (const partitions of [0, 3, 1023, 1025, 2048]) {
    await rejectsWith(policy({ partitions }), "PartitionsInvalid", [partitions, 1024]);
  }
  for (const replicas of [1, 9]) await policy({ replicas, writeQuorum: replicas });
  for (const replicas of [0, 10]) {
    await rejectsWith(policy({ replicas, writeQuorum: replicas }), "ReplicasInvalid", [replicas, 9]);
  }
  for (const [replicas, majority] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [9, 5],
  ] as const) {
    await policy({ replicas, writeQuorum: majority });
    for (const writeQuorum of [majority - 1, replicas + 1]) {
      await rejectsWith(policy({ replicas, writeQuorum }), "WriteQuorumInvalid", [
        writeQuorum,
        majority,
        replicas,
      ]);
    }
  }
  for (const reads of [STRONG, SESSION, EVENTUAL]) await policy({ reads });
  await policy({ writes: EVENTUAL });
  await rejectsWith(policy({ writes: SESSION }), "WritesInvalid", [SESSION]);
  await rejectsWith(create(POLICY, 4, zeroHash), "ManifestMissing");
});

test("a store has as many members as replicas, and at most 128, with operators and endpoints of their own", async () => {
  await create(POLICY, 3);
  await rejectsWith(create(POLICY, 2), "MemberCountInvalid", [2n, 3n, 128n]);
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      operator: `0x${(index + 1).toString(16).padStart(40, "0")}`,
      endpoint: "/e",
    }));
  await on("createStore", [POLICY, many(128), MANIFEST]);
  await rejectsWith(on("createStore", [POLICY, many(129), MANIFEST]), "MemberCountInvalid", [129n, 3n, 128n]);
  await rejectsWith(on("addMember", [2, joining(0), 1n]), "MemberCountInvalid", [129n, 3n, 128n]);
  const twice = [joining(0), joining(1), joining(0)];
  await rejectsWith(on("createStore", [POLICY, twice, MANIFEST]), "OperatorTaken", [operator(0), 1]);
  await rejectsWith(on("addMember", [1, joining(2), 1n]), "OperatorTaken", [operator(2), 3]);
  const nobody = { operator: zeroAddress, endpoint: "/e" };
  await rejectsWith(on("addMember", [1, nobody, 1n]), "OperatorMissing");
  const longest = "e".repeat(256);
  for (const endpoint of ["", `${longest}e`]) {
    const joins = { operator: operator(3), endpoint };
    await rejectsWith(on("addMember", [1, joins, 1n]), "EndpointLengthInvalid", [
      BigInt(endpoint.length),
      256n,
    ]);
    const moved = on("setMemberEndpoint", [1, 1, endpoint]);
    await rejectsWith(moved, "EndpointLengthInvalid", [BigInt(endpoint.length), 256n]);
  }
  await on("addMember", [1, { operator: operator(3), endpoint: longest }, 1n]);
  await on("setMemberEndpoint", [1, 1, longest]);
});

test("members change one at a time, on the configuration that is, and no number is used again", async () => {
  await create(POLICY, 4);
  await on("removeMember", [1, 2, 1n]);
  assert.deepEqual(
    (await members()).map(({ id }) => id),
    [1, 3, 4],
  );
  assert.equal(await read("memberOf", [1, operator(1)]), 0);
  await rejectsWith(on("removeMember", [1, 2, 2n]), "MemberUnknown", [1, 2]);
  await rejectsWith(on("removeMember", [1, 3, 2n]), "MemberCountInvalid", [2n, 3n, 128n]);
  for (const stale of [1n, 3n]) {
    await rejectsWith(on("addMember", [1, joining(5), stale]), "ConfigurationStale", [1, stale, 2n]);
    await rejectsWith(on("removeMember", [1, 1, stale]), "ConfigurationStale", [1, stale, 2n]);
    await rejectsWith(on("rejoin", [1, 1, "/e", stale]), "ConfigurationStale", [1, stale, 2n]);
    await rejectsWith(on("setMemberOperator", [1, 1, operator(9), stale]), "ConfigurationStale", [
      1,
      stale,
      2n,
    ]);
    await rejectsWith(on("setPolicy", [1, POLICY, stale]), "ConfigurationStale", [1, stale, 2n]);
    await rejectsWith(on("setManifest", [1, 2n, MANIFEST, stale]), "ConfigurationStale", [1, stale, 2n]);
  }
  const [added] = events(await on("addMember", [1, joining(1), 2n]));
  assert.deepEqual(added!.args, {
    ...{ storeId: 1, memberId: 5, operator: operator(1), configuration: 3n, endpoint: "/dns4/n1" },
  });
  assert.deepEqual(
    (await members()).map(({ id }) => id),
    [1, 3, 4, 5],
  );
  assert.deepEqual(await read("member", [1, 5]), { id: 5, operator: operator(1) });
});

test("a member that lost its disk comes back under a new number only", async () => {
  await create(POLICY, 3);
  const [rejoined] = events(await on("rejoin", [1, 1, "/again", 1n], operator(0)));
  assert.deepEqual(rejoined!.args, {
    ...{ storeId: 1, memberId: 4, operator: operator(0), former: 1, configuration: 2n, endpoint: "/again" },
  });
  assert.deepEqual(
    (await members()).map(({ id }) => id),
    [2, 3, 4],
  );
  assert.equal(await read("memberOf", [1, operator(0)]), 4);
  await rejectsWith(on("rejoin", [1, 1, "/e", 2n], operator(0)), "MemberUnknown", [1, 1]);
  await on("rejoin", [1, 3, "/e", 2n]);
  assert.deepEqual(
    (await members()).map(({ id }) => id),
    [2, 4, 5],
  );
  await rejectsWith(on("rejoin", [1, 2, "", 3n]), "EndpointLengthInvalid", [0n, 256n]);
});

test("a member's key is replaced without a new number, its endpoint by itself", async () => {
  await create(POLICY, 3);
  await on("setMemberOperator", [1, 2, operator(7), 1n]);
  assert.deepEqual((await members())[1], { id: 2, operator: operator(7) });
  assert.equal(await read("memberOf", [1, operator(1)]), 0);
  assert.equal(await read("memberOf", [1, operator(7)]), 2);
  assert.equal((await store()).configuration, 2n);
  await rejectsWith(on("setMemberEndpoint", [1, 2, "/e"], operator(1)), "NotMemberOrOwner", [operator(1), 2]);
  await on("setMemberEndpoint", [1, 2, "/e"], operator(7));
  assert.equal((await store()).configuration, 2n, "where a member is reached is not who it is");
  await rejectsWith(on("setMemberOperator", [1, 2, operator(0), 2n]), "OperatorTaken", [operator(0), 1]);
  await rejectsWith(on("setMemberOperator", [1, 2, zeroAddress, 2n]), "OperatorMissing");
  await rejectsWith(on("setMemberOperator", [1, 9, operator(8), 2n]), "MemberUnknown", [1, 9]);
});

test("replicas change by one at a time and never exceed the members; partitions never change", async () => {
  await create(POLICY, 5);
  const policy = (change: Partial<Policy>) => ({ ...POLICY, ...change });
  const five = policy({ replicas: 5, writeQuorum: 3 });
  await rejectsWith(on("setPolicy", [1, five, 1n]), "ReplicasStepTooLarge", [5, 3]);
  await rejectsWith(
    on("setPolicy", [1, policy({ replicas: 1, writeQuorum: 1 }), 1n]),
    "ReplicasStepTooLarge",
    [1, 3],
  );
  await on("setPolicy", [1, policy({ replicas: 4, writeQuorum: 3 }), 1n]);
  await on("setPolicy", [1, five, 2n]);
  await rejectsWith(on("setPolicy", [1, policy({ replicas: 6, writeQuorum: 4 }), 3n]), "MemberCountInvalid", [
    5n,
    6n,
    128n,
  ]);
  await on("setPolicy", [1, policy({ replicas: 4, writeQuorum: 4, reads: EVENTUAL, writes: EVENTUAL }), 3n]);
  assert.deepEqual(
    (await store()).policy,
    policy({ replicas: 4, writeQuorum: 4, reads: EVENTUAL, writes: EVENTUAL }),
  );
  const other = policy({ partitions: 512, replicas: 4, writeQuorum: 3 });
  await rejectsWith(on("setPolicy", [1, other, 4n]), "PartitionsFixed", [512, 1024]);
  await rejectsWith(on("setPolicy", [1, policy({ writes: SESSION }), 4n]), "WritesInvalid", [SESSION]);
});

test("manifests are numbered without gaps, for the configuration that is", async () => {
  await create();
  const next = keccak256("0x02");
  for (const version of [1n, 3n]) {
    await rejectsWith(on("setManifest", [1, version, next, 1n]), "ManifestVersionWrong", [1, version, 2n]);
  }
  await rejectsWith(on("setManifest", [1, 2n, zeroHash, 1n]), "ManifestMissing");
  const [set] = events(await on("setManifest", [1, 2n, next, 1n]));
  assert.deepEqual(set!.args, { storeId: 1, by: OWNER, version: 2n, manifestHash: next, configuration: 1n });
  const { manifestHash, manifestVersion, configuration } = await store();
  assert.deepEqual([manifestHash, manifestVersion, configuration], [next, 2n, 1n]);
});

test("a store changes hands in two steps", async () => {
  await create();
  await on("transferOwnership", [1, STRANGER]);
  assert.equal((await store()).owner, OWNER, "the offer alone changes nothing");
  await rejectsWith(on("acceptOwnership", [1], operator(0)), "NotPendingOwner", [operator(0), STRANGER]);
  await on("transferOwnership", [1, zeroAddress]);
  await rejectsWith(on("acceptOwnership", [1], STRANGER), "NotPendingOwner", [STRANGER, zeroAddress]);
  await on("transferOwnership", [1, STRANGER]);
  await on("acceptOwnership", [1], STRANGER);
  assert.deepEqual([(await store()).owner, (await store()).pendingOwner], [STRANGER, zeroAddress]);
  await rejectsWith(on("closeStore", [1]), "NotStoreOwner", [OWNER, STRANGER]);
  await on("closeStore", [1], STRANGER);
});

test("who may do what, and nothing once a store is closed", async () => {
  await create();
  const owners: [string, readonly unknown[]][] = [
    ["setManifest", [1, 2n, MANIFEST, 1n]],
    ["setPolicy", [1, POLICY, 1n]],
    ["addMember", [1, joining(8), 1n]],
    ["removeMember", [1, 1, 1n]],
    ["setMemberOperator", [1, 1, operator(9), 1n]],
    ["transferOwnership", [1, STRANGER]],
    ["closeStore", [1]],
  ];
  for (const [name, args] of owners) {
    for (const caller of [STRANGER, operator(0)]) {
      await rejectsWith(on(name, args, caller), "NotStoreOwner", [caller, OWNER]);
    }
    await rejectsWith(on(name, [9, ...args.slice(1)]), "StoreUnknown", [9]);
  }
  const operators: [string, readonly unknown[]][] = [
    ["rejoin", [1, 1, "/e", 1n]],
    ["setMemberEndpoint", [1, 1, "/e"]],
  ];
  for (const [name, args] of operators) {
    for (const caller of [STRANGER, operator(1)]) {
      await rejectsWith(on(name, args, caller), "NotMemberOrOwner", [caller, 1]);
    }
  }
  await on("closeStore", [1]);
  assert.equal((await store()).closed, true);
  for (const [name, args] of [...owners, ...operators])
    await rejectsWith(on(name, args), "StoreIsClosed", [1]);
  await rejectsWith(on("acceptOwnership", [1], STRANGER), "StoreIsClosed", [1]);
});

/** As a node computes it from what it read. */
async function hashOfConfiguration(): Promise<Hex> {
  const { configuration, policy } = await store();
  const item = storeRegistryAbi.find((entry) => entry.type === "function" && entry.name === "store");
  const policyType = (
    item as never as { outputs: [{ components: { name: string }[] }] }
  ).outputs[0].components.find(({ name }) => name === "policy");
  const memberType = {
    type: "tuple[]",
    components: [
      { type: "uint32", name: "id" },
      { type: "address", name: "operator" },
    ],
  };
  const types = [
    { type: "uint256" },
    { type: "address" },
    { type: "uint32" },
    { type: "uint64" },
    policyType,
    memberType,
  ];
  const values = [BigInt(chain.chainId), registry, 1, configuration, policy, await members()];
  return keccak256(encodeAbiParameters(types as never, values as never));
}

test("the hash of a configuration is that of what it consists of", async () => {
  await create();
  const seen = new Set<Hex>();
  const check = async () => {
    const hash = await read<Hex>("configurationHash", [1]);
    assert.equal(hash, await hashOfConfiguration());
    assert.equal(seen.has(hash), false, "another configuration, another hash");
    seen.add(hash);
  };
  await check();
  await on("addMember", [1, joining(4), 1n]);
  await check();
  await on("removeMember", [1, 5, 2n]);
  await check();
  await on("setPolicy", [1, { ...POLICY, writeQuorum: 3 }, 3n]);
  await check();
  await on("setMemberOperator", [1, 1, operator(9), 4n]);
  await check();
  await on("rejoin", [1, 2, "/e", 5n]);
  await check();
});

test("members come in pages", async () => {
  await create(POLICY, 5);
  const ids = async (from: number, count: number) => (await members(from, count)).map(({ id }) => id);
  assert.deepEqual(await ids(0, 2), [1, 2]);
  assert.deepEqual(await ids(2, 2), [3, 4]);
  assert.deepEqual(await ids(4, 2), [5]);
  assert.deepEqual(await ids(5, 2), []);
  assert.deepEqual(await ids(4_294_967_295, 4_294_967_295), []);
  assert.deepEqual(await ids(0, 0), []);
});

test("whatever is done, members stay what a plain list says, and the rolling hash what the logs give", async () => {
  await create(POLICY, 4);
  const model = {
    list: [0, 1, 2, 3].map((index) => ({ id: index + 1, operator: operator(index) })),
    last: 4,
    configuration: 1n,
  };
  const step = fc.record({ kind: fc.constantFrom("add", "remove", "rejoin", "key"), pick: fc.nat(15) });
  const [steps] = fc.sample(fc.array(step, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed: 7 });
  for (const { kind, pick } of steps!) {
    const free = Array.from({ length: 16 }, (_, index) => index).filter(
      (index) => !model.list.some((member) => member.operator === operator(index)),
    );
    const at = pick % model.list.length;
    const chosen = model.list[at]!;
    const newcomer = free[pick % Math.max(free.length, 1)];
    if (kind === "add" && newcomer !== undefined) {
      await on("addMember", [1, joining(newcomer), model.configuration]);
      model.list.push({ id: ++model.last, operator: operator(newcomer) });
    } else if (kind === "remove" && model.list.length > POLICY.replicas) {
      await on("removeMember", [1, chosen.id, model.configuration]);
      model.list.splice(at, 1);
    } else if (kind === "rejoin") {
      await on("rejoin", [1, chosen.id, "/e", model.configuration], chosen.operator);
      model.list.splice(at, 1);
      model.list.push({ id: ++model.last, operator: chosen.operator });
    } else if (kind === "key" && newcomer !== undefined) {
      await on("setMemberOperator", [1, chosen.id, operator(newcomer), model.configuration]);
      model.list[at] = { ...chosen, operator: operator(newcomer) };
    } else continue;
    model.configuration++;
    assert.deepEqual(await members(), model.list);
  }
  assert.equal((await store()).configuration, model.configuration);
  assert.equal((await store()).lastMemberId, model.last);
  for (let index = 0; index < 16; index++) {
    const expected = model.list.find((member) => member.operator === operator(index))?.id ?? 0;
    assert.equal(await read("memberOf", [1, operator(index)]), expected);
  }
  await on("setMemberEndpoint", [1, model.list[0]!.id, "/e"]);
  await on("setManifest", [1, 2n, MANIFEST, model.configuration]);
  await on("setPolicy", [1, POLICY, model.configuration]);
  await on("transferOwnership", [1, STRANGER]);
  await on("acceptOwnership", [1], STRANGER);
  await on("closeStore", [1], STRANGER);
  const logs = await chain.publicClient.getLogs({ address: registry, fromBlock: 0n });
  assert.equal(parseEventLogs({ abi: storeRegistryAbi, logs, strict: true }).length, logs.length);
  const names = new Set(parseEventLogs({ abi: storeRegistryAbi, logs }).map(({ eventName }) => eventName));
  assert.equal(
    names.size,
    storeRegistryAbi.filter(({ type }) => type === "event").length,
    "every event was seen",
  );
  const head = logs.reduce<Hex>(
    (hash, { topics, data }) => keccak256(concatHex([hash, keccak256(concatHex([...topics, data]))])),
    zeroHash,
  );
  assert.equal(await read("rollingHash"), head);
});

test("a registry says by ERC-165 what it is", async () => {
  const supports = (id: Hex) => read<boolean>("supportsInterface", [id]);
  assert.equal(await supports("0x01ffc9a7"), true);
  assert.equal(await supports("0xffffffff"), false);
  const functions = (await artifactAbi("IStoreRegistry")).filter((item) => item.type === "function");
  const own = functions.filter(({ name }) => name !== "supportsInterface");
  const id = own.reduce((sum, item) => sum ^ BigInt(toFunctionSelector(item)), 0n);
  assert.equal(await supports(numberToHex(id, { size: 4 })), true);
});
