// Loaded with --import before Ponder. The channel to the parent closes when the parent ends in whatever
// way, `kill -9` included; without this an orphan would keep the port and the database.
const GRACE_MS = 2_000;

process.on("disconnect", () => {
  process.kill(process.pid, "SIGTERM");
  // With the chain gone too, Ponder waits for answers that never come.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE_MS);
});
process.channel?.unref();
