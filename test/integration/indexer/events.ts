import { ABIS } from "./world.ts";

/** Of ERC-5267; the domains of these contracts cannot change. */
const NEVER = "EIP712DomainChanged";

/** `<part>:<event>` of all that the contracts can emit, in alphabetical order. */
export const EVENTS: readonly string[] = Object.entries(ABIS)
  .flatMap(([part, abi]) =>
    abi.flatMap((item) => (item.type === "event" && item.name !== NEVER ? [`${part}:${item.name}`] : [])),
  )
  .sort();

/** Those of them that tell who may do what in whose name, and of orders that go on. */
export const ALLOWANCE_EVENTS: ReadonlySet<string> = new Set([
  ...EVENTS.filter((name) => name.startsWith("allowances:")),
  "disputes:DemanderApproved",
  "orders:OrderCancelled",
  "orders:OrderExpiring",
  "orders:OrderRenewed",
  "orders:ReadsPaid",
  "staking:OperatorChanged",
  "staking:OwnershipTransferStarted",
  "staking:OwnershipTransferred",
  "staking:ProviderJailed",
]);

/** Those of them that tell of faults, repairs and their consequences. */
export const FAULT_EVENTS: ReadonlySet<string> = new Set([
  ...EVENTS.filter((name) => /^(disputes|repairs):/.test(name) && !ALLOWANCE_EVENTS.has(name)),
  "orders:PayerCredited",
  "orders:ProviderCredited",
  "orders:TreasuryCredited",
  "settlement:EquivocationReported",
  "settlement:KeeperMasked",
  "staking:KeeperSlashed",
  "staking:ProviderExiting",
  "staking:ProviderSlashed",
]);
