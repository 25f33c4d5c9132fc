import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MODULE = new URL("../../../protocol/runtime/brokenPipe.ts", import.meta.url).href;
const CWD = fileURLToPath(new URL("../../..", import.meta.url));

test("a program whose output nobody reads any more ends without a complaint", async () => {
  const program = `
    import { endOnBrokenPipe } from ${JSON.stringify(MODULE)};
    endOnBrokenPipe();
    setInterval(() => process.stdout.write("a line\\n"), 1);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { cwd: CWD });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = await once(child, "exit");
  assert.equal(complaint, "");
  assert.equal(code, 0);
});
