// Loaded with --import before Ponder. The channel to the parent closes when the parent ends in whatever
// way, `kill -9` included; without this an orphan would keep the port and the database.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
