import type { Address, ContractEventName, GetContractEventsReturnType, Hex, PublicClient } from "viem";
import { disputesAbi } from "../../protocol/abi/generated/Disputes.ts";
import { contractError } from "../../protocol/chain/contractErrors.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import type { Ticket } from "../../protocol/chain/disputeTypes.ts";
import { MemoError } from "../../protocol/errors.ts";
import type { Order } from "../../protocol/order.ts";
import { inBlockRanges } from "./eventLogs.ts";

/** A record of shards that a provider is said to have lost. */
export type LostRecord = {
  readonly provider: number;
  readonly epoch: number;
  readonly part: number;
  /** `open`: can be appealed or, after the deadline, closed. `protected`, `appealed`: nothing will be slashed. */
  readonly status: "open" | "protected" | "appealed" | "closed";
  /** Unix seconds of chain time. */
  readonly deadline: number;
  readonly entries: readonly {
    readonly orderId: Hex;
    readonly slot: number;
    readonly stripe: number;
    readonly until: number;
  }[];
};

export type ChallengeOutcome =
  | { readonly answered: true; readonly by: Address; readonly reimbursed: bigint }
  | { readonly answered: false; readonly evicted: boolean; readonly reward: bigint };

export type DirectChallenge = { readonly ticket: Ticket; readonly outcome: ChallengeOutcome | undefined };

/** What became of the collateral of a slot that was taken from its holder. */
export type CollateralEnd = {
  readonly orderId: Hex;
  readonly slot: number;
  readonly until: number;
  readonly provider: number;
  readonly slashed: boolean;
  /** Of what was slashed; token wei. */
  readonly toPayer: bigint;
};

/** All that was disputed in a group since some block. */
export type DisputeLog = {
  readonly records: readonly LostRecord[];
  readonly challenges: readonly DirectChallenge[];
  readonly collateral: readonly CollateralEnd[];
};

/** What the client reads of a group's `Disputes`. */
export type DisputeView = {
  /**
   * Bond that `challenger` has to send for a direct challenge now, native wei.
   * @throws CONTRACT_ChallengeTooLate when nobody has to answer any more
   */
  bondOf(order: Order, slot: number, challenger: Address): Promise<bigint>;
  /** A direct challenge by number. @throws CHALLENGE_NOT_FOUND */
  challenge(id: bigint): Promise<DirectChallenge>;
  since(block: number): Promise<DisputeLog>;
};

type DisputeEvent = GetContractEventsReturnType<
  typeof disputesAbi,
  ContractEventName<typeof disputesAbi>,
  true
>[number];

/** Reads the events of `Disputes` into what they say together; pure. */
export function readDisputes(events: readonly DisputeEvent[]): DisputeLog {
  const records = new Map<string, LostRecord>();
  const challenges = new Map<bigint, DirectChallenge>();
  const collateral: CollateralEnd[] = [];
  const mark = (
    { providerId, epoch, part }: { providerId: number; epoch: number; part: number },
    status: LostRecord["status"],
  ) => {
    const key = `${providerId} ${epoch} ${part}`;
    const record = records.get(key);
    if (record) records.set(key, { ...record, status });
  };
  const end = (id: bigint, outcome: ChallengeOutcome) => {
    const challenge = challenges.get(id);
    if (challenge) challenges.set(id, { ...challenge, outcome });
  };
  for (const { eventName, args } of events) {
    switch (eventName) {
      case "LostRecorded": {
        const { providerId: provider, epoch, part, isProtected, deadline, entries } = args;
        const status = isProtected ? "protected" : "open";
        const record = { provider, epoch, part, status, deadline: Number(deadline), entries } as const;
        records.set(`${provider} ${epoch} ${part}`, record);
        break;
      }
      case "AppealAccepted":
        mark(args, "appealed");
        break;
      case "RecordClosed":
        mark(args, "closed");
        break;
      case "ChallengeOpened":
        challenges.set(args.id, { ticket: args.ticket, outcome: undefined });
        break;
      case "ChallengeAnswered":
        end(args.id, { answered: true, by: args.by, reimbursed: args.reimbursed });
        break;
      case "ChallengeUnanswered":
        end(args.id, { answered: false, evicted: args.evicted, reward: args.reward });
        break;
      case "CollateralSlashed": {
        const { orderId, slot, until, providerId: provider, toPayer } = args;
        collateral.push({ orderId, slot, until, provider, slashed: true, toPayer });
        break;
      }
      case "CollateralSpared": {
        const { orderId, slot, until, providerId: provider } = args;
        collateral.push({ orderId, slot, until, provider, slashed: false, toPayer: 0n });
        break;
      }
    }
  }
  return { records: [...records.values()], challenges: [...challenges.values()], collateral };
}

export function createDisputeView(options: {
  client: PublicClient;
  group: Pick<DeployedGroup, "disputes" | "startBlock">;
}): DisputeView {
  const { client, group } = options;
  const disputes = { address: group.disputes, abi: disputesAbi } as const;

  return {
    async bondOf(order, slot, challenger) {
      try {
        return await client.readContract({
          ...disputes,
          functionName: "bondOf",
          args: [order, slot, challenger],
        });
      } catch (error) {
        throw contractError(error, "bondOf");
      }
    },

    async challenge(id) {
      const numbered = { ...disputes, args: { id }, strict: true } as const;
      const events = await inBlockRanges(client, BigInt(group.startBlock), async (fromBlock, toBlock) => {
        const range = { ...numbered, fromBlock, toBlock };
        const [opened, answered, unanswered] = await Promise.all([
          client.getContractEvents({ ...range, eventName: "ChallengeOpened" }),
          client.getContractEvents({ ...range, eventName: "ChallengeAnswered" }),
          client.getContractEvents({ ...range, eventName: "ChallengeUnanswered" }),
        ]);
        return [...opened, ...answered, ...unanswered];
      });
      const [challenge] = readDisputes(events).challenges;
      if (challenge) return challenge;
      throw new MemoError("CHALLENGE_NOT_FOUND", `There is no direct challenge ${id} in this group.`, {
        details: { id },
      });
    },

    async since(block) {
      const events = await inBlockRanges(client, BigInt(block), (fromBlock, toBlock) =>
        client.getContractEvents({ ...disputes, fromBlock, toBlock, strict: true }),
      );
      return readDisputes(events);
    },
  };
}
