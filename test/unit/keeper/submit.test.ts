import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Address, keccak256, stringToBytes } from "viem";
import { runCli } from "../../../keeper/cli.ts";
import { leaderOf, roundTimeout, submissionOrder } from "../../../keeper/consensus/schedule.ts";
import { rotationDue } from "../../../keeper/submit/rotation.ts";
import type { GroupState } from "../../../protocol/chain/groupTypes.ts";

const seed = keccak256(stringToBytes("seed"));
const operator = (id: number): Address => `0x${id.toString(16).padStart(40, "0")}`;

describe("who does what when", () => {
  it("every member leads once in n rounds, in turn", () => {
    const leaders = Array.from({ length: 7 }, (_, round) => leaderOf(seed, round, 7));
    assert.deepEqual([...leaders].sort(), [0, 1, 2, 3, 4, 5, 6]);
    for (const [round, member] of leaders.entries()) assert.equal(member, (leaders[0]! + round) % 7);
  });

  it("the order of submission is a permutation that depends on seed and round", () => {
    const orders = [0, 1, 2, 3].map((round) => submissionOrder(seed, round, 10));
    for (const order of orders)
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      );
    assert.equal(new Set(orders.map(String)).size, 4);
  });

  it("rounds take twice as long each time, up to 64 times the first", () => {
    assert.deepEqual(
      [0, 1, 6, 7, 40].map((round) => roundTimeout(10, round)),
      [10, 20, 640, 640, 640],
    );
  });

  const stateAt = (epoch: number, rosters: readonly number[], seated: number) =>
    ({
      head: { number: 1, hash: seed, timestamp: 1_000 + epoch * 60 + 5 },
      parameters: { genesis: 1_000, epochLength: 60, termLength: 10 },
      rosters: new Map(rosters.map((term) => [term, { term }])),
      keepers: new Map(
        Array.from({ length: seated }, (_, index) => [
          index + 1,
          { id: index + 1, operator: operator(index + 1), seat: index },
        ]),
      ),
    }) as unknown as GroupState;

  it("a roster is due when there is none, and in a term's last epoch", () => {
    assert.deepEqual(rotationDue(stateAt(3, [], 4), operator(2)), { term: 0, rank: 2 });
    assert.deepEqual(rotationDue(stateAt(9, [0], 4), operator(2)), { term: 1, rank: 1 });
    assert.equal(rotationDue(stateAt(8, [0], 4), operator(2)), undefined);
    assert.equal(rotationDue(stateAt(9, [0, 1], 4), operator(2)), undefined);
    assert.equal(rotationDue(stateAt(3, [], 3), operator(2)), undefined);
    assert.equal(rotationDue(stateAt(9, [0], 4), operator(9)), undefined);
  });
});

describe("memo-keeper", () => {
  async function cli(argv: string[], env: Record<string, string> = {}) {
    let out = "";
    let err = "";
    const code = await runCli(argv, {
      env,
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    });
    return { code, out, err };
  }

  it("prints its settings with their source, secrets redacted", async () => {
    const { code, out } = await cli(["config", "print", "--round-ms", "900"], {
      KEEPER_PEER_SEED: `0x${"5e".repeat(32)}`,
    });
    assert.equal(code, 0);
    assert.match(out, /--round-ms = 900 \(flag\)/);
    assert.match(out, /--peer-seed = \[redacted\] \(env\)/);
    assert.doesNotMatch(out, /5e5e5e/);
  });

  for (const [what, argv, expected] of [
    ["a setting that is not allowed", ["config", "print", "--collect-ms", "never"], /SETTING_INVALID/],
    ["a missing key file", ["start"], /SETTING_INVALID: --operator-key-file/],
    ["a deployment that is not there", ["register", "--deployment", "/nowhere/x.json"], /DEPLOYMENT_MISSING/],
    ["nobody at the port", ["status", "--http-port", "1"], /NOT_RUNNING/],
  ] as const) {
    it(`fails with one line for ${what}`, async () => {
      const { code, err } = await cli([...argv], { KEEPER_LOG_LEVEL: "silent" });
      assert.equal(code, 1);
      assert.match(err, expected);
    });
  }
});
