import type { Address, Hex, PublicClient } from "viem";
import { allowancesAbi } from "../../protocol/abi/generated/Allowances.ts";
import type { RenewalTerms } from "../../protocol/chain/allowanceTypes.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import { inBlockRanges } from "./eventLogs.ts";

/** What somebody may spend of a payer's balance. */
export type AgentAllowance = {
  readonly agent: Address;
  /** Token wei that are left. */
  readonly budget: bigint;
  /** Unix seconds of chain time from which nothing more can be spent. */
  readonly expiresAt: bigint;
};

/** What the client reads of a group's `Allowances`. */
export type AllowanceView = {
  agentOf(payer: Address, agent: Address): Promise<AgentAllowance>;
  /** Everybody that a payer ever allowed something, with what is left of it. */
  agents(payer: Address): Promise<AgentAllowance[]>;
  /** Terms on which an order may go on; undefined when there are none. */
  renewalOf(payer: Address, orderId: Hex): Promise<Omit<RenewalTerms, "payer" | "orderId"> | undefined>;
  /** Token wei that a channel of vouchers has paid so far. */
  redeemed(payer: Address, providerId: number, channel: bigint): Promise<bigint>;
};

/** Reads `Allowances` through a node. */
export function createAllowanceView(options: {
  client: PublicClient;
  group: Pick<DeployedGroup, "allowances" | "startBlock">;
}): AllowanceView {
  const { client, group } = options;
  const allowances = { address: group.allowances, abi: allowancesAbi } as const;

  const agentOf = async (payer: Address, agent: Address): Promise<AgentAllowance> => {
    const args = [payer, agent] as const;
    const { budget, expiresAt } = await client.readContract({ ...allowances, functionName: "agentOf", args });
    return { agent, budget, expiresAt };
  };

  return {
    agentOf,
    async agents(payer) {
      const events = await inBlockRanges(client, BigInt(group.startBlock), (fromBlock, toBlock) => {
        const range = { fromBlock, toBlock, args: { payer }, strict: true } as const;
        return client.getContractEvents({ ...allowances, ...range, eventName: "AgentApproved" });
      });
      const agents = new Set(events.map(({ args }) => args.agent));
      return Promise.all([...agents].map((agent) => agentOf(payer, agent)));
    },
    async renewalOf(payer, orderId) {
      const args = [payer, orderId] as const;
      const terms = await client.readContract({ ...allowances, functionName: "renewalOf", args });
      return terms.left === 0 ? undefined : terms;
    },
    redeemed: (payer, providerId, channel) =>
      client.readContract({ ...allowances, functionName: "redeemed", args: [payer, providerId, channel] }),
  };
}
