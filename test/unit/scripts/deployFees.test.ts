import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createPublicClient, custom, decodeAbiParameters, type Hex, numberToHex, slice } from "viem";
import { estimateOnChain, readDataFee, readFee } from "../../../scripts/deploy/fees.ts";
import type { RehearsedStep } from "../../../scripts/deploy/rehearse.ts";

const GWEI = 10n ** 9n;
const SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
type Answer = (params: readonly unknown[]) => unknown;

function clientOf(answers: Readonly<Record<string, Answer>>) {
  const request = async ({ method, params }: { method: string; params?: unknown }) => {
    const answer = answers[method];
    if (answer === undefined) throw new Error(`${method} was not expected`);
    return answer((params ?? []) as readonly unknown[]);
  };
  return createPublicClient({ transport: custom({ request }, { retryCount: 0 }) });
}

const block = (baseFeePerGas?: bigint) => () => ({
  number: "0x1",
  transactions: [],
  ...(baseFeePerGas === undefined ? {} : { baseFeePerGas: numberToHex(baseFeePerGas) }),
});
const step = (futureId: string, input: Hex, gas: bigint, creates = true): RehearsedStep => ({
  ...{ futureId, input, gas, creates },
});

describe("the fee of a deployment", () => {
  it("is base fee and tip, at most twice the base fee", async () => {
    const answers = {
      eth_getBlockByNumber: block(10n * GWEI),
      eth_maxPriorityFeePerGas: () => numberToHex(2n * GWEI),
    };
    assert.deepEqual(await readFee(clientOf(answers)), { now: 12n * GWEI, most: 22n * GWEI });
  });

  it("is the gas price where there is no base fee, and nothing where the base fee is zero", async () => {
    const legacy = { eth_getBlockByNumber: block(), eth_gasPrice: () => numberToHex(3n * GWEI) };
    assert.deepEqual(await readFee(clientOf(legacy)), { now: 3n * GWEI, most: 3n * GWEI });
    assert.deepEqual(await readFee(clientOf({ eth_getBlockByNumber: block(0n) })), { now: 0n, most: 0n });
  });

  it("has a part for data on L1 where a rollup says so, by the bytes of each transaction", async () => {
    const steps = [step("A", `0x${"11".repeat(1000)}`, 1n), step("B", "0x", 1n)];
    assert.equal(await readDataFee(clientOf({ eth_getCode: () => "0x" }), steps), undefined);
    const sizes: bigint[] = [];
    const rollup = clientOf({
      eth_getCode: () => "0x60",
      eth_call: ([call]) => {
        const { data } = call as { data: Hex };
        const [size] = decodeAbiParameters([{ type: "uint256" }], slice(data, 4));
        sizes.push(size);
        return numberToHex(size * 5n, { size: 32 });
      },
    });
    assert.equal(await readDataFee(rollup, steps), (1200n + 200n) * 5n);
    assert.deepEqual(sizes, [1200n, 200n]);
  });
});

describe("the estimate of the chain itself", () => {
  const steps = [
    step("Factory#StakingLogic", "0x6001", 100n),
    step("Factory#GroupFactory", "0x6002", 100n),
    step("Group_main#createGroup", "0x6003", 100n, false),
  ];

  it("counts when it is higher, and is asked only of what needs nothing before it", async () => {
    const asked: unknown[] = [];
    const chain = (gas: bigint) =>
      clientOf({
        eth_estimateGas: ([call]) => {
          asked.push((call as { data: Hex }).data);
          return numberToHex(gas);
        },
      });
    const gasOf = async (gas: bigint) =>
      (await estimateOnChain(chain(gas), SENDER, steps)).map((each) => each.gas);
    assert.deepEqual(await gasOf(150n), [150n, 100n, 100n]);
    assert.deepEqual(await gasOf(50n), [100n, 100n, 100n]);
    assert.deepEqual(asked, ["0x6001", "0x6001"]);
  });

  it("ends the deployment when the chain refuses the code", async () => {
    const refuse = () => {
      throw new Error("max code size exceeded");
    };
    await assert.rejects(estimateOnChain(clientOf({ eth_estimateGas: refuse }), SENDER, steps), {
      code: "CHAIN_REFUSES_CODE",
      message: /StakingLogic \(2 bytes of creation code\): max code size exceeded/,
    });
  });
});
