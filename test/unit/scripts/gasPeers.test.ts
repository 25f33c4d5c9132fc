import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { formatPeers, isCheaperThere, PEERS } from "../../../scripts/bench/gas/peers.ts";
import { gasRows, measure } from "../../../scripts/bench/gas.ts";
import { formatTable } from "../../../scripts/bench/table.ts";

const peer = { system: "Swarm", operation: "slash", gas: 100, source: "measured" } as const;

test("another system is cheaper when it takes less, not when it takes the same", () => {
  assert.equal(isCheaperThere(101, peer), true);
  assert.equal(isCheaperThere(100, peer), false);
  assert.equal(isCheaperThere(99, peer), false);
});

test("a figure for several units of a row is compared with as many", () => {
  assert.equal(isCheaperThere(34, { ...peer, units: 3 }), true);
  assert.equal(isCheaperThere(33, { ...peer, units: 3 }), false);
});

test("the cell names system, call, figure, source, and what is cheaper", () => {
  const published = { ...peer, gas: 90_000, source: "published" } as const;
  assert.equal(
    formatPeers(200, [peer, published]),
    "Swarm slash 100, CHEAPER THERE; Swarm slash 90,000 (published)",
  );
});

test("a row has its budget, and its peers in words and for programs", () => {
  const [row, plain] = gasRows({ "register keeper": 150_001, "void a slot": 1 });
  assert.equal(row!.goal, "≤ 150,000");
  assert.equal(row!.met, false);
  assert.deepEqual(
    row!.peers?.map(({ system, cheaper }) => [system, cheaper]),
    [["Swarm", true]],
  );
  assert.match(
    formatTable([row!, plain!]),
    /register keeper +150,001 gas +≤ 150,000 {2}✗ +Swarm .*CHEAPER THERE/,
  );
  assert.deepEqual(plain, { area: "gas", name: "void a slot", value: 1, unit: "gas" });
});

test("every row that names a peer is one that is measured", async () => {
  const names = new Set((await measure()).map(({ name }) => name));
  for (const name of Object.keys(PEERS)) assert.ok(names.has(name), name);
});

test("the table of the documentation is what the command prints, but for what the gas tests let drift", async () => {
  const page = await readFile(new URL("../../../docs/benchmarks.md", import.meta.url), "utf8");
  const read = (table: string) =>
    [...table.matchAll(/^gas {2,}(.+?) {2,}([\d,]+) gas(.*)$/gm)].map(([, name, gas, rest]) => ({
      name,
      gas: Number(gas!.replaceAll(",", "")),
      rest: rest!.replaceAll(/ +/g, " "),
    }));
  const [shown, printed] = [read(page), read(formatTable(await measure()))];
  assert.ok(printed.length > 30);
  const without = (rows: typeof shown) => rows.map(({ name, rest }) => `${name}:${rest}`);
  assert.deepEqual(without(shown), without(printed), "put what `npm run bench -- gas` prints there");
  for (const [index, { name, gas }] of printed.entries()) {
    assert.ok(Math.abs(shown[index]!.gas - gas) <= 0.01 * gas, `${name}: ${shown[index]!.gas}, now ${gas}`);
  }
});
