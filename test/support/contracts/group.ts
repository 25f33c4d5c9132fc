import {
  type Abi,
  type Address,
  concatHex,
  type Hex,
  keccak256,
  parseEventLogs,
  stringToHex,
  zeroHash,
} from "viem";
import type { HDAccount } from "viem/accounts";
import { allowancesAbi } from "../../../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { memoTokenAbi } from "../../../protocol/abi/generated/MemoToken.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { type Certificate, quorumOf } from "../../../protocol/certificate.ts";
import type { DeployedGroup } from "../../../protocol/chain/deployment.ts";
import { packThresholds } from "../../../protocol/chain/parameters.ts";
import type { Order } from "../../../protocol/order.ts";
import { createTestChain, type TestChain, testAccount } from "./chain.ts";
import { createFactory } from "./factory.ts";
import { type SigningPlace, signCommit, signOrder, signOrderAll } from "./signing.ts";

export const TOKENS = 10n ** 18n;
export const EMPTY_ROOT = keccak256("0x02");
const errorsOf = (abi: readonly { readonly type: string }[]) => abi.filter(({ type }) => type === "error");

/** Every error that a call may pass on, so that reverts are decoded whatever contract they come from. */
export const groupAbi = [
  ...storageOrdersAbi,
  ...errorsOf(challengeSettlementAbi),
  ...errorsOf(stakingAbi),
  ...errorsOf(disputesAbi),
  ...errorsOf(repairsAbi),
  ...errorsOf(allowancesAbi),
] as unknown as Abi;

const groupErrors = errorsOf(groupAbi);
const settlementCalls = [...challengeSettlementAbi, ...groupErrors] as unknown as Abi;
const allowancesCalls = [...allowancesAbi, ...groupErrors] as unknown as Abi;
const repairsCalls = [...repairsAbi, ...groupErrors] as unknown as Abi;
const disputesCalls = [...disputesAbi, ...groupErrors] as unknown as Abi;

export type Member = { readonly id: number; readonly account: HDAccount };
export type Group = Awaited<ReturnType<typeof createGroup>>;

export const PARAMETERS = {
  epochLength: 60,
  seedDelay: 20,
  answerWindow: 20,
  applyWindow: 600,
  applyWindowBlocks: 20,
  payerDelay: 3600,
  unbondingDelay: 7200,
  confirmations: 2,
  maxGap: 4,
  samples: 64,
  termLength: 100,
  minKeeperStake: 1000n * TOKENS,
  minProviderStake: 100n * TOKENS,
  collateralPerShard: TOKENS / 1000n,
  minPrice: 100n << 32n,
  appealWindow: 120,
  appealWindowBlocks: 12,
  protectionEpochs: 5,
  evictionCap: 5000,
  challengeBond: 10n ** 15n,
  repairBonusPerShard: TOKENS / 5000n,
  repairThresholds: packThresholds([2, 2, 3, 4]),
  offerEpochs: 3,
  offerExpiries: 3,
  coolOffEpochs: 4,
  freezeShare: 5000,
  freezeEpochs: 4,
  repairBudget: 64,
  rejoinEpochs: 4,
  lockShare: 10_000,
  blobAnswers: true,
};

