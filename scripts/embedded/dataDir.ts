import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MemoError } from "../../protocol/errors.ts";

/** Says that a directory belongs to an embedded network and may be deleted by the next one; holds its process id. */
const MARKER = ".memo-network";

/**
 * Empties the data directory of an embedded network, or makes a new one. The chain lives in memory, so whatever an
 * earlier network left behind belongs to a chain that is gone.
 * @throws DATA_DIR_NOT_OURS when the directory holds something that no embedded network wrote
 * @throws DATA_DIR_IN_USE when the network that wrote it still runs
 */
export function prepareDataDir(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined) {
    const isOurs = stats.isDirectory() && (existsSync(join(path, MARKER)) || readdirSync(path).length === 0);
    if (!isOurs) {
      throw new MemoError(
        "DATA_DIR_NOT_OURS",
        `${path} holds something that is not an embedded network's data, and would be deleted: ` +
          "choose an empty or new directory with --data.",
        { details: { path } },
      );
    }
    const owner = ownerOf(path);
    if (owner !== undefined && isRunning(owner)) {
      throw new MemoError(
        "DATA_DIR_IN_USE",
        `A network runs in ${path} (process ${owner}): end it, or choose another directory with --data.`,
        { details: { path, owner } },
      );
    }
    rmSync(path, { recursive: true, force: true });
  }
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, MARKER),
    `Data of an embedded memo network; deleted when the next one starts here. Process ${process.pid}\n`,
  );
}

/** Lets the next network of this very process, or of one that gets its number, have the directory. */
export function releaseDataDir(path: string): void {
  const marker = join(path, MARKER);
  if (existsSync(marker)) writeFileSync(marker, "Data of an embedded memo network that has ended.\n");
}

function ownerOf(path: string): number | undefined {
  const marker = join(path, MARKER);
  const match = existsSync(marker) ? /Process (\d+)/.exec(readFileSync(marker, "utf8")) : null;
  return match === null ? undefined : Number(match[1]);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process has that number.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
