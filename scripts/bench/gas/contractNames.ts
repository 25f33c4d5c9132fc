import { type Address, type Hex, toFunctionSelector } from "viem";

/** What is needed of a compiler's artifact to know its code again. */
export interface NamedCode {
  readonly contractName: string;
  readonly abi: readonly unknown[];
  readonly deployedBytecode: string;
  readonly immutableReferences?: Record<string, readonly { start: number; length: number }[]>;
}

/** EIP-1167: code of a proxy up to the address it delegates to, and what follows that address. */
const PROXY = /^0x363d3d373d3d3d363d73([0-9a-f]{40})5af43d82803e903d91602b57fd5bf3/;

/** Code with zeros where constructors write their immutables. */
function masked(code: string, references: NamedCode["immutableReferences"]): string {
  let result = code;
  for (const { start, length } of Object.values(references ?? {}).flat()) {
    const from = 2 + 2 * start;
    result = result.slice(0, from) + "0".repeat(2 * length) + result.slice(from + 2 * length);
  }
  return result;
}

/** Names accounts by their code, proxies apart, and functions by their selectors. */
export function createContractNames(
  known: readonly NamedCode[],
  codeAt: (address: Address) => Promise<Hex | undefined>,
) {
  const names = new Map<string, string>();
  const functions = new Map<string, string>();
  for (const { abi } of known) {
    for (const item of abi as readonly { type: string; name: string }[]) {
      if (item.type === "function") functions.set(toFunctionSelector(item as never), item.name);
    }
  }

  function nameOfCode(code: string): string {
    if (PROXY.test(code)) return "clone";
    const found = known.find(
      ({ deployedBytecode, immutableReferences }) =>
        deployedBytecode.length === code.length &&
        masked(code, immutableReferences) === masked(deployedBytecode, immutableReferences),
    );
    return found?.contractName ?? "unknown";
  }

  return {
    async nameOf(address: Address): Promise<string> {
      const present = names.get(address);
      if (present !== undefined) return present;
      const name = nameOfCode((await codeAt(address)) ?? "0x");
      names.set(address, name);
      return name;
    },
    functionOf: (selector: string): string | undefined => functions.get(selector),
  };
}
