import { MemoError } from "../../protocol/errors.ts";

/** Asks the index. @throws INDEX_QUERY_FAILED with what it answered */
export async function queryIndex<Data>(url: string, query: string): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const body = (await response.json()) as { data?: Data; errors?: { message: string }[] };
  if (body.data === undefined || body.errors !== undefined) {
    throw new MemoError("INDEX_QUERY_FAILED", `The index refused a query: ${body.errors?.[0]?.message}`, {
      details: { query, errors: body.errors },
    });
  }
  return body.data;
}
