// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallengeSettlement} from "../interfaces/IChallengeSettlement.sol";
import {IRepairsTypes} from "../interfaces/IRepairs.sol";
import {Payments} from "./Payments.sol";

/// @title Pay of slots that changed hands
/// @notice Every holder's pay is a function of the epochs that it passed since it took the slot, so that it does not
/// matter how often somebody settles. Whatever was kept for a slot covers all that can follow: pay of one interval is
/// a floor, and floors of parts are never more than the floor of the whole.
library SlotPayments {
    /// @dev One page of settling an order; epochs from `from` to `to` (exclusive) are finished.
    struct Page {
        IChallengeSettlement settlement;
        uint256 rate;
        uint32 from;
        uint32 to;
        /// First epoch of the order that is not paid.
        uint32 end;
    }

    /// @notice What the former and the present holder earn in the page, and the most that the slot can still cost.
    function ofSlot(
        Page memory page,
        IRepairsTypes.Slot memory slot,
        uint8 index
    ) internal view returns (IRepairsTypes.SlotPay memory pay) {
        uint32 formerEnd = slot.until < page.end ? slot.until : page.end;
        (pay.slot, pay.former, pay.holder) = (index, slot.former, slot.holder);
        (uint256 earned, uint256 kept) = _ofInterval(page, slot.former, slot.formerSince, formerEnd);
        pay.formerPay = uint128(earned);
        if (!slot.vacant) {
            uint256 keptForHolder;
            (earned, keptForHolder) = _ofInterval(page, slot.holder, slot.since, page.end);
            pay.holderPay = uint128(earned);
            kept += keptForHolder;
        } else if (!slot.voided && page.to < page.end) {
            // Whoever repairs the slot earns the rest, and may need a bonus out of what nobody earned before.
            kept += Payments.providerPay(page.rate, page.end - formerEnd);
        }
        pay.kept = uint128(kept);
    }

    /// @dev What a provider that holds the slot from `start` to `end` earns in the page, and can still earn after it.
    /// Nothing overflows: an order's whole cost fits 128 bits.
    function _ofInterval(
        Page memory page,
        uint32 providerId,
        uint32 start,
        uint32 end
    ) private view returns (uint256 pay, uint256 kept) {
        // Everything was settled before.
        if (start >= end || page.from >= end) return (0, 0);
        uint32 first = page.from > start ? page.from : start;
        uint32 last = page.to < end ? page.to : end;
        if (last < first) last = first;
        uint256 before = page.settlement.earnedEpochs(providerId, start, first);
        uint256 after_ = before + page.settlement.earnedEpochs(providerId, first, last);
        return Payments.earnedAndKept(page.rate, before, after_, end - last);
    }
}
