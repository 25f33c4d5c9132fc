import { createInterface } from "node:readline/promises";
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import picocolors from "picocolors";
import { formatUnits } from "viem";

/** What a command line runs in; replaced in tests. */
export type Surroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
};

/** A progress bar for bytes and one for shards; plain lines where nobody watches. */
export type Progress = {
  update(values: { bytes: number; ofBytes: number; shards?: number; ofShards?: number }): void;
  /** Ends the bars; they stay on the screen. */
  stop(): void;
};

export type Terminal = {
  readonly json: boolean;
  readonly colors: ReturnType<typeof picocolors.createColors>;
  /** A line for people, on standard error. Nothing with --json. */
  say(line: string): void;
  /** The result: text for people, or with --json the object in one line. On standard output. */
  result(text: string, object: unknown): void;
  progress(label: string): Progress;
  /** Asks a yes-or-no question; yes where nobody can answer. */
  confirm(question: string): Promise<boolean>;
};

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `8.4 MB` */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** Token wei as tokens; six digits after the point at most. */
export function formatTokens(wei: bigint): string {
  const text = formatUnits(wei, 18);
  const [whole, fraction = ""] = text.split(".");
  const shown = fraction.slice(0, 6).replace(/0+$/, "");
  if (wei > 0n && whole === "0" && shown === "") return "< 0.000001 tokens";
  return `${shown === "" ? whole : `${whole}.${shown}`} tokens`;
}

/** Native wei as coin, exactly. */
export function formatCoin(wei: bigint): string {
  return `${formatUnits(wei, 18)} native coin`;
}

/** JSON with bigints as decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
}

const NO_PROGRESS: Progress = { update() {}, stop() {} };

export function createTerminal(surroundings: Surroundings, options: { json: boolean }): Terminal {
  const { stdout, stderr, env, stdin } = surroundings;
  const { json } = options;
  const watched = Boolean(stderr.isTTY) && !json;
  const colors = picocolors.createColors(watched && !env.NO_COLOR && env.TERM !== "dumb");

  return {
    json,
    colors,
    say(line) {
      if (!json) stderr.write(`${line}\n`);
    },
    result(text, object) {
      stdout.write(`${json ? toJson(object) : text}\n`);
    },
    progress: (label) => (watched ? bars(label, stderr) : NO_PROGRESS),
    async confirm(question) {
      if (!watched || !stdin.isTTY) return true;
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
      } finally {
        lines.close();
      }
    },
  };
}

function bars(label: string, stream: NodeJS.WritableStream): Progress {
  const multi = new MultiBar(
    {
      stream,
      hideCursor: true,
      clearOnComplete: false,
      format: `${label} {bar} {percentage}% {done} of {all}`,
      autopadding: true,
    },
    Presets.shades_classic,
  );
  const made = new Map<string, SingleBar>();
  const show = (unit: "bytes" | "shards", value: number, total: number) => {
    const text = (count: number) => (unit === "bytes" ? formatBytes(count) : `${count} shards`);
    const payload = { done: text(value), all: text(total) };
    const bar = made.get(unit);
    // A bar without a total is shown as full.
    if (bar) bar.update(Math.min(value, Math.max(1, total)), payload);
    else made.set(unit, multi.create(Math.max(1, total), value, payload));
  };
  return {
    update({ bytes, ofBytes, shards, ofShards }) {
      show("bytes", bytes, ofBytes);
      if (shards !== undefined && ofShards !== undefined) show("shards", shards, ofShards);
    },
    stop: () => multi.stop(),
  };
}
