import { readFile, writeFile } from "node:fs/promises";
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from "graphql";
import * as schema from "../indexer/ponder.schema.ts";

// Writes docs/schema.graphql, the schema that the indexer serves: `node scripts/printSchema.ts`, or with `--check` fails
// when the committed file is not what it should be.

const FILE = new URL("../docs/schema.graphql", import.meta.url);

type Builder = { buildGraphQLSchema(options: { schema: object }): GraphQLSchema };

// Ponder does not export its builder, but its server writes what this one makes.
const builder: Builder = await import(new URL("./graphql/index.js", import.meta.resolve("ponder")).href);
const text = `# Written by scripts/printSchema.ts from indexer/ponder.schema.ts. Do not edit.\n\n${printSchema(
  lexicographicSortSchema(builder.buildGraphQLSchema({ schema })),
)}\n`;

if (process.argv.includes("--check")) {
  if ((await readFile(FILE, "utf8").catch(() => "")) !== text) {
    process.stderr.write("docs/schema.graphql is stale: run node scripts/printSchema.ts and commit it.\n");
    process.exitCode = 1;
  }
} else {
  await writeFile(FILE, text);
}
