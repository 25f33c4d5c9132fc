import {
  type Address,
  encodeAbiParameters,
  getContractAddress,
  type Hex,
  keccak256,
  parseAbiParameters,
} from "viem";

/** Hash of the proxy's creation code in OpenZeppelin's `Create3`, with which the factory makes a group's contracts. */
const PROXY_CODE_HASH: Hex = "0x57a34f6e879358dd76825d6700df87013ad6a3fb43c0d0c602f70a8772c153bd";

/** Names that the factory salts a group's contracts with, by their names in `GroupContracts`. */
const SALT_NAMES = {
  staking: "Staking",
  orders: "StorageOrders",
  settlement: "ChallengeSettlement",
  disputes: "Disputes",
  repairs: "Repairs",
  allowances: "Allowances",
} as const;

export type GroupAddresses = Readonly<Record<keyof typeof SALT_NAMES, Address>>;

/** What `predictGroup` of the factory says, before there is a factory. */
export function predictGroup(factory: Address, creator: Address, salt: Hex): GroupAddresses {
  const parameters = parseAbiParameters("address, bytes32, string");
  const addresses = Object.entries(SALT_NAMES).map(([part, name]) => {
    const proxy = getContractAddress({
      opcode: "CREATE2",
      from: factory,
      salt: keccak256(encodeAbiParameters(parameters, [creator, salt, name])),
      bytecodeHash: PROXY_CODE_HASH,
    });
    return [part, getContractAddress({ from: proxy, nonce: 1n })];
  });
  return Object.fromEntries(addresses) as GroupAddresses;
}