/** A group with registered members. Account 0 deploys and is treasury, 1 is user and payer, 2 owns all stake. */
export async function createGroup(
  options: {
    keepers?: number;
    providers?: number;
    parameters?: Partial<typeof PARAMETERS>;
    rotate?: boolean;
    /** The contract that is its token. */
    token?: string;
    /** A group whose chain, token and factory it shares. */
    beside?: { chain: TestChain; token: Address; factory: Address; settlement: Address };
  } = {},
) {
  const { beside } = options;
  const chain = beside?.chain ?? (await createTestChain());
  const { token, factory } = beside ?? (await createFactory(chain, undefined, options.token));
  const salt = beside === undefined ? zeroHash : keccak256(beside.settlement);
  const [deployer, user, owner] = [testAccount(0), testAccount(1), testAccount(2)];
  const parameters = { ...PARAMETERS, ...options.parameters };
  const genesis = await chain.time();
  const created = await chain.send({
    address: factory,
    abi: groupFactoryAbi as Abi,
    functionName: "createGroup",
    args: [{ ...parameters, token, treasury: deployer.address, genesis }, salt],
  });
  const { staking, orders, settlement, disputes, repairs, allowances } = parseEventLogs({
    abi: groupFactoryAbi,
    logs: created.logs,
  })[0]!.args;
  const place: SigningPlace = { chainId: chain.chainId, orders, settlement };

  const call = async (
    address: Address,
    abi: Abi,
    functionName: string,
    args: readonly unknown[],
    from: HDAccount,
    value = 0n,
  ) => await chain.send({ address, abi, functionName, args, account: from.address, value });
  const onToken = (name: string, args: readonly unknown[], from: HDAccount = deployer) =>
    call(token, memoTokenAbi as Abi, name, args, from);
  const onStaking = (name: string, args: readonly unknown[], from: HDAccount = owner) =>
    call(staking, stakingAbi as Abi, name, args, from);
  const onOrders = (name: string, args: readonly unknown[], from: HDAccount = user) =>
    call(orders, [...groupAbi, ...memoTokenAbi.filter((item) => item.type === "error")], name, args, from);
  const onSettlement = (name: string, args: readonly unknown[], from: HDAccount = deployer) =>
    call(settlement, settlementCalls, name, args, from);
  const onRepairs = (name: string, args: readonly unknown[], from: HDAccount = deployer) =>
    call(repairs, repairsCalls, name, args, from);
  const onDisputes = (name: string, args: readonly unknown[], from: HDAccount = deployer, value = 0n) =>
    call(disputes, disputesCalls, name, args, from, value);
  const onAllowances = (name: string, args: readonly unknown[], from: HDAccount = user) =>
    call(allowances, allowancesCalls, name, args, from);
  const read = {
    token: <T>(name: string, args: readonly unknown[] = []) =>
      chain.read<T>(token, memoTokenAbi as Abi, name, args),
    staking: <T>(name: string, args: readonly unknown[] = []) =>
      chain.read<T>(staking, stakingAbi as Abi, name, args),
    orders: <T>(name: string, args: readonly unknown[] = []) => chain.read<T>(orders, groupAbi, name, args),
    settlement: <T>(name: string, args: readonly unknown[] = []) =>
      chain.read<T>(settlement, settlementCalls, name, args),
    repairs: <T>(name: string, args: readonly unknown[] = []) =>
      chain.read<T>(repairs, repairsCalls, name, args),
    disputes: <T>(name: string, args: readonly unknown[] = []) =>
      chain.read<T>(disputes, disputesCalls, name, args),
    allowances: <T>(name: string, args: readonly unknown[] = []) =>
      chain.read<T>(allowances, allowancesCalls, name, args),
  };

  await onToken("transfer", [user.address, 10n ** 6n * TOKENS]);
  await onToken("transfer", [owner.address, 10n ** 6n * TOKENS]);
  for (const spender of [staking, orders]) {
    await onToken("approve", [spender, 2n ** 256n - 1n], user);
    await onToken("approve", [spender, 2n ** 256n - 1n], owner);
  }
  const providers: Member[] = [];
  for (let id = 1; id <= (options.providers ?? 9); id++) {
    const account = testAccount(2 + id);
    const domain = keccak256(stringToHex(`domain ${id % 3}`));
    await onStaking("registerProvider", [account.address, `/p/${id}`, domain, 1n, true, 1000n * TOKENS]);
    providers.push({ id, account });
  }
  const keepers: Member[] = [];
  for (let id = 1; id <= (options.keepers ?? 4); id++) {
    const account = testAccount(31 + id);
    await onStaking("registerKeeper", [account.address, `/k/${id}`, 1000n * TOKENS]);
    keepers.push({ id, account });
  }
  // A call is simulated on the latest block, whose own seats do not count yet.
  await chain.helpers.mine();
  if (options.rotate !== false) await onSettlement("rotate", []);

  const startOf = (epoch: number) => genesis + epoch * parameters.epochLength;
  async function toEpoch(epoch: number): Promise<void> {
    if ((await chain.time()) < startOf(epoch)) await chain.helpers.time.increaseTo(startOf(epoch));
  }
  async function order(overrides: Partial<Order> = {}): Promise<Order> {
    const startEpoch = overrides.startEpoch ?? (await read.settlement<number>("epochNow")) + 1;
    return {
      group: settlement,
      owner: user.address,
      payer: user.address,
      providers: providers.map(({ id }) => id),
      shardRoot: keccak256(stringToHex("shards")),
      stripes: 3,
      policy: (1 << 16) | ((providers.length - 3) << 8) | 3,
      layout: 0,
      startEpoch,
      endEpoch: startEpoch + 10,
      price: (10n ** 15n) << 32n,
      minEpochs: 2,
      openBy: BigInt(startOf(startEpoch)),
      manifest: { firstStripe: 2, stripes: 1, length: 900n, digest: keccak256(stringToHex("manifest")) },
      salt: zeroHash,
      ...overrides,
    };
  }
  async function open(it: Order, signatures: { payer?: Hex; providers?: Hex } = {}) {
    const signers = it.providers.map((id) => testAccount(2 + id));
    return await onOrders("open", [
      it,
      signatures.payer ?? (await signOrder(place, it, user)),
      signatures.providers ?? (await signOrderAll(place, it, signers)),
    ]);
  }
  function certificate(epoch: number, overrides: Partial<Certificate> = {}): Certificate {
    return {
      term: Math.floor(epoch / parameters.termLength),
      epoch,
      round: 0,
      resultsRoot: keccak256(stringToHex(`results ${epoch}`)),
      exceptionsRoot: EMPTY_ROOT,
      exceptions: 0,
      absent: 0,
      leader: 0,
      ...overrides,
    };
  }
  async function signatures(it: Certificate, members: readonly number[]): Promise<[number, Hex]> {
    const bits = members.reduce((bitmap, member) => bitmap + 2 ** member, 0);
    return [
      bits,
      concatHex(await Promise.all(members.map((i) => signCommit(place, it, keepers[i]!.account)))),
    ];
  }
  async function certify(it: Certificate, from = 0) {
    const members = Array.from({ length: quorumOf(keepers.length) }, (_, i) => i + from);
    return await onSettlement("certify", [it, ...(await signatures(it, members))]);
  }
  return {
    ...{
      chain,
      token,
      factory,
      staking,
      orders,
      settlement,
      disputes,
      repairs,
      allowances,
      place,
      parameters,
      genesis,
    },
    ...{ deployer, user, owner, providers, keepers, read },
    ...{ onToken, onStaking, onOrders, onSettlement, onRepairs, onDisputes, onAllowances },
    ...{ startOf, toEpoch, order, open, certificate, signatures, certify },
  };
}

/** A contract of the group as the sender of transactions: what its own rules would not let it do. */
export async function asContract(group: Pick<Group, "chain">, address: Address): Promise<HDAccount> {
  await group.chain.helpers.impersonateAccount(address);
  await group.chain.helpers.setBalance(address, TOKENS);
  return { address } as HDAccount;
}

/** The group as a deployment file names it. */
export function deployedGroup(group: Omit<Group, "order">): DeployedGroup {
  const { staking, settlement, disputes, repairs, allowances, place, parameters, token, genesis } = group;
  return {
    ...{
      groupId: 1,
      staking,
      orders: place.orders,
      settlement,
      disputes,
      repairs,
      allowances,
      startBlock: 1,
    },
    parameters: { ...parameters, token, treasury: settlement, genesis },
  };
}
