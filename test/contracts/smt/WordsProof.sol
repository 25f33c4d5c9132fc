// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRepairsTypes} from "../../../contracts/interfaces/IRepairs.sol";
import {SlotWord} from "../../../contracts/libraries/SlotWord.sol";

/// @title What is proven of words that are packed by hand
/// @notice Each field comes back whatever the one beside it holds; the others are 0.
contract WordsProof {
    function theHolderComesBack(uint32 holder, uint32 since) external pure {
        IRepairsTypes.Slot memory slot;
        (slot.holder, slot.since) = (holder, since);
        assert(SlotWord.holderOf(SlotWord.pack(slot)) == holder);
    }

    function theFormerHolderComesBack(uint32 since, uint32 former) external pure {
        IRepairsTypes.Slot memory slot;
        (slot.since, slot.former) = (since, former);
        assert(SlotWord.formerOf(SlotWord.pack(slot)) == former);
    }
}
