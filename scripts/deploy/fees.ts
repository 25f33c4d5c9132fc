import { type Address, BaseError, type PublicClient, parseAbi } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { Fee } from "./plan.ts";
import type { RehearsedStep } from "./rehearse.ts";

/** Where rollups of the OP stack say what putting a transaction onto L1 costs. */
const GAS_PRICE_ORACLE: Address = "0x420000000000000000000000000000000000000F";
const ORACLE = parseAbi(["function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)"]);
/** Bytes of a transaction beside its input. */
const ENVELOPE = 200;

/** Price of gas now, and the most that Ignition offers: twice the base fee and the tip. */
export async function readFee(client: PublicClient): Promise<Fee> {
  const { baseFeePerGas } = await client.getBlock();
  if (baseFeePerGas === null) {
    const price = await client.getGasPrice();
    return { now: price, most: price };
  }
  // Ignition takes such a chain for one without fees.
  if (baseFeePerGas === 0n) return { now: 0n, most: 0n };
  const tip = await client.estimateMaxPriorityFeePerGas();
  return { now: baseFeePerGas + tip, most: 2n * baseFeePerGas + tip };
}

/** What a rollup takes for the data of these transactions at most, or undefined where nobody can say. */
export async function readDataFee(
  client: PublicClient,
  steps: readonly RehearsedStep[],
): Promise<bigint | undefined> {
  if ((await client.getCode({ address: GAS_PRICE_ORACLE })) === undefined) return undefined;
  const fees = await Promise.all(
    steps.map(({ input }) => {
      const args = [BigInt((input.length - 2) / 2 + ENVELOPE)] as const;
      return client
        .readContract({ address: GAS_PRICE_ORACLE, abi: ORACLE, functionName: "getL1FeeUpperBound", args })
        .catch(() => 0n);
    }),
  );
  return fees.reduce((sum, fee) => sum + fee, 0n);
}

/**
 * Has the chain itself estimate the creations that need nothing before them: it must accept their size and their
 * instructions, and may take more gas than the rehearsal.
 * @throws CHAIN_REFUSES_CODE
 */
export async function estimateOnChain(
  client: PublicClient,
  sender: Address,
  steps: readonly RehearsedStep[],
): Promise<readonly RehearsedStep[]> {
  const estimated: RehearsedStep[] = [];
  for (const step of steps) {
    const isFirst = step.creates && step.futureId !== "Factory#GroupFactory";
    const gas = isFirst ? await estimate(client, sender, step) : 0n;
    estimated.push({ ...step, gas: gas > step.gas ? gas : step.gas });
  }
  return estimated;
}

async function estimate(client: PublicClient, account: Address, step: RehearsedStep): Promise<bigint> {
  try {
    return await client.estimateGas({ account, data: step.input });
  } catch (cause) {
    const bytes = (step.input.length - 2) / 2;
    const why = cause instanceof BaseError ? cause.details || cause.shortMessage : String(cause);
    throw new MemoError(
      "CHAIN_REFUSES_CODE",
      `The chain would not create ${step.futureId} (${bytes} bytes of creation code): ${why.replace(/\.$/, "")}. Its limits of code size or gas, or its instructions, are others than Ethereum's.`,
      { details: { futureId: step.futureId, bytes } },
    );
  }
}
