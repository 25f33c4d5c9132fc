import { type Address, bytesToHex, type Hex, isAddressEqual } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { type LostRecordInfo, lostKey } from "../../protocol/chain/disputeTypes.ts";
import { type GroupState, rosterOf } from "../../protocol/chain/groupTypes.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { slotKey } from "../../protocol/challenge/sample.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { Equivocation } from "../consensus/equivocation.ts";
import type { Journal } from "../consensus/journal.ts";
import type { Submitted } from "./submitter.ts";
import type { Turns } from "./turns.ts";

/** Closed records that are remembered until the chain's final state has them. */
const CLOSED_REMEMBERED = 256;

/**
 * Whether a record's window is over at the last final block. What is spared stays locked while anybody waits for
 * an answer about the slot.
 */
export function isClosable({ head, directChallenges }: GroupState, record: LostRecordInfo): boolean {
  const { status, deadline, deadlineBlock, entries } = record;
  if (status === "closed" || head === undefined) return false;
  if (head.timestamp <= deadline || head.number <= deadlineBlock) return false;
  if (status === "open") return true;
  const tickets = [...directChallenges.values()].map(({ ticket }) => ticket);
  const own = tickets.filter(({ providerId }) => providerId === record.provider);
  const challenged = new Set(own.map(slotKey));
  return !entries.some((entry) => challenged.has(slotKey(entry)));
}

/** What keepers bring on chain about disputes, each in its turn; call after every final block. */
export function createDisputeDuties(deps: {
  transactor: Transactor;
  disputes: Address;
  settlement: Address;
  operator: Address;
  state: () => GroupState;
  journal: Pick<Journal, "equivocations" | "dropEquivocation">;
  turns: Turns;
  onSubmitted: Submitted;
  signal: AbortSignal;
  logger: Logger;
}): (block: number) => void {
  const { transactor, operator, journal, turns, onSubmitted, signal, logger } = deps;
  const contract = { address: deps.disputes, abi: disputesAbi } as const;
  const settlement = { address: deps.settlement, abi: challengeSettlementAbi } as const;
  /** Block that closed a record: until it is final, the state does not know. */
  const closedAt = new Map<string, number>();

  /** Slashes the entries of a record nobody appealed in time, or frees their collateral. */
  async function close(record: LostRecordInfo): Promise<void> {
    const { provider, epoch, part, entries } = record;
    const { orders } = deps.state();
    const ids = [...new Set(entries.map(({ orderId }) => orderId.toLowerCase() as Hex))].sort();
    const { gasUsed, blockNumber } = await transactor.send({
      ...contract,
      functionName: "closeRecord",
      args: [provider, epoch, part, entries, ids.flatMap((id) => orders.get(id)?.order ?? [])],
      signal,
    });
    closedAt.set(lostKey(record), Number(blockNumber));
    if (closedAt.size > CLOSED_REMEMBERED) closedAt.delete(closedAt.keys().next().value!);
    logger.info({ provider, epoch, part }, "lost record closed");
    onSubmitted("closeRecord", gasUsed);
  }

  async function report(equivocation: Equivocation, keeperId: number): Promise<void> {
    const { first, second } = equivocation;
    try {
      const { gasUsed } = await transactor.send({
        ...settlement,
        functionName: "reportEquivocation",
        args: [
          first.certificate,
          second.certificate,
          first.member,
          bytesToHex(first.signature),
          bytesToHex(second.signature),
        ],
        signal,
      });
      logger.info({ keeperId, epoch: first.certificate.epoch }, "two commits of one round reported");
      onSubmitted("equivocation", gasUsed);
    } catch (error) {
      // What the contract refuses now it will refuse later, too.
      if (!(error instanceof MemoError && error.code.startsWith("CONTRACT_"))) throw error;
      logger.warn({ keeperId, error }, "two commits of one round are not to be punished");
    }
    journal.dropEquivocation(equivocation);
  }

  /** Rosters tell whose turn it is; who is on none comes last. */
  const rankAfter = (term: number, offset: number): number => {
    const operators = rosterOf(deps.state(), term)?.operators ?? [];
    const self = operators.findIndex((address) => isAddressEqual(address, operator));
    return self === -1
      ? operators.length
      : (self - (offset % operators.length) + operators.length) % operators.length;
  };

  return (block) => {
    const { lost, parameters, keepers } = deps.state();
    for (const record of lost.values()) {
      const { provider, epoch } = record;
      if (!isClosable(deps.state(), record) || (closedAt.get(lostKey(record)) ?? -1) >= block) continue;
      const duty = `close ${lostKey(record)}`;
      const rank = rankAfter(Math.floor(epoch / parameters.termLength), provider);
      if (turns.isTurn(duty, rank, block)) turns.once(duty, () => close(record));
    }
    for (const equivocation of journal.equivocations()) {
      const { certificate, member } = equivocation.first;
      const keeperId = rosterOf(deps.state(), certificate.term)?.keeperIds[member];
      const isSettled = keeperId === undefined || keepers.get(keeperId)?.slashed === true;
      if (isSettled) {
        journal.dropEquivocation(equivocation);
        continue;
      }
      const duty = `report ${certificate.epoch}/${certificate.round}/${member}`;
      const rank = rankAfter(certificate.term, member + 1);
      if (turns.isTurn(duty, rank, block)) turns.once(duty, () => report(equivocation, keeperId));
    }
  };
}
