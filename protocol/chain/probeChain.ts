import {
  type Address,
  concatHex,
  type Hex,
  hexToBigInt,
  type PublicClient,
  pad,
  sha256,
  size,
  slice,
} from "viem";
import { FIELD_ELEMENTS_PER_SHARD, FIELD_MODULUS } from "../constants.ts";
import { MemoError } from "../errors.ts";

/* What the contracts need of a chain, asked without a transaction: nothing is spent on a chain that cannot do it. */

const POINT_EVALUATION: Address = "0x000000000000000000000000000000000000000a";
/** The point at infinity: commitment of the polynomial 0, which is 0 everywhere, and every proof of it. */
const INFINITY: Hex = pad("0xc0", { dir: "right", size: 48 });
const VERSIONED_HASH: Hex = concatHex(["0x01", slice(sha256(INFINITY), 1)]);
const ZERO_WORD: Hex = pad("0x", { size: 32 });

/**
 * Creation code that returns 1 as a word after it has used every instruction younger than the merge that the
 * contracts are made of: PUSH0, MCOPY, TSTORE, TLOAD, BLOBHASH, and BASEFEE.
 */
const INSTRUCTIONS: Hex = "0x5f5f5f5e60015f5d5f5c5f490148505f5260205ff3";

/** Blocks back from the latest at which prevRandao is looked at; rollups repeat one for a dozen blocks. */
const RANDAO_SPAN = 256;
const RANDAO_LOOKS = 5;
/** With fewer blocks equal values could be chance or the genesis. */
const RANDAO_LEAST_BLOCKS = 4;

/** What could be seen of a chain that has everything that is needed. */
export type ChainProbe = {
  /** False on a chain with too few blocks to say whether prevRandao changes. */
  readonly randaoSeen: boolean;
};

/**
 * Asks a chain for all that the contracts need.
 * @throws CHAIN_WITHOUT_POINT_EVALUATION, CHAIN_WITHOUT_INSTRUCTIONS, CHAIN_WITHOUT_RANDAO, and what the node throws
 */
export async function probeChain(client: PublicClient): Promise<ChainProbe> {
  await requirePointEvaluation(client);
  await requireInstructions(client);
  return { randaoSeen: await requireRandao(client) };
}

/**
 * Has the precompile of EIP-4844 accept a proof. A call to a precompile that is not there succeeds and returns
 * nothing, therefore its answer is looked at.
 * @throws CHAIN_WITHOUT_POINT_EVALUATION
 */
export async function requirePointEvaluation(client: PublicClient): Promise<void> {
  const input = concatHex([VERSIONED_HASH, ZERO_WORD, ZERO_WORD, INFINITY, INFINITY]);
  const data = await answerOf(client, { to: POINT_EVALUATION, data: input });
  const isThere =
    size(data) === 64 &&
    hexToBigInt(slice(data, 0, 32)) === BigInt(FIELD_ELEMENTS_PER_SHARD) &&
    hexToBigInt(slice(data, 32)) === FIELD_MODULUS;
  if (isThere) return;
  throw new MemoError(
    "CHAIN_WITHOUT_POINT_EVALUATION",
    "The chain has no point evaluation precompile (0x0a, EIP-4844): there no provider could answer a dispute. Choose another chain.",
    { details: { answer: data } },
  );
}

/**
 * Runs the instructions that the compiled contracts use.
 * @throws CHAIN_WITHOUT_INSTRUCTIONS
 */
export async function requireInstructions(client: PublicClient): Promise<void> {
  const data = await answerOf(client, { data: INSTRUCTIONS });
  if (size(data) === 32 && hexToBigInt(data) === 1n) return;
  throw new MemoError(
    "CHAIN_WITHOUT_INSTRUCTIONS",
    "The chain does not know every instruction that the contracts use (Cancun: PUSH0, MCOPY, TSTORE, TLOAD, BLOBHASH). Choose another chain, or wait for its upgrade.",
    { details: { answer: data } },
  );
}

/**
 * Looks whether prevRandao changes from block to block: epochs' challenges are drawn from it.
 * @returns false when the chain has too few blocks to say
 * @throws CHAIN_WITHOUT_RANDAO
 */
export async function requireRandao(client: PublicClient): Promise<boolean> {
  const latest = Number(await client.getBlockNumber({ cacheTime: 0 }));
  const span = Math.min(RANDAO_SPAN, latest - 1);
  if (span + 1 < RANDAO_LEAST_BLOCKS) return false;
  const looks = Math.min(RANDAO_LOOKS, span + 1);
  const numbers = Array.from(
    { length: looks },
    (_, look) => latest - Math.floor((span * look) / (looks - 1)),
  );
  const blocks = await Promise.all(numbers.map((number) => client.getBlock({ blockNumber: BigInt(number) })));
  if (new Set(blocks.map((block) => block.mixHash)).size > 1) return true;
  throw new MemoError(
    "CHAIN_WITHOUT_RANDAO",
    `prevRandao is the same in blocks ${numbers.join(", ")}: everybody could foresee what will be challenged. Choose another chain.`,
    { details: { prevRandao: blocks[0]?.mixHash, blocks: numbers } },
  );
}

/** A refused call gives nothing, as one to an address without code does; a node that cannot be asked throws. */
async function answerOf(client: PublicClient, call: { to?: Address; data: Hex }): Promise<Hex> {
  try {
    return (await client.call(call)).data ?? "0x";
  } catch (error) {
    await client.getChainId().catch(() => {
      throw error;
    });
    return "0x";
  }
}
