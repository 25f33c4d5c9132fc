import { join } from "node:path";
import { startChild } from "./childProcess.ts";
import type { Duties } from "./conductor.ts";
import type { KeeperFaults, ProviderFaults } from "./faults.ts";
import type { NodeStatus, NodesStart } from "./nodesApi.ts";

/**
 * The process in which all providers and keepers run. It starts loading what they share (the ceremony's points, the
 * field kernel) at once, beside whatever else is starting.
 */
export function startNodesProcess(dataDir: string) {
  const child = startChild({
    name: "providers and keepers",
    script: "nodes.ts",
    logPath: join(dataDir, "nodes.log"),
  });
  const duties: Duties = {
    settle: (block, capMs) => child.call<string[]>("settle", { block, capMs }),
  };
  return {
    exited: child.exited,
    duties,
    /** Starts every daemon; settles when all are ready. */
    start: (options: NodesStart) => child.call<NodeStatus[]>("start", options),
    startProvider: (id: number, faults: ProviderFaults = {}) =>
      child.call<NodeStatus>("startProvider", { id, ...faults }),
    stopProvider: (id: number) => child.call<void>("stopProvider", { id }),
    startKeeper: (id: number, faults: KeeperFaults = {}) =>
      child.call<NodeStatus>("startKeeper", { id, ...faults }),
    stopKeeper: (id: number) => child.call<void>("stopKeeper", { id }),
    /** Status of every daemon that runs. */
    status: () => child.call<NodeStatus[]>("status"),
    stop: child.stop,
  };
}

export type NodesProcess = ReturnType<typeof startNodesProcess>;
