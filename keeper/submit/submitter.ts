import { type Address, bytesToHex, concat, type Hex, isAddressEqual, type PublicClient } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import { MemoError } from "../../protocol/errors.ts";
import { exceptionChunks, exceptionsOf } from "../../protocol/results/exceptions.ts";
import type { ResultLeaf } from "../../protocol/results/results.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import { submissionOrder } from "../consensus/schedule.ts";
import type { EpochRecord } from "../store.ts";

/** Exceptions applied by one transaction. */
const CHUNK = 50;
/** Duties whose first sight is remembered. */
const DUTIES_REMEMBERED = 256;

/** Brings certificates and exceptions on chain, each keeper in its turn. */
export type Submitter = {
  /** A decided epoch whose certificate has to come on chain. */
  decided(record: EpochRecord, seed: Hex, self: number, members: number): void;
  /** Looks whether it is this keeper's turn for anything; call after every final block. */
  tick(block: number): void;
  /** Submissions that are being prepared and not sent yet. */
  preparing(): number;
  /** Resolves when nothing is being sent. */
  settled(): Promise<void>;
};

type Duty = {
  readonly record: EpochRecord;
  /** Place in the order of submission. */
  readonly rank: number;
  /** Final block at which it was first seen. */
  readonly since: number;
};

/** Creates the submitter. */
export function createSubmitter(options: {
  publicClient: PublicClient;
  transactor: Transactor;
  settlement: Address;
  operator: Address;
  state: () => GroupState;
  /** Certified results of an epoch, if this keeper has them. */
  resultsOf: (epoch: number) => readonly ResultLeaf[] | undefined;
  /** Seed of an epoch and this keeper's place in its roster. */
  placeOf: (epoch: number) => { seed: Hex; self: number; members: number } | undefined;
  /** Blocks after which the next in the order steps in. */
  standbyBlocks: number;
  onSubmitted?: (what: "certificate" | "exceptions" | "lapse" | "roster", gas: bigint) => void;
  signal: AbortSignal;
  logger: Logger;
}): Submitter {
  const { publicClient, transactor, settlement, standbyBlocks, signal, logger } = options;
  const contract = { address: settlement, abi: challengeSettlementAbi } as const;
  const duties = new Map<number, Duty>();
  const firstSeen = new Map<string, number>();
  const busy = new Map<string, Promise<void>>();

  /** Runs a task unless the same one is running; what fails is tried again in a later block. */
  const once = (name: string, task: () => Promise<void>) => {
    if (busy.has(name) || signal.aborted) return;
    const running = task()
      .catch((error: unknown) => {
        if (signal.aborted) return;
        const code = error instanceof MemoError ? error.code : "UNEXPECTED";
        logger.warn({ duty: name, code, error }, "a submission failed");
      })
      .finally(() => busy.delete(name));
    busy.set(name, running);
  };

  const isTurn = (name: string, rank: number, block: number) => {
    const since = firstSeen.get(name) ?? block;
    firstSeen.set(name, since);
    if (firstSeen.size > DUTIES_REMEMBERED) firstSeen.delete(firstSeen.keys().next().value!);
    return block >= since + rank * standbyBlocks;
  };

  async function certify({ record }: Duty): Promise<void> {
    const { certificate, signers, signatures } = record;
    const last = await publicClient.readContract({ ...contract, functionName: "lastCertified" });
    if (last >= certificate.epoch) return;
    const { gasUsed } = await transactor.send({
      ...contract,
      functionName: "certify",
      args: [certificate, signers, bytesToHex(concat([...signatures]))],
      signal,
    });
    logger.info({ epoch: certificate.epoch, gas: Number(gasUsed) }, "certificate submitted");
    options.onSubmitted?.("certificate", gasUsed);
  }

  /** Applies the exceptions of the epoch that is next to finish, or lets it lapse when its time is over. */
  async function finish(block: number): Promise<void> {
    const count = await publicClient.readContract({ ...contract, functionName: "pendingCount" });
    if (count === 0n) return;
    const next = await publicClient.readContract({ ...contract, functionName: "pendingAt", args: [0n] });
    const rank = rankFor(next.epoch);
    if (rank === undefined) return;
    if (next.exceptions === 0) {
      if (!isTurn(`finish ${next.epoch}`, rank, block)) return;
      await transactor.send({ ...contract, functionName: "finish", args: [], signal });
      return;
    }
    const results = options.resultsOf(next.epoch);
    if (results === undefined) return lapse(next, rank, block);
    if (!isTurn(`apply ${next.epoch}`, rank, block)) return;
    const chunks = exceptionChunks(exceptionsOf(results), next.applied, CHUNK);
    for (const { from, leaves, proof } of chunks) {
      const { gasUsed } = await transactor.send({
        ...contract,
        functionName: "applyExceptions",
        args: [next.epoch, [...leaves], [...proof]],
        signal,
      });
      logger.info(
        { epoch: next.epoch, from, leaves: leaves.length, gas: Number(gasUsed) },
        "exceptions applied",
      );
      options.onSubmitted?.("exceptions", gasUsed);
    }
  }

  async function lapse(
    next: { epoch: number; certifiedAt: number; certifiedAtBlock: number },
    rank: number,
    block: number,
  ): Promise<void> {
    const { head, parameters } = options.state();
    const over =
      head !== undefined &&
      head.timestamp > next.certifiedAt + parameters.applyWindow &&
      head.number > next.certifiedAtBlock + parameters.applyWindowBlocks;
    if (!over || !isTurn(`lapse ${next.epoch}`, rank, block)) return;
    const { gasUsed } = await transactor.send({
      ...contract,
      functionName: "lapse",
      args: [next.epoch],
      signal,
    });
    options.onSubmitted?.("lapse", gasUsed);
  }

  /** The certificate's submitter does what comes after it; the others follow in their order. */
  function rankFor(epoch: number): number | undefined {
    const place = options.placeOf(epoch);
    const certificate = options.state().certificates.get(epoch);
    if (place === undefined || certificate === undefined) return undefined;
    if (isAddressEqual(certificate.submitter, options.operator)) return 0;
    return 1 + submissionOrder(place.seed, certificate.round, place.members).indexOf(place.self);
  }

  async function rotate(): Promise<void> {
    const { gasUsed } = await transactor.send({ ...contract, functionName: "rotate", args: [], signal });
    logger.info("roster rotated");
    options.onSubmitted?.("roster", gasUsed);
  }

  return {
    decided(record, seed, self, members) {
      const rank = submissionOrder(seed, record.certificate.round, members).indexOf(self);
      const since = options.state().head?.number ?? 0;
      const duty = { record, rank, since };
      duties.set(record.epoch, duty);
      if (rank === 0) once(`certify ${record.epoch}`, () => certify(duty));
    },
    tick(block) {
      const state = options.state();
      for (const [epoch, duty] of duties) {
        if (state.lastCertified >= epoch) duties.delete(epoch);
        else if (block >= duty.since + duty.rank * standbyBlocks)
          once(`certify ${epoch}`, () => certify(duty));
      }
      if (state.lastCertified > state.lastFinished) once("finish", () => finish(block));
      const due = rotationDue(state, options.operator);
      if (due !== undefined && isTurn(`rotate ${due.term}`, due.rank, block)) once("rotate", rotate);
    },
    // What is sent waits for blocks; only what comes before is a duty that no block helps.
    preparing: () => Math.max(0, busy.size - transactor.pending()),
    settled: async () => {
      await Promise.all(busy.values());
    },
  };
}

/** The term whose roster has to be written now, and this keeper's turn among the seated ones. */
export function rotationDue(
  state: GroupState,
  operator: Address,
): { term: number; rank: number } | undefined {
  const { head, parameters, rosters, keepers } = state;
  if (head === undefined) return undefined;
  const epoch = Math.floor((head.timestamp - parameters.genesis) / parameters.epochLength);
  const seated = [...keepers.values()].filter(({ seat }) => seat !== undefined).sort((a, b) => a.id - b.id);
  const rank = seated.findIndex((keeper) => isAddressEqual(keeper.operator, operator));
  if (rank === -1 || seated.length < 4 || epoch < 0) return undefined;
  const term = Math.floor(epoch / parameters.termLength);
  if (rosters.size === 0) return { term, rank: rank + 1 };
  const isLast = (epoch + 1) % parameters.termLength === 0;
  return isLast && !rosters.has(term + 1) ? { term: term + 1, rank } : undefined;
}
