"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const zlib = require("node:zlib");
const { spawnSync } = require("node:child_process");
const { BootstrapError } = require("./error.cjs");
const { findNpm } = require("./findNpm.cjs");
const { MINIMUM_NODE, NODE_PACKAGES } = require("./nodePackages.cjs");
const { runNpm } = require("./runNpm.cjs");
const { readTarEntry } = require("./untar.cjs");
const { parseVersion, atLeast } = require("./versions.cjs");

const NEEDED = MINIMUM_NODE.slice(0, 2).join(".");

/** The packaged Node links against glibc; a musl system would only say "not found". */
function usesMusl() {
  if (process.platform !== "linux" || !process.report) return false;
  return !process.report.getReport().header.glibcVersionRuntime;
}

function packageForPlatform() {
  const platform = `${process.platform}-${process.arch}`;
  const found = NODE_PACKAGES[platform];
  if (found && !usesMusl()) return found;
  throw new BootstrapError(
    `Node ${process.version} is too old (${NEEDED} or newer is needed), and there is no packaged Node for ` +
      `${platform}${usesMusl() ? " with musl" : ""}. Install Node 24 from https://nodejs.org and run the command again.`,
  );
}

function download({ root, pinned, folder }) {
  const spec = `${pinned.name}@${pinned.version}`;
  fs.mkdirSync(folder, { recursive: true });
  runNpm({
    npm: findNpm(),
    node: process.execPath,
    args: ["pack", spec, "--pack-destination", folder, "--loglevel=error"],
    cwd: root,
    doing: `Fetching Node ${pinned.version}`,
  });
  const tarball = fs.readFileSync(path.join(folder, `${pinned.name}-${pinned.version}.tgz`));
  const digest = `sha512-${crypto.createHash("sha512").update(tarball).digest("base64")}`;
  if (digest !== pinned.integrity) {
    throw new BootstrapError(
      `The package ${spec} is not the one that is pinned here (its digest is ${digest}); it was thrown away. ` +
        "Check which registry npm uses: npm config get registry",
    );
  }
  return zlib.gunzipSync(tarball);
}

function fetchNode({ root, pinned, target }) {
  const folder = path.join(root, ".node", `fetching-${process.pid}`);
  try {
    const archive = download({ root, pinned, folder });
    const staged = path.join(folder, "staged", path.basename(target));
    fs.mkdirSync(path.dirname(staged));
    const binary = readTarEntry(archive, pinned.binary);
    if (!binary) throw new BootstrapError(`The package ${pinned.name} holds no ${pinned.binary}.`);
    fs.writeFileSync(staged, binary, { mode: 0o755 });
    const trial = spawnSync(staged, ["--version"], { encoding: "utf8" });
    if (trial.status !== 0) {
      throw new BootstrapError(
        `The fetched Node ${pinned.version} does not run on this machine (${(trial.stderr || String(trial.error)).trim()}). ` +
          `Install Node ${NEEDED} or newer and run the command again.`,
      );
    }
    fs.mkdirSync(path.dirname(path.dirname(target)), { recursive: true });
    fs.rmSync(path.dirname(target), { recursive: true, force: true });
    fs.renameSync(path.dirname(staged), path.dirname(target));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A Node that is new enough, as {binary, version}: this one, the one fetched before, or one fetched now. */
function resolveNode({ root, say }) {
  if (atLeast(parseVersion(process.version), MINIMUM_NODE)) {
    return { binary: process.execPath, version: process.version };
  }
  const pinned = packageForPlatform();
  const target = path.join(root, ".node", `${pinned.name}-${pinned.version}`, path.basename(pinned.binary));
  if (!fs.existsSync(target)) {
    say(`Node ${process.version} is too old for this project: fetching Node ${pinned.version} into .node/ …`);
    fetchNode({ root, pinned, target });
  }
  say(`Node ${pinned.version} from .node/ (the system's is ${process.version})`);
  return { binary: target, version: `v${pinned.version}` };
}

module.exports = { resolveNode };
