import { MemoError } from "../../protocol/errors.ts";

/** Asks the index, or a keeper, at its address. @throws QUERY_FAILED with what it answered */
export async function queryGraphql<Data>(url: string, query: string): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const body = (await response.json()) as { data?: Data; errors?: { message: string }[] };
  if (body.data === undefined || body.errors !== undefined) {
    throw new MemoError("QUERY_FAILED", `${url} refused a query: ${body.errors?.[0]?.message}`, {
      details: { query, errors: body.errors },
    });
  }
  return body.data;
}
