// Loaded with --import before Ponder. The channel to the parent closes when the parent ends in whatever
// way, `kill -9` included; without this an orphan would keep the port and the database. It is not asked to
// end: on its way out Ponder's logger waits for ever to write to a pipe that nobody reads any more.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.channel?.unref();
