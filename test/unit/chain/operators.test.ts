import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { proofSigners, withFormer } from "../../../protocol/chain/operators.ts";
import { address, GENESIS, testDeployment } from "./blocks.ts";

const { parameters } = testDeployment.groups[0]!;
/** First second of epoch 5. */
const START = GENESIS + 5 * parameters.epochLength;

describe("who signs a provider's proof of an epoch", () => {
  const provider = (until: number) => ({
    operator: address(2),
    formerOperators: withFormer([], address(1), until),
  });

  it("is its operator at the last block before the epoch, and whoever has become it since", () => {
    assert.deepEqual(proofSigners(parameters, provider(START), 5), [address(2), address(1)]);
    assert.deepEqual(proofSigners(parameters, provider(START + 59), 5), [address(2), address(1)]);
  });

  it("is not a key that was replaced before the epoch began", () => {
    assert.deepEqual(proofSigners(parameters, provider(START - 1), 5), [address(2)]);
    assert.deepEqual(proofSigners(parameters, provider(START + 59), 6), [address(2)]);
  });

  it("is any key of an epoch with several, but of a flood only the latest", () => {
    let former: ReturnType<typeof withFormer> = [];
    for (let key = 10; key < 30; key++) former = withFormer(former, address(key), START + key);
    const signers = proofSigners(parameters, { operator: address(30), formerOperators: former }, 5);
    assert.deepEqual(signers, [address(30), ...Array.from({ length: 16 }, (_, key) => address(14 + key))]);
  });
});
