// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bits} from "../../../contracts/libraries/Bits.sol";
import {Epochs} from "../../../contracts/libraries/Epochs.sol";
import {Roster} from "../../../contracts/libraries/Roster.sol";

/// @title What is proven of quorums, epochs and bitmaps
contract NumbersProof {
    uint256 private constant SEATS = 32;

    /// @notice Any two quorums share more members than may be faulty.
    function twoQuorumsShareAnHonestMember(uint256 members) external pure {
        require(members > 0 && members <= SEATS);
        uint256 faulty = (members - 1) / 3;
        assert(2 * Roster.quorumOf(members) > members + faulty);
    }

    function theHonestAreAQuorum(uint256 members) external pure {
        require(members > 0 && members <= SEATS);
        uint256 faulty = (members - 1) / 3;
        assert(Roster.quorumOf(members) <= members - faulty);
    }

    function anEpochStartsInItself(uint32 epoch, uint64 genesis, uint32 epochLength) external pure {
        require(epochLength > 0);
        uint256 start = Epochs.startOf(epoch, genesis, epochLength);
        assert(Epochs.epochAt(start, genesis, epochLength) == epoch);
    }

    function anEpochLastsUntilTheNextOne(uint32 epoch, uint64 genesis, uint32 epochLength, uint32 later) external pure {
        require(later < epochLength);
        uint256 start = Epochs.startOf(epoch, genesis, epochLength);
        assert(Epochs.epochAt(start + later, genesis, epochLength) == epoch);
    }

    function beforeGenesisIsEpochZero(uint64 time, uint64 genesis, uint32 epochLength) external pure {
        require(epochLength > 0 && time < genesis);
        assert(Epochs.epochAt(time, genesis, epochLength) == 0);
    }

    function aSingleBitCountsOne(uint8 place) external pure {
        assert(Bits.count(uint256(1) << place) == 1);
    }
}
