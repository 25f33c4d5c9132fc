import { type Abi, type AbiEvent, type AbiFunction, toEventSelector, toFunctionSelector } from "viem";
import { formatAbiItem } from "viem/utils";

/** What a contract answers to and says, each with what identifies it on the chain. */
export interface AbiSnapshot {
  readonly functions: Record<string, string>;
  readonly events: Record<string, string>;
  readonly errors: Record<string, string>;
}

interface Parameter {
  readonly type: string;
  readonly name?: string | undefined;
  readonly indexed?: boolean | undefined;
  readonly components?: readonly Parameter[] | undefined;
}

/** "(uint32 id, address who)[] members" */
function written(parameter: Parameter): string {
  const type = parameter.type.startsWith("tuple")
    ? `(${(parameter.components ?? []).map(written).join(", ")})${parameter.type.slice("tuple".length)}`
    : parameter.type;
  return [type, ...(parameter.indexed ? ["indexed"] : []), parameter.name]
    .filter((word) => word !== undefined && word !== "")
    .join(" ");
}

function list(parameters: readonly Parameter[]): string {
  return `(${parameters.map(written).join(", ")})`;
}

/** Functions, events and errors in the order of their names. */
export function abiSnapshot(abi: Abi): AbiSnapshot {
  const sorted = abi
    .filter((item) => "name" in item && item.name !== undefined)
    .toSorted((a, b) => (formatAbiItem(a as AbiFunction) < formatAbiItem(b as AbiFunction) ? -1 : 1));
  const functions: Record<string, string> = {};
  const events: Record<string, string> = {};
  const errors: Record<string, string> = {};
  for (const item of sorted) {
    if (item.type === "function") {
      const returns = item.outputs.length === 0 ? "" : ` returns ${list(item.outputs)}`;
      const mutability = item.stateMutability === "nonpayable" ? "" : ` ${item.stateMutability}`;
      functions[toFunctionSelector(item)] = `${item.name}${list(item.inputs)}${mutability}${returns}`;
    } else if (item.type === "event") {
      events[toEventSelector(item as AbiEvent)] = `${item.name}${list(item.inputs)}`;
    } else if (item.type === "error") {
      errors[toFunctionSelector({ ...item, type: "function", outputs: [], stateMutability: "pure" })] =
        `${item.name}${list(item.inputs)}`;
    }
  }
  return { functions, events, errors };
}
