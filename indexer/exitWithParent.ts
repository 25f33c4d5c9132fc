/** Time Ponder has to close its database when its parent is gone. */
const GRACE_MS = 3_000;

// Loaded with --import before Ponder. The channel to the parent closes when the parent ends in whatever
// way, `kill -9` included; without this an orphan would keep the port and the database. Ponder can hang in its
// own shutdown when the chain has gone with the parent, hence the second signal.
process.on("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE_MS);
});
process.channel?.unref();
