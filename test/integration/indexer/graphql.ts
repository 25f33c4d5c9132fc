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
