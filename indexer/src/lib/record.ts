import type { Context } from "ponder:registry";
import { contract, gasUse, hashCheckpoint, transaction } from "ponder:schema";
import type { Hex } from "viem";
import { type ContractName, functionName, INDIRECT } from "./calls.ts";
import { EMPTY_ROLLING_HASH, nextRollingHash, type RawLog } from "./rollingHash.ts";

export type Db = Context["db"];

/** What every handler needs of its event, whatever its arguments. */
export type ChainEvent = {
  readonly block: { readonly number: bigint; readonly timestamp: bigint };
  readonly log: RawLog & { readonly address: Hex; readonly logIndex: number };
  readonly transaction: {
    readonly hash: Hex;
    readonly from: Hex;
    readonly to: Hex | null;
    readonly input: Hex;
  };
  readonly transactionReceipt: { readonly gasUsed: bigint; readonly effectiveGasPrice: bigint };
};

/** Columns that say which event made a row. */
export type Stamp = { readonly block: number; readonly timestamp: bigint; readonly transactionHash: Hex };

export function stampOf(event: ChainEvent): Stamp {
  return {
    block: Number(event.block.number),
    timestamp: event.block.timestamp,
    transactionHash: event.transaction.hash,
  };
}

/** Id of what may happen to a thing more than once. */
export function eventId(id: string, event: ChainEvent): string {
  return `${id}-${event.block.number}-${event.log.logIndex}`;
}

/**
 * Does what is the same for every event: rolls the hash of its contract on, and keeps the transaction and
 * its gas once. Every handler calls it first, so that a handler that is missing shows in the hash.
 *
 * @returns the group of the emitting contract; of `GroupFactory`, which has none, its own address.
 */
export async function record(db: Db, event: ChainEvent, name: ContractName): Promise<Hex> {
  const address = event.log.address;
  const known = await db.find(contract, { id: address });
  const row = {
    rollingHash: nextRollingHash(known?.rollingHash ?? EMPTY_ROLLING_HASH, event.log),
    events: (known?.events ?? 0) + 1,
    lastBlock: Number(event.block.number),
    lastLogIndex: event.log.logIndex,
  };
  await db
    .insert(contract)
    .values({ id: address, name, ...row })
    .onConflictDoUpdate(row);
  const checkpoint = { rollingHash: row.rollingHash, events: row.events };
  await db
    .insert(hashCheckpoint)
    .values({
      id: `${address}-${row.lastBlock}`,
      contractAddress: address,
      block: row.lastBlock,
      ...checkpoint,
    })
    .onConflictDoUpdate(checkpoint);
  await recordTransaction(db, event, known?.groupAddress ?? null);
  return known?.groupAddress ?? address;
}

async function recordTransaction(db: Db, event: ChainEvent, groupAddress: Hex | null): Promise<void> {
  const { hash, from, to, input } = event.transaction;
  if ((await db.find(transaction, { id: hash })) !== null) return;
  const target = to === null ? null : await db.find(contract, { id: to });
  const contractName = (target?.name as ContractName | undefined) ?? INDIRECT;
  const name = functionName(contractName === INDIRECT ? undefined : contractName, to, input);
  const callId = `${contractName}.${name}`;
  const gasUsed = Number(event.transactionReceipt.gasUsed);
  await db.insert(transaction).values({
    id: hash,
    callId,
    contractName,
    functionName: name,
    sender: from,
    recipient: to,
    groupAddress,
    gasUsed,
    gasPrice: event.transactionReceipt.effectiveGasPrice,
    block: Number(event.block.number),
    timestamp: event.block.timestamp,
  });
  await db
    .insert(gasUse)
    .values({
      ...{ id: callId, contractName, functionName: name },
      ...{ count: 1, total: BigInt(gasUsed), average: gasUsed, least: gasUsed, most: gasUsed, last: gasUsed },
    })
    .onConflictDoUpdate((row) => ({
      count: row.count + 1,
      total: row.total + BigInt(gasUsed),
      average: Math.round(Number(row.total + BigInt(gasUsed)) / (row.count + 1)),
      least: Math.min(row.least, gasUsed),
      most: Math.max(row.most, gasUsed),
      last: gasUsed,
    }));
}
