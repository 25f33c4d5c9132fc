import { access } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { MemoError } from "../../protocol/errors.ts";
import { writeWhole } from "../read/recover.ts";
import { EXIT, type Session } from "./session.ts";
import { formatBytes } from "./terminal.ts";
import { type AddVerb, byteRange, referenceOf } from "./verb.ts";

type GetOptions = { output?: string; range?: { offset: number; length?: number }; force: boolean };

const HELP = `
Every shard is checked before use and every segment is authenticated before it is written; a file appears whole or not
at all.

EXAMPLES
  memo get holiday.mp4
  memo get 0x3f…c1 --output movie.mp4
  memo get backups/2026-05.tar --output - | tar t
  memo get holiday.mp4 --range 0-1048575 --output first-mib

EXIT CODES
  0  read
  1  nothing was written; standard error says why and what to do`;

async function assertFree(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (!there) return;
  throw new MemoError(
    "OUTPUT_EXISTS",
    `${path} exists already. Choose another --output, or --force to replace it.`,
    {
      details: { path },
    },
  );
}

async function get(
  session: Session,
  text: string,
  options: GetOptions,
  stdout: NodeJS.WritableStream,
): Promise<number> {
  const { client, terminal, signal } = session;
  const path = options.output === "-" ? undefined : resolve(options.output ?? basename(text));
  if (path && !options.force) await assertFree(path);
  const reading = await client.read(referenceOf(text), {
    signal,
    ...(options.range ? { range: options.range } : {}),
  });
  const bytes = reading.stream as unknown as AsyncIterable<Uint8Array>;
  if (!path) {
    await pipeline(bytes, stdout, { end: false });
    return EXIT.done;
  }
  const progress = terminal.progress("read ");
  const ofBytes = reading.range.to - reading.range.from;
  let done = 0;
  try {
    const written = await writeWhole(path, bytes, (count) => {
      done += count;
      progress.update({ bytes: done, ofBytes });
    });
    progress.stop();
    terminal.say(`${terminal.colors.green("✓")} ${formatBytes(written.bytes)}, sha256 ${written.sha256}`);
    terminal.result(path, { path, orderId: reading.orderId, size: reading.size, ...written });
    return EXIT.done;
  } finally {
    progress.stop();
  }
}

export function addGet(add: AddVerb, stdout: NodeJS.WritableStream): Command {
  return add("get <name|order>", "read a stored file, by name or order id", (session, [text], options) =>
    get(session, text!, options as GetOptions, stdout),
  )
    .option(
      "-o, --output <path>",
      "where to write; - for standard output (default: the name's last part, here)",
    )
    .option("--range <from-to>", "only these bytes, both ends included", byteRange)
    .option("-f, --force", "replace a file that is there", false)
    .addHelpText("after", HELP);
}
