// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGroup} from "./IGroup.sol";
import {Order} from "./IStorageOrders.sol";

interface IRepairsTypes {
    /// @notice Who holds a slot. One storage word, which exists only once the slot has changed hands or an offer was
    /// made for it.
    struct Slot {
        /// Provider that holds the slot; 0 while it is vacant.
        uint32 holder;
        /// First epoch that the holder is challenged and paid for; the order's first epoch for its first holder; 0
        /// while the slot is vacant.
        uint32 since;
        /// Provider that held it before; 0 if it never changed hands.
        uint32 former;
        /// First epoch of the former holder.
        uint32 formerSince;
        /// First epoch that the former holder is not paid for.
        uint32 until;
        /// Provider that the slot was last offered to; 0 when there was no offer, or it was accepted or noted as
        /// expired.
        uint32 assignee;
        /// Last epoch in which the assignee can accept.
        uint32 deadline;
        /// Offers noted as expired since the slot became vacant or was accepted; the last offer is noted by what
        /// follows it.
        uint8 expiries;
        bool vacant;
        /// Never repaired again; what it would have cost is refunded.
        bool voided;
    }

    /// @notice A slot as its order opened it: what `Disputes` has read in the order with that id.
    struct OpenedSlot {
        bytes32 orderId;
        uint8 slot;
        uint32 holder;
        uint32 since;
        uint32 stripes;
    }

    /// @notice What a slot that changed hands earns in one page of settling its order.
    struct SlotPay {
        uint8 slot;
        uint32 former;
        uint128 formerPay;
        uint32 holder;
        uint128 holderPay;
        /// The most that the epochs after the page, and a vacancy that lasts, can still cost.
        uint128 kept;
    }

    /// @notice What there is for the repairer of a vacancy, token wei.
    struct Bonus {
        /// Out of slashed collateral.
        uint128 pot;
        /// Out of the order's escrow.
        uint128 reserved;
        /// Whether the former holder's collateral is settled ...
        bool closed;
        /// ... by slashing it.
        bool slashed;
    }

    /// @notice What follows an offer leaf: `data` of the leaf is keccak256(abi.encode(orderId, slot, deadline)).
    struct OfferDetail {
        Order order;
        uint8 slot;
        /// Last epoch in which the assignee can accept.
        uint32 deadline;
    }
}

interface IRepairsErrors {
    /// @notice Slots of an order that is not open do not change hands.
    error OrderNotOpen(bytes32 orderId);
    /// @notice The order has no such slot.
    error SlotUnknown(bytes32 orderId, uint8 slot);
    /// @notice The detail of an offer leaf is not what the leaf names.
    error OfferDetailInvalid(bytes32 computed, bytes32 data);
    /// @notice The slot changed hands and the order is not settled past that change: settle the order first.
    error SlotNotSettled(bytes32 orderId, uint8 slot, uint32 settledTo, uint32 since);
    /// @notice No offer of this slot is open to the provider of the caller.
    error OfferMissing(bytes32 orderId, uint8 slot, uint32 providerId);
    /// @notice The offer could be accepted until the end of `deadline`.
    error OfferExpired(bytes32 orderId, uint8 slot, uint32 deadline, uint32 epochNow);
    /// @notice The order ends before the new holder would be challenged.
    error OrderEndsTooSoon(bytes32 orderId, uint32 endEpoch, uint32 since);
    /// @notice One provider holds at most one slot of an order.
    error HolderAlready(bytes32 orderId, uint32 providerId, uint8 slot);
    /// @notice A holder that leaves hands over no earlier than after its first epoch.
    error HolderTooNew(bytes32 orderId, uint8 slot, uint32 since);
    /// @notice A holder that leaves is challenged directly and has to settle that first.
    error ChallengeStillOpen(bytes32 orderId, uint8 slot);
    /// @notice The slot is held or void already, or somebody may still repair it.
    error SlotNotVoidable(bytes32 orderId, uint8 slot, uint8 expiries, uint8 evicted);
    /// @notice The repairer has not passed such an epoch with the slot.
    error BonusNotDue(bytes32 orderId, uint8 slot, uint32 epoch);
    /// @notice The former holder's collateral is still in dispute.
    error VacancyNotClosed(bytes32 orderId, uint8 slot, uint32 until);
    /// @notice What the former holder locked is settled already.
    error VacancyAlreadyClosed(bytes32 orderId, uint8 slot, uint32 until);
    /// @notice There is no bonus, or it was claimed.
    error NothingToClaim(bytes32 orderId, uint8 slot, uint32 until);
}

interface IRepairsEvents {
    /// @notice The provider lost the slot. It is paid for epochs from `since` to `until` (exclusive) that it passed;
    /// its collateral stays locked until the dispute is closed.
    event SlotEvicted(bytes32 indexed orderId, uint32 indexed providerId, uint8 slot, uint32 since, uint32 until);
    /// @notice Keepers offer the slot to `providerId`, which may accept up to and in epoch `deadline`.
    event RepairOffered(bytes32 indexed orderId, uint32 indexed providerId, uint8 slot, uint32 epoch, uint32 deadline);
    /// @notice The provider did not take the slot in time. `expiries` counts those since the slot became vacant.
    event RepairOfferExpired(bytes32 indexed orderId, uint32 indexed providerId, uint8 slot, uint8 expiries);
    /// @notice The provider has rebuilt the slot and holds it: challenged and paid from `since` on. `former` held it up
    /// to `until` (exclusive). `vacancyPay` was taken out of the order's escrow for a bonus that slashing may not
    /// cover.
    event RepairAccepted(
        bytes32 indexed orderId,
        uint32 indexed providerId,
        uint8 slot,
        uint32 since,
        uint32 former,
        uint32 until,
        uint128 vacancyPay
    );
    /// @notice Nobody will hold the slot again; what is left of its price goes back to the payer.
    event SlotVoided(bytes32 indexed orderId, uint8 slot);
    /// @notice The former holder's collateral of the slot is settled; `pot` of it is there for whoever repairs the
    /// slot.
    event VacancyClosed(bytes32 indexed orderId, uint8 slot, uint32 until, uint128 pot, bool slashed);
    /// @notice The new holder has proven every shard of the slot. What was reserved and not needed is refunded.
    event BonusPaid(
        bytes32 indexed orderId,
        uint32 indexed providerId,
        uint8 slot,
        uint32 until,
        uint128 amount,
        uint128 refunded
    );
    /// @notice Nobody can earn the bonus any more: the pot goes to the treasury, what was reserved to the payer.
    event BonusForfeited(bytes32 indexed orderId, uint8 slot, uint32 until, uint128 toTreasury, uint128 refunded);
}

