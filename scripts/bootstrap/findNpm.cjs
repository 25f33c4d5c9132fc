"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { BootstrapError } = require("./error.cjs");
const { parseVersion, atLeast } = require("./versions.cjs");

/** npm 10 comes with Node 20; older ones do not run under Node 24 or read the lock file differently. */
const MINIMUM_NPM = [10, 0, 0];

/** Paths where npm's own CLI may be, most specific first. */
function candidates(env, execPath) {
  const found = [];
  if (env.npm_execpath) found.push(env.npm_execpath);
  for (const folder of (env.PATH || env.Path || "").split(path.delimiter).filter(Boolean)) {
    const link = path.join(folder, "npm");
    if (fs.existsSync(link)) found.push(fs.realpathSync(link));
    found.push(path.join(folder, "node_modules", "npm", "bin", "npm-cli.js"));
  }
  found.push(path.join(path.dirname(execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"));
  return found;
}

/**
 * npm's CLI as a file that any Node can run. Its version is read from its package, not by running it, so that an
 * npm which cannot run at all still gets a clear answer.
 */
function findNpm({ env = process.env, execPath = process.execPath } = {}) {
  for (const candidate of candidates(env, execPath)) {
    if (path.basename(candidate) !== "npm-cli.js" || !fs.existsSync(candidate)) continue;
    const manifest = path.join(path.dirname(candidate), "..", "package.json");
    if (!fs.existsSync(manifest)) continue;
    const version = JSON.parse(fs.readFileSync(manifest, "utf8")).version;
    if (!atLeast(parseVersion(version) || [0, 0, 0], MINIMUM_NPM)) {
      throw new BootstrapError(
        `npm ${version} is too old: npm ${MINIMUM_NPM[0]} or newer is needed (it comes with Node 20). ` +
          "Update it with: npm install --global npm@10",
      );
    }
    return { cli: candidate, version };
  }
  throw new BootstrapError(
    "npm was not found. It comes with Node: install Node 24 from https://nodejs.org and run the command again.",
  );
}

module.exports = { findNpm };
