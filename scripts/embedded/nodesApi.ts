import { join } from "node:path";
import type { Member } from "./members.ts";

/** A daemon of the embedded network before it runs. */
export interface NodeSpec extends Member {
  /** TCP port of its libp2p host. */
  listenPort: number;
}

/** What the process of the nodes is started with. */
export interface NodesStart {
  rpcUrl: string;
  deploymentPath: string;
  dataDir: string;
  confirmations: number;
  providers: readonly NodeSpec[];
  keepers: readonly NodeSpec[];
}

/** A running daemon, as seen from outside its process. */
export interface NodeStatus {
  id: number;
  name: string;
  /** Where it answers /health, /ready, /status and /metrics. */
  url: string;
  status: unknown;
}

/** Where a daemon ("provider 3") keeps its data, under the directory of all of them. */
export function nodeDataDir(dataDir: string, name: string): string {
  return join(dataDir, name.replace(" ", "-"));
}
