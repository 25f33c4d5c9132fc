import type { Hex } from "viem";
import { MemoError } from "../errors.ts";
import type { FinalBlock, GroupLog } from "./groupContracts.ts";
import type {
  CertificateInfo,
  GroupState,
  KeeperInfo,
  Milestone,
  OrderInfo,
  ProviderInfo,
  Roster,
} from "./groupTypes.ts";

type Applied = { readonly state: GroupState; readonly milestones: readonly Milestone[] };
type LogNamed<Name> = Extract<GroupLog, { eventName: Name }>;

/** Applies one event to a group; events that only move money leave it as it is. */
export function applyLog(state: GroupState, block: FinalBlock, log: GroupLog): Applied {
  switch (log.contract) {
    case "staking":
      return applyStaking(state, log);
    case "orders":
      return applyOrders(state, block, log);
    case "settlement":
      return applySettlement(state, block, log);
  }
}

function applyStaking(state: GroupState, log: Extract<GroupLog, { contract: "staking" }>): Applied {
  switch (log.eventName) {
    case "ProviderRegistered": {
      const { providerId, owner, operator, domain, ask, repairs, endpoint } = log.args;
      return withProvider(state, { id: providerId, owner, operator, domain, ask, repairs, endpoint });
    }
    case "ProviderUpdated": {
      const { providerId, domain, ask, repairs, endpoint } = log.args;
      return withProvider(state, { ...known(state.providers, providerId), domain, ask, repairs, endpoint });
    }
    case "KeeperRegistered": {
      const { keeperId, owner, operator, seat, endpoint } = log.args;
      return withKeeper(state, { id: keeperId, owner, operator, seat, endpoint });
    }
    case "KeeperUpdated": {
      const { keeperId, endpoint } = log.args;
      return withKeeper(state, { ...known(state.keepers, keeperId), endpoint });
    }
    case "KeeperSeated": {
      const { keeperId, seat } = log.args;
      return withKeeper(state, { ...known(state.keepers, keeperId), seat });
    }
    case "KeeperUnseated":
      return withKeeper(state, { ...known(state.keepers, log.args.keeperId), seat: undefined });
    default:
      return { state, milestones: [] };
  }
}

function applyOrders(
  state: GroupState,
  block: FinalBlock,
  log: Extract<GroupLog, { contract: "orders" }>,
): Applied {
  switch (log.eventName) {
    case "OrderOpened": {
      const { orderId, sequence, order } = log.args;
      return withOrder(state, "orderOpened", {
        id: orderId,
        order,
        sequence: Number(sequence),
        endEpoch: order.endEpoch,
        openedAt: { block: block.number, timestamp: block.timestamp },
        closed: false,
        settledTo: order.startEpoch,
      });
    }
    case "OrderEnding": {
      const { orderId, endEpoch } = log.args;
      return withOrder(state, "orderEnding", { ...known(state.orders, orderId), endEpoch });
    }
    case "OrderSettled": {
      const { orderId, toEpoch } = log.args;
      return withOrder(state, "orderSettled", { ...known(state.orders, orderId), settledTo: toEpoch });
    }
    case "OrderClosed":
      return withOrder(state, "orderClosed", { ...known(state.orders, log.args.orderId), closed: true });
    default:
      return { state, milestones: [] };
  }
}

function applySettlement(
  state: GroupState,
  block: FinalBlock,
  log: Extract<GroupLog, { contract: "settlement" }>,
): Applied {
  switch (log.eventName) {
    case "EpochCertified":
      return certified(state, block, log);
    case "ProviderMissed": {
      const { epoch, providerId, fromEpoch } = log.args;
      const missed = put(state.missed, epoch, [...(state.missed.get(epoch) ?? []), providerId]);
      return {
        state: { ...state, missed },
        milestones: [{ type: "missed", epoch, provider: providerId, fromEpoch }],
      };
    }
    case "ExceptionsApplied": {
      const { epoch, from, to } = log.args;
      const certificate: CertificateInfo = { ...known(state.certificates, epoch), applied: to };
      return {
        state: { ...state, certificates: put(state.certificates, epoch, certificate) },
        milestones: [{ type: "exceptionsApplied", epoch, from, to }],
      };
    }
    case "EpochFinished": {
      const { epoch, lapsed, gap, dead } = log.args;
      const finished = { lapsed, gap, dead };
      return {
        state: { ...state, finished: put(state.finished, epoch, finished), lastFinished: epoch },
        milestones: [{ type: "finished", epoch, ...finished }],
      };
    }
    case "RosterRotated": {
      const { term, keeperIds, operators } = log.args;
      const roster: Roster = { term, keeperIds, operators };
      return {
        state: { ...state, rosters: put(state.rosters, term, roster) },
        milestones: [{ type: "rosterRotated", roster }],
      };
    }
    default:
      return { state, milestones: [] };
  }
}

function certified(state: GroupState, block: FinalBlock, log: LogNamed<"EpochCertified">): Applied {
  const certificate: CertificateInfo = {
    ...log.args,
    block: block.number,
    blockHash: block.hash,
    transactionHash: log.transactionHash,
    applied: 0,
  };
  return {
    state: {
      ...state,
      certificates: put(state.certificates, certificate.epoch, certificate),
      lastCertified: Math.max(state.lastCertified, certificate.epoch),
    },
    milestones: [{ type: "certified", certificate }],
  };
}

function withProvider(state: GroupState, provider: ProviderInfo): Applied {
  return {
    state: { ...state, providers: put(state.providers, provider.id, provider) },
    milestones: [{ type: "providerChanged", provider }],
  };
}

function withKeeper(state: GroupState, keeper: KeeperInfo): Applied {
  return {
    state: { ...state, keepers: put(state.keepers, keeper.id, keeper) },
    milestones: [{ type: "keeperChanged", keeper }],
  };
}

function withOrder(
  state: GroupState,
  type: "orderOpened" | "orderEnding" | "orderSettled" | "orderClosed",
  order: OrderInfo,
): Applied {
  return { state: { ...state, orders: put(state.orders, order.id, order) }, milestones: [{ type, order }] };
}

function put<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value): ReadonlyMap<Key, Value> {
  return new Map(map).set(key, value);
}

/** The contracts emit nothing about what they have not announced before; if they did, the log is cut. */
function known<Key extends number | Hex, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  if (value !== undefined) return value;
  throw new MemoError(
    "GROUP_LOG_INCOMPLETE",
    `An event speaks of ${key}, which no event before has announced. The start block of the deployment is too late, or the chain node leaves out events.`,
    { details: { key } },
  );
}
