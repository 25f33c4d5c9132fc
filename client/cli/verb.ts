import { type Command, InvalidArgumentError } from "commander";
import { type Address, getAddress, type Hex, isAddress } from "viem";
import { MemoError } from "../../protocol/errors.ts";
import type { Session } from "./session.ts";

/** Adds a verb whose action gets a client; it resolves with the exit code. */
export type AddVerb = (
  usage: string,
  description: string,
  run: (session: Session, args: readonly (string | undefined)[], options: object) => Promise<number>,
) => Command;

/** Parses a whole number from 0. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number.");
}

/** Parses an amount of token wei. */
export function wei(text: string): bigint {
  if (/^\d{1,39}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError("It must be a whole number of token wei.");
}

/** Parses an address. */
export function addressOf(text: string): Address {
  if (isAddress(text, { strict: false })) return getAddress(text);
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no address: 0x and 40 hexadecimal digits.`);
}

/** Parses `from-to` (both included), `from-` or a single `from`, as in HTTP. */
export function byteRange(text: string): { offset: number; length?: number } {
  const match = /^(\d+)(?:-(\d*))?$/.exec(text);
  const offset = Number(match?.[1]);
  const last = match?.[2] ? Number(match[2]) : undefined;
  if (match && Number.isSafeInteger(offset) && (last === undefined || last >= offset)) {
    return last === undefined ? { offset } : { offset, length: last - offset + 1 };
  }
  throw new InvalidArgumentError("It must be from-to in bytes, for example 0-1023, or 1024- for the rest.");
}

/** Parses a whole number of any size. @throws NUMBER_INVALID */
export function bigWholeNumber(text: string): bigint {
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  throw new MemoError("NUMBER_INVALID", `${text} is no whole number.`);
}

/** Parses an order id. @throws ORDER_ID_INVALID */
export function orderIdOf(text: string): Hex {
  const reference = referenceOf(text);
  if ("orderId" in reference) return reference.orderId;
  throw new MemoError(
    "ORDER_ID_INVALID",
    `${text} is no order id: 0x and 64 hexadecimal digits, as put prints it.`,
  );
}

/** What a user may name an object by: an order id, else a name. */
export function referenceOf(text: string): { orderId: Hex } | { name: string } {
  return /^0x[0-9a-fA-F]{64}$/.test(text) ? { orderId: text.toLowerCase() as Hex } : { name: text };
}
