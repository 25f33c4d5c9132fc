"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { BootstrapError } = require("./error.cjs");
const { findNpm } = require("./findNpm.cjs");
const { runNpm } = require("./runNpm.cjs");

/** Kept inside node_modules, so that removing that folder removes the claim that it is installed. */
const STAMP = path.join("node_modules", ".memo-installed");

function fingerprint(root, version) {
  const lock = path.join(root, "package-lock.json");
  if (!fs.existsSync(lock)) {
    throw new BootstrapError("package-lock.json is missing: this does not look like a whole clone of memo.");
  }
  const hash = crypto.createHash("sha256").update(fs.readFileSync(lock)).digest("hex");
  // Native packages are chosen by platform and by Node, so both are part of what was installed.
  return `${hash} ${version} ${process.platform}-${process.arch}\n`;
}

/**
 * Installs exactly what the lock file names, with the Node that will run it: npm leaves out optional platform
 * packages whose `engines` the *running* Node does not meet. Returns the seconds it took, 0 when nothing had changed.
 */
function installDependencies({ root, node, say }) {
  const stamp = path.join(root, STAMP);
  const wanted = fingerprint(root, node.version);
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === wanted) return 0;
  const npm = findNpm();
  say("Installing what package-lock.json names (a minute or two, once) …");
  const started = Date.now();
  runNpm({
    npm,
    node: node.binary,
    args: ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
    cwd: root,
    doing: "Installing the dependencies",
  });
  const seconds = (Date.now() - started) / 1000;
  fs.mkdirSync(path.dirname(stamp), { recursive: true });
  fs.writeFileSync(stamp, wanted);
  say(`Installed in ${seconds.toFixed(0)} s`);
  return seconds;
}

module.exports = { installDependencies };
