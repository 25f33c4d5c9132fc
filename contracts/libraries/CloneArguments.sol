// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GroupContracts, GroupParameters} from "../interfaces/IGroup.sol";

/// @title What a clone carries behind its code
/// @notice The parameters of a group and the addresses of its contracts are part of each clone's code: reading one
/// costs about a hundred gas, and there is no initializer that somebody could call first.
library CloneArguments {
    struct Arguments {
        GroupParameters parameters;
        uint32 groupId;
        GroupContracts contracts;
    }

    // Positions of 32-byte words; the order of fields in Arguments.
    uint256 internal constant TOKEN = 0;
    uint256 internal constant TREASURY = 1;
    uint256 internal constant GENESIS = 2;
    uint256 internal constant EPOCH_LENGTH = 3;
    uint256 internal constant APPLY_WINDOW = 6;
    uint256 internal constant APPLY_WINDOW_BLOCKS = 7;
    uint256 internal constant PAYER_DELAY = 8;
    uint256 internal constant UNBONDING_DELAY = 9;
    uint256 internal constant MAX_GAP = 11;
    uint256 internal constant TERM_LENGTH = 13;
    uint256 internal constant MIN_KEEPER_STAKE = 14;
    uint256 internal constant MIN_PROVIDER_STAKE = 15;
    uint256 internal constant COLLATERAL_PER_SHARD = 16;
    uint256 internal constant MIN_PRICE = 17;
    uint256 internal constant APPEAL_WINDOW = 18;
    uint256 internal constant APPEAL_WINDOW_BLOCKS = 19;
    uint256 internal constant PROTECTION_EPOCHS = 20;
    uint256 internal constant EVICTION_CAP = 21;
    uint256 internal constant CHALLENGE_BOND = 22;
    uint256 internal constant REPAIR_BONUS_PER_SHARD = 23;
    uint256 internal constant OFFER_EPOCHS = 25;
    uint256 internal constant OFFER_EXPIRIES = 26;
    uint256 internal constant REJOIN_EPOCHS = 31;
    uint256 internal constant LOCK_SHARE = 32;
    uint256 internal constant BLOB_ANSWERS = 33;
    uint256 internal constant GROUP_ID = 34;
    uint256 internal constant STAKING = 35;
    uint256 internal constant ORDERS = 36;
    uint256 internal constant SETTLEMENT = 37;
    uint256 internal constant DISPUTES = 38;
    uint256 internal constant REPAIRS = 39;
    uint256 internal constant ALLOWANCES = 40;
    uint256 internal constant WORDS = 41;

    /// @dev Bytes of the minimal proxy (ERC-1167) before the arguments.
    uint256 private constant PROXY_BYTES = 0x2d;

    /// @notice Code that creates a minimal proxy to `implementation` with the arguments behind it, as OpenZeppelin's
    /// `Clones` lays it out (whose own creation cannot give clones that know each other's addresses).
    function creationCode(address implementation, Arguments memory arguments) internal pure returns (bytes memory) {
        return
            abi.encodePacked(
                hex"61",
                uint16(PROXY_BYTES + WORDS * 32),
                hex"3d81600a3d39f3363d3d373d3d3d363d73",
                implementation,
                hex"5af43d82803e903d91602b57fd5bf3",
                abi.encode(arguments)
            );
    }

    /// @notice One word of this clone's arguments.
    function word(uint256 position) internal view returns (uint256 value) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0x00, add(PROXY_BYTES, shl(5, position)), 0x20)
            value := mload(0x00)
        }
    }

    /// @notice Ends the call and answers with the parameters of this clone as they lie, which is how the compiler would
    /// encode them: decoding and encoding them would take more code than all else.
    function answerParameters(GroupParameters memory result) internal view {
        assembly ("memory-safe") {
            let size := shl(5, GROUP_ID)
            extcodecopy(address(), result, PROXY_BYTES, size)
            return(result, size)
        }
    }

    /// @notice The same with the contracts of this clone's group.
    function answerContracts(GroupContracts memory result) internal view {
        assembly ("memory-safe") {
            let size := shl(5, sub(WORDS, STAKING))
            extcodecopy(address(), result, add(PROXY_BYTES, shl(5, STAKING)), size)
            return(result, size)
        }
    }
}
