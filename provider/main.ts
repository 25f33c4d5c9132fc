import { endOnBrokenPipe } from "../protocol/runtime/brokenPipe.ts";
import { runCli } from "./cli.ts";

endOnBrokenPipe();
process.exitCode = await runCli(process.argv.slice(2));
