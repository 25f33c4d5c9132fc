import assert from "node:assert/strict";

/** Sends a query and returns its data; a GraphQL error fails the test. */
export async function query<Data = Record<string, never>>(
  url: string,
  text: string,
  variables: Record<string, unknown> = {},
): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: text, variables }),
  });
  const body = (await response.json()) as { data: Data; errors?: unknown };
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  return body.data;
}

/** Asks again until the condition holds, or fails with the last answer. */
export async function eventually<Value>(
  ask: () => Promise<Value>,
  condition: (value: Value) => boolean,
  timeoutMs = 20_000,
): Promise<Value> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (condition(value)) return value;
    assert.ok(performance.now() < deadline, `not in time; last answer: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

type Field = { name: string; type: { kind: string; ofType: { kind: string } | null } };
type Introspection = { __schema: { types: { name: string; fields: Field[] | null }[] } };

/** Everything that an index holds: all rows of all tables, with every column that is no relation. */
export async function dump(url: string): Promise<Record<string, { items: Record<string, unknown>[] }>> {
  const { __schema } = await query<Introspection>(
    url,
    "{ __schema { types { name fields { name type { kind ofType { kind } } } } } }",
  );
  const fieldsOf = (type: string) => __schema.types.find(({ name }) => name === type)?.fields ?? [];
  const leaf = ({ type }: Field) =>
    ["SCALAR", "ENUM"].includes(type.kind) ||
    (type.kind === "NON_NULL" && ["SCALAR", "ENUM", "LIST"].includes(type.ofType?.kind ?? ""));
  const lists = fieldsOf("Query").filter(({ name }) => !name.startsWith("_") && name.endsWith("s"));
  const tables: Record<string, { items: Record<string, unknown>[] }> = {};
  // One table at a time: a server reads only so many words of one query.
  for (const { name } of lists) {
    const columns = fieldsOf(name.slice(0, -1)).filter(leaf);
    const items = columns.map((column) => column.name).join(" ");
    Object.assign(tables, await query(url, `{ ${name}(orderBy: "id", limit: 1000) { items { ${items} } } }`));
  }
  return tables;
}
