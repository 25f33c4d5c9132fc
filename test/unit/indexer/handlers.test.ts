import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Abi } from "viem";
import * as schema from "../../../indexer/ponder.schema.ts";
import { allowancesAbi } from "../../../protocol/abi/generated/Allowances.ts";
import { challengeSettlementAbi } from "../../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../../protocol/abi/generated/Disputes.ts";
import { groupFactoryAbi } from "../../../protocol/abi/generated/GroupFactory.ts";
import { repairsAbi } from "../../../protocol/abi/generated/Repairs.ts";
import { stakingAbi } from "../../../protocol/abi/generated/Staking.ts";
import { storageOrdersAbi } from "../../../protocol/abi/generated/StorageOrders.ts";
import { storeRegistryAbi } from "../../../protocol/abi/generated/StoreRegistry.ts";

const INDEXER = fileURLToPath(new URL("../../../indexer/", import.meta.url));
/** Of ERC-5267; the domains of these contracts cannot change. */
const NEVER = "EIP712DomainChanged";
const ABIS: Readonly<Record<string, Abi>> = {
  GroupFactory: groupFactoryAbi,
  Staking: stakingAbi,
  StorageOrders: storageOrdersAbi,
  ChallengeSettlement: challengeSettlementAbi,
  Disputes: disputesAbi,
  Repairs: repairsAbi,
  Allowances: allowancesAbi,
  StoreRegistry: storeRegistryAbi,
};
const textOf = (file: string): string => readFileSync(join(INDEXER, file), "utf8");

test("every event of every contract has a handler, which rolls the hash on, and no other has", () => {
  const events = Object.entries(ABIS).flatMap(([contract, abi]) =>
    abi.flatMap((item) => (item.type === "event" && item.name !== NEVER ? [`${contract}:${item.name}`] : [])),
  );
  const handlers = globSync("src/*.ts", { cwd: INDEXER }).flatMap((file) =>
    textOf(file)
      .split("ponder.on(")
      .slice(1)
      .map((text) => ({ name: /"(.+?)"/.exec(text)?.[1] ?? "", text })),
  );
  const named = handlers.map(({ name }) => name).filter((name) => !name.endsWith(":setup"));
  assert.deepEqual(named.sort(), events.sort());
  for (const { name, text } of handlers) {
    if (name.endsWith(":setup")) continue;
    assert.match(text, new RegExp(`await record\\(db, event, "${name.split(":")[0]}"\\)`), name);
  }
});

test("ponder.schema.ts names every file of tables, all below src/ where a change makes another build", () => {
  const files = globSync("src/schema/**/*.ts", { cwd: INDEXER });
  const tables = files.filter((file) => /export const \w+ = (onchain|relations)/.test(textOf(file)));
  const root = textOf("ponder.schema.ts");
  for (const file of tables) assert.ok(root.includes(`export * from "./${file}"`), file);
  assert.ok(Object.keys(schema).length > 0);
  const outside = globSync("*.ts", { cwd: INDEXER }).filter((file) => textOf(file).includes("onchainTable("));
  assert.deepEqual(outside, []);
});
