import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  CONTRACT_PAGES,
  functionsMissing,
  namesUnknown,
  withTables,
} from "../../../scripts/checks/contractDocs.ts";
import { membersOf, noticeOf, readInterfaces } from "../../../scripts/checks/interfaces.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** What pages call that no interface declares: the EVM's, Solidity's, OpenZeppelin's, mathematics'. */
const OTHERS = [
  ...["keccak256", "abi", "encode", "max", "min", "t", "start", "multicall", "prevrandao"],
  ...["uint32", "uint256", "rs", "copies", "supportsInterface", "eip712Domain", "nonces", "permit"],
  ...["transfer", "transferFrom", "approve", "allowance", "totalSupply", "DOMAIN_SEPARATOR"],
  ...["P", "K", "T", "constructor", "receive", "decimals", "name", "symbol"],
];

async function everyName(): Promise<Set<string>> {
  const names = new Set(OTHERS);
  for (const folder of ["contracts", "contracts/interfaces", "contracts/libraries"]) {
    for (const file of await readdir(`${ROOT}${folder}`)) {
      if (!file.endsWith(".sol")) continue;
      const source = await readFile(`${ROOT}${folder}/${file}`, "utf8");
      const declared = /\b(?:contract|interface|library|struct|enum|function|event|error)\s+(\w+)/g;
      for (const match of source.matchAll(declared)) names.add(match[1]!);
      for (const match of source.matchAll(/^\s*(\w+),?$/gm)) names.add(match[1]!);
    }
  }
  return names;
}

const interfaces = await readInterfaces(`${ROOT}contracts/interfaces`);
const membersFor = (page: string) =>
  CONTRACT_PAGES[page]!.flatMap((name) => {
    const found = interfaces.find((it) => it.name === name);
    assert.ok(found, `${name} of page ${page}`);
    return found.members;
  });

test("every interface has a page, and every page an interface", async () => {
  const documented = new Set(Object.values(CONTRACT_PAGES).flat());
  assert.deepEqual(
    interfaces.map(({ name }) => name).filter((name) => !documented.has(name)),
    [],
  );
  const pages = (await readdir(`${ROOT}docs/contracts`)).map((file) => file.replace(/\.md$/, ""));
  assert.deepEqual(pages.sort(), Object.keys(CONTRACT_PAGES).sort());
});

test("each page says what every function does, names nothing that is not there, and has all its chapters", async () => {
  const known = await everyName();
  for (const page of Object.keys(CONTRACT_PAGES)) {
    const text = await readFile(`${ROOT}docs/contracts/${page}.md`, "utf8");
    assert.deepEqual(functionsMissing(text, membersFor(page)), [], `functions missing in ${page}.md`);
    assert.deepEqual(namesUnknown(text, known), [], `names in ${page}.md that there are not`);
    for (const chapter of [
      "Parameters",
      "States",
      "Functions",
      "Events",
      "Errors",
      "Trust",
      "Who can lose what",
    ]) {
      assert.match(text, new RegExp(`^## ${chapter}`, "m"), `${page}.md has no chapter ${chapter}`);
    }
  }
});

test("tables of events and errors are those of the interfaces", async () => {
  for (const page of Object.keys(CONTRACT_PAGES)) {
    const text = await readFile(`${ROOT}docs/contracts/${page}.md`, "utf8");
    const members = membersFor(page);
    for (const kind of ["event", "error"] as const) {
      if (!members.some((member) => member.kind === kind)) continue;
      assert.ok(text.includes(`<!-- ${kind}s: written by`), `${page}.md has no table of ${kind}s`);
    }
    assert.equal(text, withTables(text, members), `${page}.md is stale: node scripts/contractDocs.ts`);
  }
});

test("a page that says too little or too much is found", () => {
  const members = membersOf(
    [
      "/// @notice Acts.",
      "function act(uint256 a) external;",
      "/// @notice It",
      "/// happened.",
      "event Happened(uint32 indexed id, bytes data);",
    ].join("\n"),
  );
  assert.deepEqual(functionsMissing("Call `act(a)`.", members), []);
  assert.deepEqual(functionsMissing("Somebody may act.", members), ["act"]);
  assert.deepEqual(
    namesUnknown("`act(a)` logs `Happened`, `SomethingElse`, `other()`.", new Set(["act"])),
    ["SomethingElse", "other"].sort((a, b) => (a < b ? -1 : 1)),
  );
  assert.deepEqual(namesUnknown("## Functions\n| `act`, `gone` | |\n## Events", new Set(["act"])), ["gone"]);
  assert.equal(noticeOf("@notice It\nhappened.\n@param id Whose."), "It happened.");
  const page = "<!-- events: written by scripts/contractDocs.ts -->\nold\n<!-- end -->\nrest";
  assert.match(
    withTables(page, members),
    /\| `Happened` \| id \| data \| It happened\. \|\n<!-- end -->\nrest$/,
  );
});
