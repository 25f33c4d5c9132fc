import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { membersOf, readInterfaces } from "../../../scripts/checks/interfaces.ts";

const INTERFACES = fileURLToPath(new URL("../../../contracts/interfaces", import.meta.url));

test("every function, event and error of an interface says what it is for", async () => {
  const missing = (await readInterfaces(INTERFACES)).flatMap(({ name, members }) =>
    members
      .filter(({ comment }) => !/^@notice \S/m.test(comment))
      .map(({ kind, name: member, line }) => `${name}.sol:${line} ${kind} ${member}`),
  );
  assert.deepEqual(missing, []);
});

test("declarations are found with their comments, and nothing else is", () => {
  const source = [
    "interface I {",
    "    /// @notice What happened.",
    "    /// @param id Whose.",
    "    event Happened(",
    "        uint32 indexed id",
    "    );",
    "    error Bare(uint256 value);",
    "    /// A field, not a function.",
    "    uint256 field;",
    "",
    "    /// @notice Lost to the blank line below.",
    "",
    "    function act() external;",
    "}",
  ].join("\n");
  assert.deepEqual(membersOf(source), [
    {
      kind: "event",
      name: "Happened",
      parameters: [{ name: "id", indexed: true }],
      comment: "@notice What happened.\n@param id Whose.",
      line: 4,
    },
    { kind: "error", name: "Bare", parameters: [{ name: "value", indexed: false }], comment: "", line: 7 },
    { kind: "function", name: "act", parameters: [], comment: "", line: 13 },
  ]);
});
