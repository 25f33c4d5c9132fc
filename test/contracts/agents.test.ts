import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { getAddress, numberToHex, zeroAddress } from "viem";
import type { HDAccount } from "viem/accounts";
import type { ApproveAgent } from "../../protocol/allowance.ts";
import { type Order, orderId } from "../../protocol/order.ts";
import { eventsIn, signAllowance } from "../support/contracts/allowances.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { artifactAbi } from "../support/contracts/factory.ts";
import { createGroup, type Group, TOKENS } from "../support/contracts/group.ts";
import { compact, signOrder, signOrderAll } from "../support/contracts/signing.ts";

/* Account 1 pays; accounts 50 and 51 may be its agents. */
const agent = testAccount(50);
const other = testAccount(51);
const BUDGET = 100n * TOKENS;

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
let later: bigint;
before(async () => {
  group = await createGroup({ providers: 3 });
  await group.onOrders("deposit", [1000n * TOKENS]);
  later = BigInt(await group.chain.time()) + 3600n;
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const payer = () => group.user.address;
const agentOf = async (of = agent) =>
  await group.read.allowances<{ budget: bigint; expiresAt: bigint }>("agentOf", [payer(), of.address]);
const approve = async (budget: bigint, expiresAt = later) =>
  await group.onAllowances("approveAgent", [agent.address, budget, expiresAt]);
const newOrder = async (overrides: Partial<Order> = {}) =>
  await group.order({ policy: (1 << 16) | (2 << 8) | 1, ...overrides });
const costOf = async (order: Order) => (await group.read.orders<{ total: bigint }>("cost", [order])).total;
async function openByAgent(order: Order, by = agent, signedBy: HDAccount = by, from = group.owner) {
  const signatures = await signOrderAll(
    group.place,
    order,
    order.providers.map((id) => testAccount(2 + id)),
  );
  const signature = await signOrder(group.place, order, signedBy);
  return await group.onOrders("openByAgent", [order, by.address, signature, signatures], from);
}
const approval = (overrides: Partial<ApproveAgent> = {}): ApproveAgent => ({
  ...{ payer: payer(), agent: agent.address, budget: BUDGET, expiresAt: later, nonce: 259n, deadline: later },
  ...overrides,
});
async function bySignature(
  it: ApproveAgent,
  signer = group.user,
  shape = (signature: `0x${string}`) => signature,
) {
  const signature = shape(await signAllowance(group, "ApproveAgent", it, signer));
  return await group.onAllowances("approveAgentBySignature", [...Object.values(it), signature], group.owner);
}

test("an agent opens orders up to its budget, and the payer pays", async () => {
  const order = await newOrder();
  const cost = await costOf(order);
  const approved = await approve(cost);
  assert.deepEqual(eventsIn(approved), [["AgentApproved", payer(), agent.address, cost, later]]);
  const balance = await group.read.orders<bigint>("balanceOf", [payer()]);
  const receipt = await openByAgent(order);
  assert.deepEqual(eventsIn(receipt, "AgentSpent"), [
    ["AgentSpent", payer(), agent.address, orderId(order), cost, 0n],
  ]);
  assert.equal(balance - (await group.read.orders<bigint>("balanceOf", [payer()])), cost);
  assert.deepEqual(await agentOf(), { budget: 0n, expiresAt: later });
  const next = await newOrder({ salt: numberToHex(1, { size: 32 }) });
  await rejectsWith(openByAgent(next), "BudgetTooLow", [payer(), agent.address, 0n, cost]);
});

test("one wei short of the cost is too little", async () => {
  const order = await newOrder();
  const cost = await costOf(order);
  await approve(cost - 1n);
  await rejectsWith(openByAgent(order), "BudgetTooLow", [payer(), agent.address, cost - 1n, cost]);
});

test("an agent spends until the second before it expires", async () => {
  const order = await newOrder({ startEpoch: 1000 });
  await approve(BUDGET);
  await group.chain.helpers.time.increaseTo(later);
  await rejectsWith(openByAgent(order), "AgentExpired", [payer(), agent.address, later, later]);
  await pristine.restore();
  await approve(BUDGET);
  await group.chain.helpers.time.increaseTo(later - 1n);
  await openByAgent(order);
  assert.equal(BigInt(await group.chain.time()), later - 1n);
});

test("only who was approved spends, with its own signature, of who approved it", async () => {
  const order = await newOrder();
  await rejectsWith(openByAgent(order), "AgentExpired");
  await approve(BUDGET);
  await rejectsWith(openByAgent(order, other), "AgentExpired");
  await rejectsWith(openByAgent(order, agent, other), "PayerSignatureInvalid", [agent.address]);
  await rejectsWith(openByAgent(await newOrder({ payer: other.address })), "BalanceTooLow");
  await group.onToken("transfer", [other.address, BUDGET]);
  await group.onToken("approve", [group.place.orders, BUDGET], other);
  await group.onOrders("deposit", [BUDGET], other);
  await rejectsWith(openByAgent(await newOrder({ payer: other.address })), "AgentExpired");
});

test("a new approval replaces the one before, and 0 takes it back", async () => {
  await approve(BUDGET);
  await approve(5n, later + 1n);
  assert.deepEqual(await agentOf(), { budget: 5n, expiresAt: later + 1n });
  await approve(0n);
  await rejectsWith(openByAgent(await newOrder()), "BudgetTooLow");
  await rejectsWith(group.onAllowances("approveAgent", [zeroAddress, 1n, later]), "AgentMissing", []);
});

test("anyone hands in an approval that the payer has signed, once", async () => {
  const receipt = await bySignature(approval());
  assert.deepEqual(eventsIn(receipt), [
    ["NoncesInvalidated", payer(), 1n, 8n],
    ["AgentApproved", payer(), agent.address, BUDGET, later],
  ]);
  assert.deepEqual(await agentOf(), { budget: BUDGET, expiresAt: later });
  assert.equal(await group.read.allowances("nonceWord", [payer(), 1n]), 8n);
  await rejectsWith(bySignature(approval()), "NonceUsed", [payer(), 259n]);
  await bySignature(approval({ nonce: 258n, agent: other.address }), group.user, compact);
  await bySignature(approval({ nonce: 2n ** 256n - 1n, budget: 0n }));
  assert.equal(await group.read.allowances("nonceWord", [payer(), 1n]), 12n);
});

test("a signature counts for its payer, its content, this contract and this chain", async () => {
  const signature = await signAllowance(group, "ApproveAgent", approval(), group.user);
  const handIn = async (it: ApproveAgent, signed = signature) =>
    await group.onAllowances("approveAgentBySignature", [...Object.values(it), signed]);
  const changes: Partial<ApproveAgent>[] = [
    { payer: other.address },
    { agent: other.address },
    { budget: BUDGET + 1n },
    { expiresAt: later + 1n },
    { nonce: 260n },
    { deadline: later + 1n },
  ];
  for (const change of changes) {
    const it = approval(change);
    await rejectsWith(handIn(it), "SignatureInvalid", [it.payer]);
  }
  const elsewhere = [
    { ...group, allowances: group.staking },
    { ...group, chain: { ...group.chain, chainId: 1 } },
  ];
  for (const place of elsewhere) {
    const foreign = await signAllowance(place, "ApproveAgent", approval(), group.user);
    await rejectsWith(handIn(approval(), foreign), "SignatureInvalid", [payer()]);
  }
  await rejectsWith(handIn(approval(), "0x"), "SignatureInvalid", [payer()]);
  await rejectsWith(handIn(approval({ payer: zeroAddress }), `0x${"00".repeat(65)}`), "SignatureInvalid");
  await handIn(approval());
});

test("a signature is good up to its deadline", async () => {
  const it = approval();
  await group.chain.helpers.time.increaseTo(later + 1n);
  await rejectsWith(bySignature(it), "SignatureExpired", [later, later + 1n]);
  await pristine.restore();
  await group.chain.helpers.time.increaseTo(later);
  await bySignature(it);
  assert.equal(BigInt(await group.chain.time()), later);
});

test("a payer makes nonces void before anybody uses them", async () => {
  const receipt = await group.onAllowances("invalidateNonces", [1n, 0b11000n]);
  assert.deepEqual(eventsIn(receipt), [["NoncesInvalidated", payer(), 1n, 0b11000n]]);
  await rejectsWith(bySignature(approval()), "NonceUsed", [payer(), 259n]);
  await bySignature(approval({ nonce: 261n }));
  // Others make void their own.
  await group.onAllowances("invalidateNonces", [0n, 2n ** 256n - 1n], other);
  await bySignature(approval({ nonce: 0n }));
});

test("a contract approves by ERC-1271, and agents may be contracts", async () => {
  const wallet = getAddress(await group.chain.deploy("ContractWallet"));
  const abi = await artifactAbi("ContractWallet");
  const it = approval({ payer: wallet });
  await rejectsWith(bySignature(it), "SignatureInvalid", [wallet]);
  const order = await newOrder();
  const digest = await group.read.orders<string>("orderDigest", [order]);
  await group.onAllowances("approveAgent", [wallet, BUDGET, later]);
  const signatures = await signOrderAll(
    group.place,
    order,
    order.providers.map((id) => testAccount(2 + id)),
  );
  const open = () => group.onOrders("openByAgent", [order, wallet, "0x", signatures]);
  await rejectsWith(open(), "PayerSignatureInvalid", [wallet]);
  await group.chain.send({ address: wallet, abi, functionName: "approveDigest", args: [digest] });
  await open();
});

test("only the orders' contract spends a budget", async () => {
  await approve(BUDGET);
  const args = [payer(), agent.address, 1n, numberToHex(1, { size: 32 })];
  await rejectsWith(group.onAllowances("spend", args, agent), "CallerNotAllowed", [agent.address]);
});
