"use strict";
const os = require("node:os");
const { spawn } = require("node:child_process");
const { environmentFor } = require("./runNpm.cjs");

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs the script in the chosen Node with this terminal, passes signals on and ends as it ends. The message channel
 * carries nothing: it closes when this process dies, however it dies, which tells the script to end too.
 */
function runScript({ root, node, script, args, installSeconds }) {
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", script, ...args], {
    cwd: root,
    env: { ...environmentFor(node), MEMO_INSTALL_SECONDS: String(installSeconds) },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exit(code === null ? 128 + (os.constants.signals[signal] || 0) : code);
  });
}

module.exports = { runScript };
