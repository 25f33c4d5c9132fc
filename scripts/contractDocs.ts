import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CONTRACT_PAGES, withTables } from "./checks/contractDocs.ts";
import { readInterfaces } from "./checks/interfaces.ts";

/** Writes the tables of events and errors in docs/contracts from the NatSpec of the interfaces. */
const ROOT = fileURLToPath(new URL("..", import.meta.url));

const interfaces = await readInterfaces(`${ROOT}contracts/interfaces`);
for (const [page, names] of Object.entries(CONTRACT_PAGES)) {
  const path = `${ROOT}docs/contracts/${page}.md`;
  const members = names.flatMap((name) => interfaces.find((it) => it.name === name)?.members ?? []);
  const present = await readFile(path, "utf8");
  const wanted = withTables(present, members);
  if (wanted !== present) {
    await writeFile(path, wanted);
    process.stdout.write(`Wrote docs/contracts/${page}.md\n`);
  }
}
