import { after } from "node:test";
import hre from "hardhat";

/* Loaded before a test file of a coverage run: saves what the file's chains saw when its last test has ended. */
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  after(async () => {
    await hre.hooks.runHandlerChain("test", "onTestWorkerDone", ["nodejs"], async () => {});
  });
}