/// @title Slots that change hands
/// @notice Evictions, repair offers, their acceptance, clean exits, void slots and bonuses of a group.
interface IRepairs is IGroup, IRepairsTypes, IRepairsErrors, IRepairsEvents {
    /// @notice Takes a slot from its holder. Only `Disputes`.
    /// @dev The holder's interval ends with the last finished epoch, so that what it earned is known. A slot changes
    /// hands again only when its former interval is settled: else reverts with SlotNotSettled.
    /// @param epoch Epoch whose cap counts it; 0 = direct challenge, which knows no cap, takes holders without a
    /// finished epoch (their interval is empty), and slots of orders that are closed and not released.
    /// @param lastFinished Last finished epoch.
    /// @return reason 0, or ASCII why the slot is not evicted: ORDER_NOT_OPEN, NOT_HOLDER, HOLDER_NEW (no epoch of it
    /// is finished yet), CAP_REACHED.
    /// @return since First epoch of the evicted holder.
    /// @return until First epoch that it is not paid for; it names the vacancy: no slot has two with the same.
    function evict(
        OpenedSlot calldata opened,
        uint32 providerId,
        uint32 epoch,
        uint32 lastFinished
    ) external returns (bytes32 reason, uint32 since, uint32 until);

    /// @notice Applies an offer leaf for a slot that is vacant or whose holder is leaving. Only `ChallengeSettlement`.
    /// @param detail abi.encode(OfferDetail).
    /// @return reason 0, or ASCII why nothing was offered: ORDER_NOT_OPEN, SLOT_UNKNOWN, SLOT_HELD, SLOT_VOID,
    /// OFFER_LIVE, DEADLINE_WRONG, DEADLINE_OVER (applied too late for anybody to accept), PROVIDER_UNKNOWN,
    /// ORDER_ENDS.
    function applyOffer(
        uint32 epoch,
        uint32 providerId,
        bytes32 data,
        bytes calldata detail
    ) external returns (bytes32 reason);

    /// @notice The assignee takes the slot, which it has rebuilt: locks its collateral; challenged and paid from the
    /// next epoch on. Only the assignee's operator.
    /// @dev From a holder that leaves, too, even if it has changed its mind since the offer: its collateral is released
    /// less the bonus.
    function acceptRepair(Order calldata order, uint8 slot) external;

    /// @notice Gives up a vacant slot after offerExpiries expired offers, or any vacant slot of an order that has more
    /// vacant slots than parities. By anyone.
    function voidSlot(Order calldata order, uint8 slot) external;

    /// @notice Pays the bonus once the holder passed a finished, certified epoch `epoch` ≥ since, and returns what was
    /// reserved in vain; or, when the holder lost the slot again or the slot is void or the order closed, gives the pot
    /// to the treasury and the reserve to the payer. By anyone, once the former holder's dispute is closed.
    /// @dev Once the order is closed, the epochs that the holder was paid for decide, and `epoch` means nothing.
    /// @param until End of the former holder's interval, which names the vacancy.
    function claimBonus(Order calldata order, uint8 slot, uint32 until, uint32 epoch) external;

    /// @notice The slot now. For contracts of the group that have read the order: nothing is checked.
    function slotAt(OpenedSlot calldata opened) external view returns (Slot memory);

    /// @notice Settles the vacancy that began at `until`: `pot` of the slashed collateral is there for its repairer.
    /// Only `Disputes`.
    function closeVacancy(bytes32 orderId, uint8 slot, uint32 until, uint128 pot, bool slashed) external;

    /// @notice Whether the former holder's collateral of that vacancy is settled.
    function vacancyClosed(bytes32 orderId, uint8 slot, uint32 until) external view returns (bool);

    /// @notice Bonus of a vacancy: from slashed collateral, and reserved out of the order.
    function bonusOf(bytes32 orderId, uint8 slot, uint32 until) external view returns (Bonus memory);

    /// @notice What every slot of the order that ever changed hands earns from `from` to `to` (exclusive), all
    /// finished.
    /// @param rate Price · stripes of the order.
    /// @param slots Number of its slots.
    function settleSlots(
        bytes32 orderId,
        uint256 rate,
        uint256 slots,
        uint32 from,
        uint32 to,
        uint32 endEpoch
    ) external view returns (SlotPay[] memory);

    /// @notice A slot, as the order opened if it never changed hands.
    function slotOf(Order calldata order, uint8 slot) external view returns (Slot memory);

    /// @notice Holder of every slot; 0 where it is vacant.
    function holdersOf(Order calldata order) external view returns (uint32[] memory);
}
