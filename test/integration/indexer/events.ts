import { ABIS } from "./world.ts";

/** Of ERC-5267; the domains of these contracts cannot change. */
const NEVER = "EIP712DomainChanged";

/** `<part>:<event>` of all that the contracts can emit, in alphabetical order. */
export const EVENTS: readonly string[] = Object.entries(ABIS)
  .flatMap(([part, abi]) =>
    abi.flatMap((item) => (item.type === "event" && item.name !== NEVER ? [`${part}:${item.name}`] : [])),
  )
  .sort();

/** Those of them that tell of faults, repairs and their consequences. */
export const FAULT_EVENTS: ReadonlySet<string> = new Set([
  ...EVENTS.filter((name) => name.startsWith("disputes:") || name.startsWith("repairs:")),
  "orders:PayerCredited",
  "orders:ProviderCredited",
  "orders:TreasuryCredited",
  "settlement:KeeperMasked",
  "staking:KeeperSlashed",
  "staking:ProviderExiting",
  "staking:ProviderSlashed",
]);
