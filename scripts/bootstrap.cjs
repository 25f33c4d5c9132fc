"use strict";
/*
 * First thing that every `npm` script of this repository runs: `node scripts/bootstrap.cjs <script> [args]`.
 * Plain JavaScript without dependencies, because it has to run on a Node that is too old for everything else
 * and before anything is installed. It finds or fetches a Node that is new enough, installs what the lock file
 * names when it has changed, and hands over to scripts/<script>.ts.
 */
const fs = require("node:fs");
const path = require("node:path");
const { BootstrapError } = require("./bootstrap/error.cjs");
const { resolveNode } = require("./bootstrap/resolveNode.cjs");
const { installDependencies } = require("./bootstrap/install.cjs");
const { runScript } = require("./bootstrap/runScript.cjs");

const ROOT = path.dirname(__dirname);

/** Everything goes to stderr: stdout belongs to the script (`--json` promises one object as its last line). */
function say(line) {
  process.stderr.write(`${line}\n`);
}

function main(argv) {
  const name = argv[0];
  const script = path.join(ROOT, "scripts", `${name}.ts`);
  if (!/^[a-zA-Z]+$/.test(name || "") || !fs.existsSync(script)) {
    throw new BootstrapError(`There is no script "${name || ""}": use npm start, npm test or npm run check.`);
  }
  const node = resolveNode({ root: ROOT, say });
  const installSeconds = installDependencies({ root: ROOT, node, say });
  runScript({ root: ROOT, node: node.binary, script, args: argv.slice(1), installSeconds });
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
