import { epochAt } from "./epochs.ts";
import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import { type GroupDraft, known } from "./groupDraft.ts";
import type { KeeperInfo, ProviderInfo } from "./groupTypes.ts";
import { withFormer } from "./operators.ts";

/** `Role.Provider` of the contracts. */
const PROVIDER_ROLE = 0;

/** Applies an event of `Staking`. */
export function applyStaking(
  draft: GroupDraft,
  block: FinalBlock,
  log: Extract<GroupLog, { contract: "staking" }>,
): void {
  switch (log.eventName) {
    case "ProviderRegistered": {
      const { providerId, owner, operator, domain, ask, repairs, endpoint } = log.args;
      const fresh = {
        formerOperators: [],
        stake: 0n,
        locked: 0n,
        lockedAnew: { epoch: 0, amount: 0n },
        jailedUntil: 0,
        exiting: false,
        registeredAt: block.number,
      };
      announceProvider(draft, { id: providerId, owner, operator, domain, ask, repairs, endpoint, ...fresh });
      return;
    }
    case "ProviderUpdated": {
      const { providerId, domain, ask, repairs, endpoint } = log.args;
      const provider = known(draft.state.providers, providerId);
      announceProvider(draft, { ...provider, domain, ask, repairs, endpoint });
      return;
    }
    case "ProviderExiting": {
      const { providerId, exiting } = log.args;
      announceProvider(draft, { ...known(draft.state.providers, providerId), exiting });
      return;
    }
    case "ProviderJailed": {
      const { providerId, untilEpoch } = log.args;
      announceProvider(draft, { ...known(draft.state.providers, providerId), jailedUntil: untilEpoch });
      return;
    }
    case "OperatorChanged": {
      const { role, id, operator, former } = log.args;
      if (role !== PROVIDER_ROLE) {
        announceKeeper(draft, { ...known(draft.state.keepers, id), operator });
        return;
      }
      const provider = known(draft.state.providers, id);
      const formerOperators = withFormer(provider.formerOperators, former, block.timestamp);
      announceProvider(draft, { ...provider, operator, formerOperators });
      return;
    }
    case "OwnershipTransferred": {
      const { role, id, to: owner } = log.args;
      if (role === PROVIDER_ROLE) announceProvider(draft, { ...known(draft.state.providers, id), owner });
      else announceKeeper(draft, { ...known(draft.state.keepers, id), owner });
      return;
    }
    case "StakeDeposited":
    case "UnbondingRequested": {
      const { role, id, stake } = log.args;
      if (role === PROVIDER_ROLE) changeStake(draft, id, { stake });
      return;
    }
    case "CollateralLocked": {
      const { providerId, amount } = log.args;
      const { locked, lockedAnew: before } = known(draft.state.providers, providerId);
      const epoch = epochAt(draft.state.parameters, block.timestamp);
      const lockedAnew = { epoch, amount: (before.epoch === epoch ? before.amount : 0n) + amount };
      changeStake(draft, providerId, { locked: locked + amount, lockedAnew });
      return;
    }
    case "CollateralReleased": {
      const { providerId, amount } = log.args;
      changeStake(draft, providerId, { locked: lockedOf(draft, providerId) - amount });
      return;
    }
    case "ProviderSlashed": {
      const { providerId, amount, stake } = log.args;
      changeStake(draft, providerId, { stake, locked: lockedOf(draft, providerId) - amount });
      return;
    }
    case "KeeperRegistered": {
      const { keeperId, owner, operator, seat, endpoint } = log.args;
      announceKeeper(draft, { id: keeperId, owner, operator, seat, endpoint, slashed: false });
      return;
    }
    case "KeeperUpdated": {
      const { keeperId, endpoint } = log.args;
      announceKeeper(draft, { ...known(draft.state.keepers, keeperId), endpoint });
      return;
    }
    case "KeeperSeated": {
      const { keeperId, seat } = log.args;
      announceKeeper(draft, { ...known(draft.state.keepers, keeperId), seat });
      return;
    }
    case "KeeperUnseated": {
      announceKeeper(draft, { ...known(draft.state.keepers, log.args.keeperId), seat: undefined });
      return;
    }
    case "KeeperSlashed": {
      const keeper = known(draft.state.keepers, log.args.keeperId);
      announceKeeper(draft, { ...keeper, seat: undefined, slashed: true });
      return;
    }
  }
}

function lockedOf(draft: GroupDraft, provider: number): bigint {
  return known(draft.state.providers, provider).locked;
}

/** Stake and collateral change with every order: that is no news about the provider. */
function changeStake(
  draft: GroupDraft,
  provider: number,
  amounts: Partial<Pick<ProviderInfo, "stake" | "locked" | "lockedAnew">>,
): void {
  draft.set("providers", provider, { ...known(draft.state.providers, provider), ...amounts });
}

function announceProvider(draft: GroupDraft, provider: ProviderInfo): void {
  draft.set("providers", provider.id, provider);
  draft.milestones.push({ type: "providerChanged", provider });
}

function announceKeeper(draft: GroupDraft, keeper: KeeperInfo): void {
  draft.set("keepers", keeper.id, keeper);
  draft.milestones.push({ type: "keeperChanged", keeper });
}
