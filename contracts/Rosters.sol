// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {GroupContract} from "./GroupContract.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IStaking, IStakingTypes} from "./interfaces/IStaking.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Roster} from "./libraries/Roster.sol";

/// @title Base of `ChallengeSettlement`: who may certify
/// @notice Documented at `IChallengeSettlement`.
abstract contract Rosters is GroupContract, IChallengeSettlement {
    using Checkpoints for Checkpoints.Trace208;
    using RollingHash for RollingHash.Chain;
    using Roster for bytes;

    uint256 private constant MIN_KEEPERS = 4;
    /// @dev Latest rosters that a slashed keeper is masked in at most; more than can still certify, but for years of
    /// silence. All of them cost less than a sixth of the gas that a transaction may take.
    uint256 private constant MASKED_ROSTERS = 256;
    /// @dev Where the bitmap of masked members begins in a checkpoint's value.
    uint8 private constant MASK_SHIFT = 160;

    /// @dev By first term: address of the roster's code (160 bits) ‖ bitmap of its masked members (32 bits), which a
    /// certificate reads with the address.
    Checkpoints.Trace208 private _rosters;

    /// @inheritdoc IChallengeSettlement
    function rotate() external {
        uint32 term = _termOf(_epochNow());
        (bool exists, uint48 latest, ) = _rosters.latestCheckpoint();
        if (exists) {
            uint32 termLength = uint32(CloneArguments.word(CloneArguments.TERM_LENGTH));
            term = latest > term ? uint32(latest) + 1 : term + 1;
            uint32 dueAt = term * termLength - 1;
            if (_epochNow() != dueAt) revert RotationNotDue(_epochNow(), dueAt);
        }
        IStakingTypes.Seat[] memory seats = _staking().seatsBefore(block.number);
        uint32[] memory keeperIds = new uint32[](seats.length);
        address[] memory operators = new address[](seats.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            (keeperIds[i], operators[i]) = (seats[i].keeperId, seats[i].operator);
        }
        if (keeperIds.length < MIN_KEEPERS) revert SeatsTooFew(keeperIds.length, MIN_KEEPERS);
        _rosters.push(term, uint160(Roster.write(keeperIds, operators)));
        _events.log(RosterRotated.selector, _topic(term), abi.encode(keeperIds, operators));
    }

    /// @inheritdoc IChallengeSettlement
    function masked(uint32 term) external view returns (uint32) {
        (, uint32 members) = _rosterOf(term);
        return members;
    }

    /// @inheritdoc IChallengeSettlement
    function memberAt(uint32 term, uint8 member) external view returns (Member memory) {
        bytes memory members = _members(term);
        if (member >= members.size()) revert MemberUnknown(member, members.size());
        return Member(members.keeperAt(member), members.operatorAt(member));
    }

    /// @inheritdoc IChallengeSettlement
    function roster(uint32 term) external view returns (address[] memory) {
        return _members(term).operatorsOf();
    }

    /// @inheritdoc IChallengeSettlement
    function rosterKeepers(uint32 term) external view returns (uint32[] memory) {
        return _members(term).keepersOf();
    }

    /// @inheritdoc IChallengeSettlement
    function hasRoster(uint32 term) external view returns (bool) {
        (address pointer, ) = _rosterOf(term);
        return pointer != address(0);
    }

    /// @inheritdoc IChallengeSettlement
    function rosterSize(uint32 term) external view returns (uint256) {
        return _members(term).size();
    }

    /// @inheritdoc IChallengeSettlement
    function isMember(uint32 keeperId) external view returns (bool) {
        uint32 term = _termOf(_epochNow());
        return _members(term).bitOf(keeperId) != 0 || _members(term + 1).bitOf(keeperId) != 0;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IChallengeSettlement).interfaceId;
    }

    function _lastCertified() internal view virtual returns (uint32);

    /// @dev Makes the signatures of a slashed keeper void in every roster from that of `term` on, the next one included
    /// if it is written, and in older ones that can still certify: nobody certified since.
    function _maskKeeper(uint32 keeperId, uint32 term) internal {
        uint32 first = _termOf(_lastCertified() + 1);
        if (term < first) first = term;
        uint256 count = _rosters.length();
        for (uint256 i = count; i > 0 && count - i < MASKED_ROSTERS; --i) {
            Checkpoints.Checkpoint208 storage checkpoint = _rosters._checkpoints[i - 1];
            (uint48 from, uint208 value) = (checkpoint._key, checkpoint._value);
            uint32 members = Roster.read(address(uint160(value))).bitOf(keeperId);
            if (members != 0) checkpoint._value = value | (uint208(members) << MASK_SHIFT);
            if (from <= first) break;
        }
        _events.log(KeeperMasked.selector, _topic(keeperId), "");
    }

    function _rosterOf(uint32 term) internal view returns (address pointer, uint32 masked_) {
        uint208 value = _rosters.upperLookupRecent(term);
        return (address(uint160(value)), uint32(value >> MASK_SHIFT));
    }

    function _members(uint32 term) internal view returns (bytes memory) {
        (address pointer, ) = _rosterOf(term);
        return Roster.read(pointer);
    }

    function _staking() internal view returns (IStaking) {
        return IStaking(_address(CloneArguments.STAKING));
    }
}
