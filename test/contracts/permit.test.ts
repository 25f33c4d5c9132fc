import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Abi, type Address, encodeFunctionData, type Hex, parseSignature } from "viem";
import type { HDAccount } from "viem/accounts";
import { memoTokenAbi } from "../../protocol/abi/generated/MemoToken.ts";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import { rejectsWith, testAccount } from "../support/contracts/chain.ts";
import { createGroup, type Group, groupAbi, TOKENS } from "../support/contracts/group.ts";
import { signOrder, signOrderAll } from "../support/contracts/signing.ts";

/* Account 50 has 1,000 tokens and has approved nobody. */
const holder = testAccount(50);
const AMOUNT = 1000n * TOKENS;
const LATER = 2n ** 40n;

let group: Group;
let pristine: Awaited<ReturnType<Group["chain"]["helpers"]["takeSnapshot"]>>;
before(async () => {
  group = await createGroup({ providers: 3 });
  await group.onToken("transfer", [holder.address, AMOUNT]);
  pristine = await group.chain.helpers.takeSnapshot();
});
beforeEach(async () => await pristine.restore());
after(() => group.chain.close());

async function permit(spender: Address, value = AMOUNT, deadline = LATER, signer: HDAccount = holder) {
  const signature = await signer.signTypedData({
    domain: { name: "Memo", version: "1", chainId: group.chain.chainId, verifyingContract: group.token },
    types: {
      Permit: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
        { name: "value", type: "uint256" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
    },
    primaryType: "Permit",
    message: { owner: holder.address, spender, value, nonce: 0n, deadline },
  });
  const { r, s, v } = parseSignature(signature);
  return [value, deadline, Number(v), r, s] as const;
}
const encode = (abi: unknown, functionName: string, args: readonly unknown[]): Hex =>
  encodeFunctionData({ abi: abi as Abi, functionName, args } as never);

test("permit, deposit and open go in one transaction", async () => {
  const order = await group.order({ policy: (1 << 16) | (2 << 8) | 1, payer: holder.address });
  const signers = order.providers.map((id) => testAccount(2 + id));
  const signatures = [
    await signOrder(group.place, order, holder),
    await signOrderAll(group.place, order, signers),
  ];
  const calls = [
    encode(groupAbi, "permitToken", await permit(group.place.orders)),
    encode(groupAbi, "deposit", [AMOUNT]),
    encode(groupAbi, "open", [order, ...signatures]),
  ];
  await group.onOrders("multicall", [calls], holder);
  const { total } = await group.read.orders<{ total: bigint }>("cost", [order]);
  assert.equal(await group.read.orders("balanceOf", [holder.address]), AMOUNT - total);
  assert.equal(await group.read.orders("sequence"), 1n);
});

test("permit and registration go in one transaction, for the caller", async () => {
  const calls = [
    encode(stakingAbi, "permitToken", await permit(group.staking)),
    encode(stakingAbi, "registerProvider", [
      ...[testAccount(51).address, "/p", `0x${"00".repeat(32)}`, 1n, true, AMOUNT],
    ]),
  ];
  await group.onStaking("multicall", [calls], holder);
  const { owner, stake } = await group.read.staking<{ owner: string; stake: bigint }>("provider", [4]);
  assert.deepEqual([owner, stake], [holder.address, AMOUNT]);
});

test("several calls are all or none, and each is its caller's own", async () => {
  const orders = [encode(groupAbi, "requestWithdrawal", [0n]), encode(groupAbi, "withdraw", [])];
  await rejectsWith(group.onOrders("multicall", [orders], holder), "NothingRequested", [holder.address]);
  const staking = [encode(stakingAbi, "setExiting", [1, true])];
  await rejectsWith(group.onStaking("multicall", [staking], holder), "NotOwnerOrOperator", [holder.address]);
  const inside = [encode(groupAbi, "creditPayer", [holder.address, `0x${"00".repeat(32)}`, 1n])];
  await rejectsWith(group.onOrders("multicall", [inside], holder), "CallerNotAllowed", [holder.address]);
});

test("who hands in the permit first does no harm", async () => {
  const args = await permit(group.place.orders);
  const [value, deadline, v, r, s] = args;
  await group.chain.send({
    ...{ address: group.token, abi: memoTokenAbi as Abi, functionName: "permit" },
    args: [holder.address, group.place.orders, value, deadline, v, r, s],
  });
  await group.onOrders("permitToken", args, holder);
  await group.onOrders("deposit", [AMOUNT], holder);
});

test("a permit that is none needs an allowance that is one", async () => {
  const args = await permit(group.place.orders, AMOUNT, 1n);
  await rejectsWith(group.onOrders("permitToken", args, holder), "AllowanceTooLow", [
    holder.address,
    0n,
    AMOUNT,
  ]);
  await group.onToken("approve", [group.place.orders, AMOUNT - 1n], holder);
  await rejectsWith(group.onOrders("permitToken", args, holder), "AllowanceTooLow", [
    ...[holder.address, AMOUNT - 1n, AMOUNT],
  ]);
  await group.onToken("approve", [group.place.orders, AMOUNT], holder);
  await group.onOrders("permitToken", args, holder);
  // Somebody else's permit is not the caller's.
  await rejectsWith(
    group.onOrders("permitToken", await permit(group.place.orders), testAccount(51)),
    "AllowanceTooLow",
  );
});
