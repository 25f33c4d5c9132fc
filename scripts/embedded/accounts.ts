import { type Hex, keccak256, stringToHex } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";

/** Chain id of the embedded network, Hardhat's own. */
export const CHAIN_ID = 31_337;

/**
 * Who has a key in the embedded network. Owners hold stake, operators sign for the daemons, peers are libp2p hosts, the
 * outsider has nothing but native coin.
 */
export type KeyRole =
  | "deployer"
  | "treasury"
  | "user"
  | "outsider"
  | "provider owner"
  | "provider operator"
  | "provider peer"
  | "keeper owner"
  | "keeper operator"
  | "keeper peer";

/**
 * A key of the embedded network. They are derived from their name, hence known to everybody: the chain that honours
 * them lives in one machine's memory.
 */
export function embeddedKey(role: KeyRole, index = 0): Hex {
  return keccak256(stringToHex(`memo embedded network, ${role} ${index}`));
}

export function embeddedAccount(role: KeyRole, index = 0): PrivateKeyAccount {
  return privateKeyToAccount(embeddedKey(role, index));
}

/** Keys that hold native coin from the first block. */
export function fundedKeys(providers: number, keepers: number): Hex[] {
  const keys = [
    embeddedKey("deployer"),
    embeddedKey("treasury"),
    embeddedKey("user"),
    embeddedKey("outsider"),
  ];
  for (let i = 1; i <= providers; i++) {
    keys.push(embeddedKey("provider owner", i), embeddedKey("provider operator", i));
  }
  for (let i = 1; i <= keepers; i++) {
    keys.push(embeddedKey("keeper owner", i), embeddedKey("keeper operator", i));
  }
  return keys;
}
