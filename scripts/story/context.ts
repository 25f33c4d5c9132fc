import type { Client } from "../../client/createClient.ts";
import type { EmbeddedNetwork } from "../embedded/network.ts";
import type { NodesProcess } from "../embedded/nodesProcess.ts";
import type { StartOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What every chapter of the story has at hand. */
export interface StoryContext {
  network: EmbeddedNetwork;
  nodes: NodesProcess;
  options: StartOptions;
  terminal: Terminal;
  /** The user's client, which has stored the file. */
  client: Client;
  /** A client that has nothing but the user's wallet key and the chain. */
  createFreshClient(): Client;
  signal: AbortSignal;
}
