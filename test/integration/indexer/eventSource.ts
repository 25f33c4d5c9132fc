import { createRequire } from "node:module";
import {
  type Abi,
  type Address,
  concatHex,
  encodeAbiParameters,
  encodeEventTopics,
  type Hex,
  toFunctionSelector,
} from "viem";
import type { ChainNode } from "./chainNode.ts";

/**
 * A contract that emits whatever it is told under whatever selector it is called, and keeps the rolling
 * hash as the real contracts do. With it a test can put any history on a chain, impossible ones included.
 */
const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;
contract EventSource {
  struct Entry { bytes32[] topics; bytes data; }
  bytes32 private _hash;
  function rollingHash() external view returns (bytes32) { return _hash; }
  fallback(bytes calldata input) external returns (bytes memory) {
    Entry[] memory entries = abi.decode(input[4:], (Entry[]));
    for (uint256 i = 0; i < entries.length; ++i) {
      bytes32[] memory t = entries[i].topics;
      bytes memory d = entries[i].data;
      bytes32 h = keccak256(abi.encodePacked(t, d));
      _hash = keccak256(abi.encodePacked(_hash, h));
      uint256 n = t.length;
      assembly {
        let p := add(d, 0x20)
        let s := mload(d)
        switch n
        case 1 { log1(p, s, mload(add(t, 0x20))) }
        case 2 { log2(p, s, mload(add(t, 0x20)), mload(add(t, 0x40))) }
        case 3 { log3(p, s, mload(add(t, 0x20)), mload(add(t, 0x40)), mload(add(t, 0x60))) }
        default { log4(p, s, mload(add(t, 0x20)), mload(add(t, 0x40)), mload(add(t, 0x60)), mload(add(t, 0x80))) }
      }
    }
    return "";
  }
}
/// Somebody else's contract that calls others in turn: fn(address[] targets, bytes[] calls).
contract Relay {
  fallback() external {
    (address[] memory targets, bytes[] memory inputs) = abi.decode(msg.data[4:], (address[], bytes[]));
    for (uint256 i = 0; i < targets.length; ++i) {
      (bool ok, ) = targets[i].call(inputs[i]);
      require(ok);
    }
  }
}`;

type ContractName = "EventSource" | "Relay";
type SolcOutput = {
  contracts?: { "EventSource.sol": Record<ContractName, { evm: { bytecode: { object: string } } }> };
  errors?: { formattedMessage: string; severity: string }[];
};

let compiled: Record<ContractName, Hex> | undefined;

/** Deploys one event source, or the relay. */
export function deployEventSource(node: ChainNode, name: ContractName = "EventSource"): Promise<Address> {
  compiled ??= compile();
  return node.deploy(compiled[name]);
}

/** Selector of the relay's only call. */
export const RELAY_SELECTOR = "0x12345678";

/** Calldata that makes the relay call sources in turn. */
export function relayed(calls: readonly { readonly to: Address; readonly input: Hex }[]): Hex {
  const values = [calls.map(({ to }) => to), calls.map(({ input }) => input)] as const;
  return concatHex([
    RELAY_SELECTOR,
    encodeAbiParameters([{ type: "address[]" }, { type: "bytes[]" }], values),
  ]);
}

export type Emission = { readonly name: string; readonly args: Record<string, unknown> };

/** Calldata that makes a source emit these events in order, as if `functionName` had been called. */
export function emission(abi: Abi, functionName: string, events: readonly Emission[]): Hex {
  const entries = events.map(({ name, args }) => encodeEvent(abi, name, args));
  const call = abi.find((item) => item.type === "function" && item.name === functionName);
  if (call?.type !== "function") throw new Error(`no function ${functionName}`);
  const parameters = [
    {
      type: "tuple[]",
      components: [
        { name: "topics", type: "bytes32[]" },
        { name: "data", type: "bytes" },
      ],
    },
  ] as const;
  return concatHex([toFunctionSelector(call), encodeAbiParameters(parameters, [entries])]);
}

function encodeEvent(
  abi: Abi,
  name: string,
  args: Record<string, unknown>,
): { topics: readonly Hex[]; data: Hex } {
  const event = abi.find((item) => item.type === "event" && item.name === name);
  if (event?.type !== "event") throw new Error(`no event ${name}`);
  const unknown = Object.keys(args).filter((key) => !event.inputs.some((input) => input.name === key));
  const missing = event.inputs.filter((input) => args[input.name!] === undefined).map((input) => input.name);
  if (unknown.length + missing.length > 0) {
    throw new Error(`${name}: unknown ${unknown.join()} missing ${missing.join()}`);
  }
  const topics = encodeEventTopics({ abi: [event], eventName: name, args } as Parameters<
    typeof encodeEventTopics
  >[0]);
  const plain = event.inputs.filter((input) => !input.indexed);
  const data = encodeAbiParameters(
    plain,
    plain.map((input) => args[input.name!]),
  );
  return { topics: topics as readonly Hex[], data };
}

function compile(): Record<ContractName, Hex> {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const output = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: "Solidity",
        sources: { "EventSource.sol": { content: SOURCE } },
        settings: {
          optimizer: { enabled: true },
          outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
        },
      }),
    ),
  ) as SolcOutput;
  const contracts = output.contracts?.["EventSource.sol"];
  if (!contracts) throw new Error(output.errors?.map((error) => error.formattedMessage).join("\n"));
  return {
    EventSource: `0x${contracts.EventSource.evm.bytecode.object}`,
    Relay: `0x${contracts.Relay.evm.bytecode.object}`,
  };
}
