import { type Address, bytesToHex, concat, type Hex, isAddressEqual, type PublicClient } from "viem";
import { challengeSettlementAbi } from "../../protocol/abi/generated/ChallengeSettlement.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import type { GroupState } from "../../protocol/chain/groupTypes.ts";
import type { Transactor } from "../../protocol/chain/transactor.ts";
import type { ExceptionLeaf } from "../../protocol/results/exceptions.ts";
import type { Logger } from "../../protocol/runtime/logger.ts";
import type { Journal } from "../consensus/journal.ts";
import { submissionOrder } from "../consensus/schedule.ts";
import type { EpochRecord } from "../store.ts";
import { createDisputeDuties } from "./disputeDuties.ts";
import { createFinishing } from "./finishing.ts";
import { rotationDue } from "./rotation.ts";
import { createTurns } from "./turns.ts";

/** Brings certificates and what follows from them on chain, each keeper in its turn. */
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

/** What transactions are for. */
export type Submission =
  | "certificate"
  | "exceptions"
  | "lapse"
  | "roster"
  | "settle"
  | "closeRecord"
  | "equivocation";
export type Submitted = (what: Submission, gas: bigint) => void;

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
  group: Pick<DeployedGroup, "settlement" | "orders" | "disputes">;
  operator: Address;
  state: () => GroupState;
  /** Certified exceptions of an epoch, if this keeper has them. */
  exceptionsOf: (epoch: number) => readonly ExceptionLeaf[] | undefined;
  /** Seed of an epoch and this keeper's place in its roster. */
  placeOf: (epoch: number) => { seed: Hex; self: number; members: number } | undefined;
  journal: Pick<Journal, "equivocations" | "dropEquivocation">;
  /** Blocks after which the next in the order steps in. */
  standbyBlocks: number;
  onSubmitted?: Submitted;
  signal: AbortSignal;
  logger: Logger;
}): Submitter {
  const { publicClient, transactor, group, standbyBlocks, signal, logger } = options;
  const { settlement, orders, disputes } = group;
  const contract = { address: settlement, abi: challengeSettlementAbi } as const;
  const duties = new Map<number, Duty>();
  const turns = createTurns({ standbyBlocks, signal, logger });
  const onSubmitted: Submitted = (what, gas) => options.onSubmitted?.(what, gas);
  const common = { ...options, turns, onSubmitted };
  const finish = createFinishing({ ...common, settlement, orders, rankFor });
  const tickDisputes = createDisputeDuties({ ...common, disputes, settlement });

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
    onSubmitted("certificate", gasUsed);
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
    onSubmitted("roster", gasUsed);
  }

  return {
    decided(record, seed, self, members) {
      const rank = submissionOrder(seed, record.certificate.round, members).indexOf(self);
      const since = options.state().head?.number ?? 0;
      const duty = { record, rank, since };
      duties.set(record.epoch, duty);
      if (rank === 0) turns.once(`certify ${record.epoch}`, () => certify(duty));
    },
    tick(block) {
      const state = options.state();
      for (const [epoch, duty] of duties) {
        if (state.lastCertified >= epoch) duties.delete(epoch);
        else if (block >= duty.since + duty.rank * standbyBlocks)
          turns.once(`certify ${epoch}`, () => certify(duty));
      }
      if (state.lastCertified > state.lastFinished) turns.once("finish", () => finish(block));
      const due = rotationDue(state, options.operator);
      if (due !== undefined && turns.isTurn(`rotate ${due.term}`, due.rank, block))
        turns.once("rotate", rotate);
      tickDisputes(block);
    },
    // What is sent waits for blocks; only what comes before is a duty that no block helps.
    preparing: () => Math.max(0, turns.running() - transactor.pending()),
    settled: turns.settled,
  };
}
