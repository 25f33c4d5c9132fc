import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** The user without rights of its own that every Unix has. */
const NOBODY = 65_534;

/**
 * Calls `name(argument)` of a module in a process that file permissions hold for, which they do not for root.
 * @returns the code of the error it throws, or "none"
 */
export async function errorCodeAsUser(module: URL, name: string, argument: string): Promise<string> {
  // The module is read before the rights are given up: the repository may lie where only root can look.
  const script = `
    const { [${JSON.stringify(name)}]: call } = await import(${JSON.stringify(module.href)});
    if (process.getuid?.() === 0) { process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY}); }
    const code = await (async () => call(${JSON.stringify(argument)}))().then(() => "none", (error) => error.code);
    process.stdout.write(String(code));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  return stdout;
}
