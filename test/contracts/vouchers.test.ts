import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import {
  encodeAbiParameters,
  getAddress,
  hexToString,
  keccak256,
  type TransactionReceipt,
  zeroAddress,
} from "viem";
import type { Voucher } from "../../protocol/allowance.ts";
import { eventsIn, signAllowance, signedVoucher } from "../support/contracts/allowances.ts";
import { assertBooks } from "../support/contracts/books.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { artifactAbi } from "../support/contracts/factory.ts";
import { asContract, createGroup, type Group, TOKENS } from "../support/contracts/group.ts";

/* Account 1 pays for reads out of 100 tokens; account 50 is its agent with a budget of 10. Two providers. */
const BALANCE = 100n * TOKENS;
const BUDGET = 10n * TOKENS;
const agent = testAccount(50);
const stranger = testAccount(51);

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
let later: bigint;
before(async () => {
  group = await createGroup({ providers: 2 });
  await group.onOrders("deposit", [BALANCE]);
  later = BigInt(await group.chain.time()) + 3600n;
  await group.onAllowances("approveAgent", [agent.address, BUDGET, later]);
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

const payer = () => group.user.address;
const voucher = (total: bigint, overrides: Partial<Voucher> = {}): Voucher => ({
  ...{ payer: payer(), providerId: 1, channel: 7n, total, expiresAt: later + 3600n },
  ...overrides,
});
const signed = async (total: bigint, overrides: Partial<Voucher> = {}, by = group.user) =>
  await signedVoucher(group, voucher(total, overrides), by);
const redeem = async (...vouchers: readonly unknown[]) =>
  await group.onAllowances("redeem", [vouchers], stranger);
const credit = async (id = 1) => await group.read.orders<bigint>("credit", [id]);
const balance = async () => await group.read.orders<bigint>("balanceOf", [payer()]);
const skipped = (receipt: TransactionReceipt) =>
  eventsIn(receipt, "VoucherSkipped").map((event) =>
    hexToString(event[4] as `0x${string}`).replaceAll("\0", ""),
  );
const refuses = async (reason: string, ...vouchers: readonly unknown[]) =>
  await rejectsWith(redeem(...vouchers), "NothingRedeemed", [
    `0x${Buffer.from(reason).toString("hex").padEnd(64, "0")}`,
  ]);

test("the latest voucher pays what its channel has not paid yet", async () => {
  const first = await redeem(await signed(5n));
  assert.deepEqual(eventsIn(first), [
    ["ReadsPaid", payer(), 1, 5n],
    ["VoucherRedeemed", payer(), 1, payer(), 7n, 5n, 5n],
  ]);
  const second = await redeem(await signed(12n));
  assert.deepEqual(eventsIn(second, "VoucherRedeemed"), [
    ["VoucherRedeemed", payer(), 1, payer(), 7n, 7n, 12n],
  ]);
  assert.deepEqual([await credit(), await balance()], [12n, BALANCE - 12n]);
  assert.equal(await group.read.allowances("redeemed", [payer(), 1, 7n]), 12n);
  await refuses("NOT_HIGHER", await signed(12n));
  await refuses("NOT_HIGHER", await signed(11n));
  await redeem(await signed(13n));
  await assertBooks(group);
});

test("channels, providers and payers are counted apart", async () => {
  await redeem(await signed(5n), await signed(5n, { channel: 8n }), await signed(5n, { providerId: 2 }));
  assert.deepEqual([await credit(1), await credit(2)], [10n, 5n]);
});

test("in one list a part that pays nothing holds up nobody", async () => {
  const vouchers = [
    await signed(5n),
    await signed(3n),
    await signed(1n, { expiresAt: 1n }),
    await signed(6n),
  ];
  const receipt = await redeem(...vouchers);
  assert.deepEqual(skipped(receipt), ["NOT_HIGHER", "EXPIRED"]);
  assert.deepEqual(eventsIn(receipt, "VoucherSkipped")[0]!.slice(0, 4), ["VoucherSkipped", payer(), 1, 7n]);
  assert.equal(await credit(), 6n);
  await refuses("NOT_HIGHER", ...vouchers);
  await rejectsWith(redeem(), "NothingRedeemed");
});

test("a voucher is good until the second before it expires", async () => {
  const it = await signed(5n, { expiresAt: later });
  await group.chain.helpers.time.increaseTo(later);
  await refuses("EXPIRED", it);
  await pristine.restore();
  await group.chain.helpers.time.increaseTo(later - 1n);
  await redeem(it);
  assert.equal(BigInt(await group.chain.time()), later - 1n);
});

test("where the balance is short its rest is paid, and later what is missing", async () => {
  const it = await signed(BALANCE + 5n);
  await redeem(it);
  assert.deepEqual([await credit(), await balance()], [BALANCE, 0n]);
  await refuses("BALANCE_EMPTY", it);
  await group.onOrders("deposit", [3n]);
  await redeem(it);
  await group.onOrders("deposit", [3n]);
  await redeem(it);
  assert.deepEqual([await credit(), await balance()], [BALANCE + 5n, 1n]);
  await refuses("NOT_HIGHER", it);
  await assertBooks(group);
});

test("an announced withdrawal is within reach of vouchers until it is paid", async () => {
  await group.onOrders("requestWithdrawal", [BALANCE]);
  assert.equal(await balance(), 0n);
  await redeem(await signed(5n));
  assert.equal(await credit(), 5n);
});

test("an agent's vouchers are paid out of its budget, up to what is left of it", async () => {
  const first = await redeem(await signed(4n * TOKENS, {}, agent));
  const purpose = keccak256(
    encodeAbiParameters([{ type: "address" }, { type: "uint32" }, { type: "uint64" }], [payer(), 1, 7n]),
  );
  assert.deepEqual(eventsIn(first, "AgentSpent", "VoucherRedeemed"), [
    ["AgentSpent", payer(), agent.address, purpose, 4n * TOKENS, 6n * TOKENS],
    ["VoucherRedeemed", payer(), 1, agent.address, 7n, 4n * TOKENS, 4n * TOKENS],
  ]);
  const rest = await signed(11n * TOKENS, {}, agent);
  await redeem(rest);
  assert.equal(await credit(), BUDGET);
  await refuses("BUDGET_EMPTY", rest);
  // The payer itself goes on where its agent stopped.
  await redeem(await signed(11n * TOKENS));
  assert.equal(await credit(), 11n * TOKENS);
});

test("an agent that expired, or was never approved, pays for nothing", async () => {
  await refuses("AGENT_EXPIRED", await signed(5n, {}, stranger));
  const it = await signed(5n, {}, agent);
  await group.chain.helpers.time.increaseTo(later);
  await refuses("AGENT_EXPIRED", it);
  await pristine.restore();
  await group.onOrders("requestWithdrawal", [BALANCE]);
  await group.chain.helpers.time.increase(group.parameters.payerDelay);
  await group.onOrders("withdraw", []);
  await refuses("BALANCE_EMPTY", await signed(5n));
});

test("a voucher counts as it was signed: payer, provider, channel, total, expiry, contract, chain", async () => {
  const it = await signed(5n);
  const changes: Partial<Voucher>[] = [
    { payer: stranger.address },
    { providerId: 2 },
    { channel: 8n },
    { total: 6n },
    { expiresAt: later + 3601n },
  ];
  for (const change of changes) {
    await rejectsWith(redeem({ ...it, voucher: voucher(5n, change) }), "SignatureInvalid", [payer()]);
  }
  for (const place of [
    { ...group, allowances: group.staking },
    { ...group, chain: { ...group.chain, chainId: 1 } },
  ]) {
    const signature = await signAllowance(place, "Voucher", voucher(5n), group.user);
    await rejectsWith(redeem({ ...it, signature }), "SignatureInvalid", [payer()]);
  }
  await rejectsWith(redeem({ ...it, signer: stranger.address }), "SignatureInvalid", [stranger.address]);
  await rejectsWith(redeem({ ...it, signer: zeroAddress, signature: "0x" }), "SignatureInvalid");
  assert.equal(
    await group.read.allowances("voucherDigest", [it.voucher]),
    await group.read.allowances("voucherDigest", [voucher(5n)]),
  );
});

test("only registered providers are paid", async () => {
  await rejectsWith(redeem(await signed(5n, { providerId: 3 })), "ProviderUnknown", [3]);
  await rejectsWith(redeem(await signed(5n, { providerId: 0 })), "ProviderUnknown", [0]);
  await redeem(await signed(5n, { providerId: 2 }));
});

test("a contract pays by ERC-1271", async () => {
  const wallet = getAddress(await group.chain.deploy("ContractWallet"));
  const abi = await artifactAbi("ContractWallet");
  await group.onOrders("depositFor", [wallet, BALANCE]);
  const it = voucher(5n, { payer: wallet });
  const digest = await group.read.allowances<string>("voucherDigest", [it]);
  const given = { voucher: it, signer: wallet, signature: "0x" };
  await rejectsWith(redeem(given), "SignatureInvalid", [wallet]);
  await group.chain.send({ address: wallet, abi, functionName: "approveDigest", args: [digest] });
  await redeem(given);
  assert.equal(await group.read.orders("balanceOf", [wallet]), BALANCE - 5n);
});

test("only Allowances moves a payer's balance for reads", async () => {
  await rejectsWith(group.onOrders("payReads", [payer(), 1, 1n]), "CallerNotAllowed", [payer()]);
  const allowances = await asContract(group, group.allowances);
  await group.onOrders("payReads", [payer(), 1, 1n], allowances);
  await group.onOrders("payReads", [stranger.address, 1, 1n], allowances);
  assert.equal(await credit(), 1n);
});
