import { type Abi, type Address, keccak256, parseEventLogs, stringToHex, zeroHash } from "viem";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { type Group, groupAbi, TOKENS } from "./group.ts";

/**
 * A second group on the same chain with the same parameters, token, genesis and members under the same ids and keys:
 * whatever tells the two apart is what a signature has to bind.
 */
export async function secondGroup(group: Group) {
  const { chain, owner, user, token, genesis, parameters } = group;
  const created = await chain.send({
    address: group.factory,
    abi: groupFactoryAbi as Abi,
    functionName: "createGroup",
    args: [
      { ...parameters, token, treasury: group.deployer.address, genesis },
      keccak256(stringToHex("second")),
    ],
  });
  const its = parseEventLogs({ abi: groupFactoryAbi, logs: created.logs })[0]!.args;
  const place = { chainId: chain.chainId, orders: its.orders, settlement: its.settlement };
  const call =
    (address: Address, from: Address) =>
    async (functionName: string, args: readonly unknown[] = [], account = from) =>
      await chain.send({ address, abi: everything, functionName, args, account });
  for (const [spender, from] of [
    [its.staking, owner],
    [its.orders, user],
  ] as const) {
    await group.onToken("approve", [spender, 2n ** 256n - 1n], from);
  }
  const onStaking = call(its.staking, owner.address);
  for (const { id, account } of group.providers) {
    await onStaking("registerProvider", [account.address, `/p/${id}`, zeroHash, 1n, true, 1000n * TOKENS]);
  }
  for (const { id, account } of group.keepers) {
    await onStaking("registerKeeper", [account.address, `/k/${id}`, 1000n * TOKENS]);
  }
  await chain.helpers.mine();
  const onSettlement = call(its.settlement, group.deployer.address);
  await onSettlement("rotate");
  const onOrders = call(its.orders, user.address);
  await onOrders("deposit", [10_000n * TOKENS]);
  const onDisputes = call(its.disputes, group.deployer.address);
  return { ...its, place, onStaking, onOrders, onSettlement, onDisputes };
}

const everything = [...groupAbi, ...stakingAbi, ...challengeSettlementAbi, ...disputesAbi] as unknown as Abi;
