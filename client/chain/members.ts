import type { PublicClient } from "viem";
import { stakingAbi } from "../../protocol/abi/generated/Staking.ts";
import type { DeployedGroup } from "../../protocol/chain/deployment.ts";
import type { KeeperInfo, ProviderInfo } from "../../protocol/chain/groupTypes.ts";
import { inBlockRanges } from "./eventLogs.ts";

/** What a provider has published. */
export type ListedProvider = Omit<
  ProviderInfo,
  "stake" | "locked" | "lockedAnew" | "registeredAt" | "formerOperators"
>;
/** What a keeper has published. */
export type ListedKeeper = Pick<KeeperInfo, "id" | "endpoint" | "seat" | "slashed">;

export type Members = {
  readonly providers: ReadonlyMap<number, ListedProvider>;
  readonly keepers: ReadonlyMap<number, ListedKeeper>;
};

/** `Role.Provider` of the contracts. */
const PROVIDER_ROLE = 0;

/** Reads who belongs to a group from the events of its `Staking`. */
export async function readMembers(
  client: PublicClient,
  group: Pick<DeployedGroup, "staking" | "startBlock">,
): Promise<Members> {
  const logs = await inBlockRanges(client, BigInt(group.startBlock), (fromBlock, toBlock) =>
    client.getContractEvents({ address: group.staking, abi: stakingAbi, fromBlock, toBlock, strict: true }),
  );
  const providers = new Map<number, ListedProvider>();
  const keepers = new Map<number, ListedKeeper>();
  const change = <Member>(members: Map<number, Member>, id: number, news: Partial<Member>) => {
    const known = members.get(id);
    if (known) members.set(id, { ...known, ...news });
  };
  for (const { eventName, args } of logs) {
    switch (eventName) {
      case "ProviderRegistered": {
        const { providerId: id, ...facts } = args;
        providers.set(id, { id, ...facts, exiting: false, jailedUntil: 0 });
        break;
      }
      case "ProviderUpdated": {
        const { providerId, ...facts } = args;
        change(providers, providerId, facts);
        break;
      }
      case "ProviderExiting":
        change(providers, args.providerId, { exiting: args.exiting });
        break;
      case "ProviderJailed":
        change(providers, args.providerId, { jailedUntil: args.untilEpoch });
        break;
      case "OperatorChanged":
        if (args.role === PROVIDER_ROLE) change(providers, args.id, { operator: args.operator });
        break;
      case "OwnershipTransferred":
        if (args.role === PROVIDER_ROLE) change(providers, args.id, { owner: args.to });
        break;
      case "KeeperRegistered":
        keepers.set(args.keeperId, {
          id: args.keeperId,
          endpoint: args.endpoint,
          seat: args.seat,
          slashed: false,
        });
        break;
      case "KeeperUpdated":
        change(keepers, args.keeperId, { endpoint: args.endpoint });
        break;
      case "KeeperSeated":
        change(keepers, args.keeperId, { seat: args.seat });
        break;
      case "KeeperUnseated":
        change(keepers, args.keeperId, { seat: undefined });
        break;
      case "KeeperSlashed":
        change(keepers, args.keeperId, { seat: undefined, slashed: true });
        break;
    }
  }
  return { providers, keepers };
}
