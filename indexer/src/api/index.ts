import { db } from "ponder:api";
import schema from "ponder:schema";
import { Hono } from "hono";
import { client, graphql } from "ponder";

const app = new Hono();

// Queries by POST; GET answers with GraphiQL.
app.use("/graphql", graphql({ db, schema }));
// Read-only SQL and live queries of @ponder/client.
app.use("/sql/*", client({ db, schema }));

export default app;
