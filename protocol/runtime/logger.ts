import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import { MemoError } from "../errors.ts";

/** What library code logs to. Always passed in, never imported. */
export type Logger = PinoLogger;

/** Names of values that never reach a log line, at any of the two upper levels of what is logged. */
const SECRET_NAMES = [
  "privateKey",
  "seed",
  "secret",
  "password",
  "mnemonic",
  "phrase",
  "rootKey",
  "authorization",
];

/** Creates the root logger of a process: one JSON object per line, secrets censored. */
export function createLogger(options: {
  /** Who logs, e.g. `provider`. */
  name: string;
  level?: string;
  /** Defaults to standard error, so that standard output stays free for results. */
  destination?: DestinationStream;
}): Logger {
  return pino(
    {
      name: options.name,
      level: options.level ?? "info",
      timestamp: stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]),
        censor: "[redacted]",
      },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: serializeError },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** A logger that says nothing. */
export function createSilentLogger(): Logger {
  return pino({ level: "silent" });
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof MemoError ? { code: error.code, details: printable(error.details) } : {}),
    ...(error instanceof MemoError ? {} : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

/** Details may hold bigints, which JSON cannot carry. */
function printable(details: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(
    JSON.stringify(details, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
  );
}
