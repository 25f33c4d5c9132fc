// One table per thing that people ask about. The conventions are in docs/graphql.md: ids are readable, money
// is token wei, and `block`, `timestamp`, `transactionHash` name the event that made the row. Whatever
// somebody outside may choose freely in 32 bits or more is a bigint, so that no value which the contracts
// accept can overflow a column and halt the index.
//
// Ponder reads its tables from this file. They lie below src/ because it tells a database of another version by
// the text of this file and of what is there.

// biome-ignore-start lint/performance/noBarrelFile: Ponder looks for tables nowhere else
export * from "./src/schema/allowances.ts";
export * from "./src/schema/disputes.ts";
export * from "./src/schema/money.ts";
export * from "./src/schema/network.ts";
export * from "./src/schema/orders.ts";
export * from "./src/schema/relations/allowances.ts";
export * from "./src/schema/relations/disputes.ts";
export * from "./src/schema/relations/money.ts";
export * from "./src/schema/relations/network.ts";
export * from "./src/schema/relations/orders.ts";
export * from "./src/schema/relations/repairs.ts";
export * from "./src/schema/relations/settlement.ts";
export * from "./src/schema/relations/staking.ts";
export * from "./src/schema/relations/stores.ts";
export * from "./src/schema/repairs.ts";
export * from "./src/schema/settlement.ts";
export * from "./src/schema/staking.ts";
export * from "./src/schema/stores.ts";
// biome-ignore-end lint/performance/noBarrelFile: Ponder looks for tables nowhere else
