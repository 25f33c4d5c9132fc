"use strict";
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { BootstrapError } = require("./error.cjs");

const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED|network/i;

/** The environment in which everything runs: the chosen Node comes first on the path. */
function environmentFor(node) {
  const key = Object.keys(process.env).find((name) => name.toUpperCase() === "PATH") || "PATH";
  const folders = [path.dirname(node), process.env[key]].filter(Boolean);
  return { ...process.env, [key]: folders.join(path.delimiter) };
}

/**
 * Runs npm's CLI with the given Node and returns its stdout.
 * @throws BootstrapError that says what was being done and, when the registry was out of reach, that it was.
 */
function runNpm({ npm, node, args, cwd, doing }) {
  const result = spawnSync(node, [npm.cli, ...args], {
    cwd,
    env: environmentFor(node),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status === 0) return result.stdout;
  const output = `${result.stderr || ""}${result.error ? result.error.message : ""}`;
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !/complete log/.test(line));
  const hint = UNREACHABLE.test(output)
    ? "The npm registry could not be reached. The first run needs the network; later ones do not."
    : "npm's own words are above.";
  throw new BootstrapError(`${lines.slice(0, 12).join("\n")}\n${doing} failed. ${hint}`);
}

module.exports = { environmentFor, runNpm };
