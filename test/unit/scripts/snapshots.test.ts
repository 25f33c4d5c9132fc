import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAbi } from "viem";
import { abiSnapshot } from "../../../scripts/snapshots/abi.ts";
import { CODE_BYTES_MAX, formatSizes } from "../../../scripts/snapshots/sizes.ts";
import { simplify } from "../../../scripts/snapshots/storage.ts";

test("an ABI is listed by what identifies it on the chain", () => {
  const abi = parseAbi([
    "struct Member { uint32 id; address who; }",
    "function transfer(address to, uint256 amount) returns (bool)",
    "function members(Member[] list) view",
    "event Transfer(address indexed from, address indexed to, uint256 value)",
    "error Panic(uint256 code)",
  ]);
  assert.deepEqual(abiSnapshot(abi), {
    functions: {
      "0x50993dd1": "members((uint32 id, address who)[] list) view",
      "0xa9059cbb": "transfer(address to, uint256 amount) returns (bool)",
    },
    events: {
      "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef":
        "Transfer(address indexed from, address indexed to, uint256 value)",
    },
    errors: { "0x4e487b71": "Panic(uint256 code)" },
  });
});

test("a layout names words, bytes and members, and nothing that an edit elsewhere changes", () => {
  const types = {
    t_uint32: { label: "uint32", numberOfBytes: "4" },
    "t_struct(Place)77_storage": {
      ...{ label: "struct Place", numberOfBytes: "32" },
      members: [{ label: "from", offset: 4, slot: "0", type: "t_uint32" }],
    },
  };
  const storage = [{ label: "_place", offset: 0, slot: "3", type: "t_struct(Place)77_storage" }];
  const layout = simplify({
    storageLayout: { storage, types },
    transientStorageLayout: { storage: [], types: null },
  });
  assert.deepEqual(layout, {
    storage: [{ name: "_place", type: "struct Place", slot: 3, offset: 0, bytes: 32 }],
    transient: [],
    structs: { "struct Place": [{ name: "from", type: "uint32", slot: 0, offset: 4, bytes: 4 }] },
  });
});

test("sizes come with the room that is left and what changed", () => {
  const [, token, orders] = formatSizes({ Token: 1000, Orders: CODE_BYTES_MAX }, { Token: 1200 }).split("\n");
  assert.match(token!, /^Token +1,000 +23,576 +−200$/);
  assert.match(orders!, /^Orders +24,576 +0$/);
});
