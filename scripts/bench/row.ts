import type { PeerFigure } from "./gas/peers.ts";

/** One measured number of the benchmark table. */
export interface BenchRow {
  /** What it belongs to: "challenge", "upload", "gas" … */
  area: string;
  name: string;
  value: number;
  /** "ms", "MB/s", "gas", "B", "%". */
  unit: string;
  /** What it should be, in words a reader can check: "≤ 150". */
  goal?: string;
  /** Whether the goal is met; left out when there is none. */
  met?: boolean;
  /** What the number is to be compared with. */
  compared?: string;
  /** What other systems take for it, and whether that is less; in words it is in `compared`. */
  peers?: (PeerFigure & { cheaper: boolean })[];
}
