import { createHash } from "node:crypto";
import { concatHex, type Hex, hexToNumber, numberToHex, padHex, toHex } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import { describeRpcError, isUnanswered, type RpcRequest } from "./rpc.ts";

/** Field elements of a blob and the modulus of their field: what the point evaluation precompile returns. */
const POINT_EVALUATION_ANSWER =
  "0x000000000000000000000000000000000000000000000000000000000000100073eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
/** Returns CLZ(1), which is 255, as the code of a contract: PUSH 1, CLZ, MSTORE, RETURN of one word. */
const OSAKA_PROBE = "0x60011e60005260206000f3";
const START_ANVIL = "start one with: anvil --hardfork osaka";

/** When a chain mines by itself. */
export interface Mining {
  /** At every transaction. */
  auto: boolean;
  /** Every so many seconds; absent where the node does not tell. */
  interval?: number;
}

/** What a development chain says of itself. */
export interface ProbedChain {
  id: number;
  /** Client and version. */
  version: string;
  mining: Mining;
}

/**
 * Finds out whether a network can be started on a chain, by questions alone: nothing on it is changed, and a chain that
 * is no development chain is asked two things.
 * @throws CHAIN_UNREACHABLE, CHAIN_NOT_DEVELOPMENT, CHAIN_FORKED, CHAIN_TOO_OLD, CHAIN_WITHOUT_POINT_EVALUATION
 */
export async function probeChain(url: string, request: RpcRequest): Promise<ProbedChain> {
  const details = { url };
  let id: number;
  try {
    id = hexToNumber((await request("eth_chainId")) as Hex);
  } catch (cause) {
    throw new MemoError(
      "CHAIN_UNREACHABLE",
      `No chain answers at ${url} (${describeRpcError(cause)}): start one there, or give another --rpc.`,
      { details, cause, retryable: true },
    );
  }
  const { clientVersion, forkedNetwork } = await readMetadata(url, id, request);
  if (forkedNetwork) {
    throw new MemoError(
      "CHAIN_FORKED",
      `The chain at ${url} carries the state of another one: ${START_ANVIL}, without a fork.`,
      { details },
    );
  }
  await requireOsaka(url, request);
  await requirePointEvaluation(url, request);
  return { id, version: clientVersion, mining: await readMining(request) };
}

async function readMetadata(url: string, id: number, request: RpcRequest) {
  try {
    return (await request("hardhat_metadata")) as { clientVersion: string; forkedNetwork?: unknown };
  } catch (cause) {
    if (isUnanswered(cause)) throw cause;
    throw new MemoError(
      "CHAIN_NOT_DEVELOPMENT",
      `The chain ${id} at ${url} is no development chain (${describeRpcError(cause)}). A network is only started where ` +
        `time can be set and coin is worth nothing: ${START_ANVIL}`,
      { details: { url, id }, cause },
    );
  }
}

/** The contracts are compiled for Osaka. */
async function requireOsaka(url: string, request: RpcRequest): Promise<void> {
  const answer = await request("eth_call", [{ data: OSAKA_PROBE }, "latest"]).catch(() => "0x");
  if (answer === numberToHex(255, { size: 32 })) return;
  throw new MemoError(
    "CHAIN_TOO_OLD",
    `The chain at ${url} does not run contracts for the hardfork Osaka: ${START_ANVIL}`,
    { details: { url } },
  );
}

/** A call to a missing precompile succeeds and returns nothing, so both words are looked at. */
async function requirePointEvaluation(url: string, request: RpcRequest): Promise<void> {
  const answer = await request("eth_call", [pointEvaluationCall(), "latest"]).catch(() => "0x");
  if (answer === POINT_EVALUATION_ANSWER) return;
  throw new MemoError(
    "CHAIN_WITHOUT_POINT_EVALUATION",
    `The chain at ${url} has no point evaluation precompile at 0x0a, so no proof could be checked on it: ${START_ANVIL}`,
    { details: { url } },
  );
}

/** The shortest true claim: the zero polynomial, whose commitment and proof are the identity, is 0 at 0. */
function pointEvaluationCall(): { to: Hex; data: Hex } {
  const identity = padHex("0xc0", { size: 48, dir: "right" });
  const hash = createHash("sha256")
    .update(Buffer.from(identity.slice(2), "hex"))
    .digest();
  const versioned = concatHex(["0x01", toHex(hash.subarray(1))]);
  const zero = numberToHex(0, { size: 32 });
  return {
    to: numberToHex(0x0a, { size: 20 }),
    data: concatHex([versioned, zero, zero, identity, identity]),
  };
}

async function readMining(request: RpcRequest): Promise<Mining> {
  const auto = (await request("hardhat_getAutomine")) as boolean;
  const interval = (await request("anvil_getIntervalMining").catch(() => null)) as number | null;
  return { auto, ...(interval === null ? {} : { interval }) };
}
