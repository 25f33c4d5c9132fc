import type { TestEvent } from "node:test/reporters";

/**
 * A node:test reporter that writes one line of JSON with the runner's own totals. It runs beside the one that
 * people read, so that no number has to be parsed out of prose.
 */
export default async function* totalsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    // The summary without a file is the one of the whole run.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    yield `${JSON.stringify(event.data.counts)}\n`;
  }
}
