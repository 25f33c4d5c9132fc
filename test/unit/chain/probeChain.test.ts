import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createPublicClient, custom, type Hex, numberToHex, pad } from "viem";
import { probeChain } from "../../../protocol/chain/probeChain.ts";
import { FIELD_MODULUS } from "../../../protocol/constants.ts";

const word = (value: bigint | number): Hex => pad(numberToHex(value), { size: 32 });
const ACCEPTED: Hex = `${word(4096)}${word(FIELD_MODULUS).slice(2)}`;

type Chain = {
  /** Answers of the calls to the precompile and of the creation code. */
  precompile?: Hex | Error;
  instructions?: Hex | Error;
  blocks?: number;
  randaoOf?: (block: number) => number;
};

function clientOf({ precompile = ACCEPTED, instructions = word(1), blocks = 1000, randaoOf }: Chain) {
  const asked: number[] = [];
  const answer = (value: Hex | Error) => {
    if (value instanceof Error) throw value;
    return value;
  };
  const request = async ({ method, params }: { method: string; params?: unknown }) => {
    const [first] = (params ?? []) as [{ to?: string } & string];
    if (method === "eth_chainId") return "0x1";
    if (method === "eth_blockNumber") return numberToHex(blocks);
    if (method === "eth_call") return answer(first.to === undefined ? instructions : precompile);
    assert.equal(method, "eth_getBlockByNumber");
    const number = Number(first);
    asked.push(number);
    return { number: first, mixHash: word((randaoOf ?? ((block) => block))(number)), transactions: [] };
  };
  return { client: createPublicClient({ transport: custom({ request }, { retryCount: 0 }) }), asked };
}

const refusal = (chain: Chain, code: string) => assert.rejects(probeChain(clientOf(chain).client), { code });

describe("a chain is probed for what the contracts need", () => {
  it("is taken when it has everything", async () => {
    const { client, asked } = clientOf({});
    assert.deepEqual(await probeChain(client), { randaoSeen: true });
    assert.deepEqual(asked, [1000, 936, 872, 808, 744]);
  });

  it("is refused without the precompile, whether calls to it fail, return nothing or something else", async () => {
    const code = "CHAIN_WITHOUT_POINT_EVALUATION";
    const wrong: Hex = `${word(4096)}${word(FIELD_MODULUS - 1n).slice(2)}`;
    const others: (Hex | Error)[] = ["0x", word(4096), wrong, `${ACCEPTED}00`, new Error("reverted")];
    for (const precompile of others) await refusal({ precompile }, code);
  });

  it("is refused without the instructions of the compiled code", async () => {
    const others: (Hex | Error)[] = ["0x", word(0), new Error("invalid opcode")];
    for (const instructions of others) await refusal({ instructions }, "CHAIN_WITHOUT_INSTRUCTIONS");
  });

  it("is refused when prevRandao stays what it is, and taken when it changes now and then", async () => {
    await refusal({ randaoOf: () => 0 }, "CHAIN_WITHOUT_RANDAO");
    await refusal({ blocks: 5, randaoOf: () => 7 }, "CHAIN_WITHOUT_RANDAO");
    const { client } = clientOf({ randaoOf: (block) => Math.floor(block / 128) });
    assert.equal((await probeChain(client)).randaoSeen, true);
  });

  it("says that a chain with three blocks is too young to say", async () => {
    assert.equal((await probeChain(clientOf({ blocks: 3, randaoOf: () => 7 }).client)).randaoSeen, false);
    assert.equal((await probeChain(clientOf({ blocks: 4 }).client)).randaoSeen, true);
  });

  it("passes on what a node says that cannot be asked at all", async () => {
    const request = async () => {
      throw new Error("nobody there");
    };
    const client = createPublicClient({ transport: custom({ request }, { retryCount: 0 }) });
    await assert.rejects(probeChain(client), /nobody there/);
  });
});
