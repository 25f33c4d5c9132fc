// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {GroupContracts, GroupParameters, IGroup} from "./interfaces/IGroup.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {Epochs} from "./libraries/Epochs.sol";
import {RollingHash} from "./libraries/RollingHash.sol";

/// @title Base of the contracts of a group
abstract contract GroupContract is IGroup {
    using RollingHash for RollingHash.Chain;

    /// @dev Every event goes through this chain; `emit` is not used.
    RollingHash.Chain internal _events;

    modifier onlyContract(uint256 argument) {
        if (msg.sender != _address(argument)) revert CallerNotAllowed(msg.sender);
        _;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == _ownInterface() ||
            interfaceId == type(IGroup).interfaceId ||
            interfaceId == type(IERC165).interfaceId;
    }

    /// @inheritdoc IGroup
    function version() external pure returns (string memory) {
        return "1";
    }

    /// @inheritdoc IGroup
    function groupId() external view returns (uint32) {
        return uint32(CloneArguments.word(CloneArguments.GROUP_ID));
    }

    /// @inheritdoc IGroup
    function parameters() external view returns (GroupParameters memory result) {
        CloneArguments.answerParameters(result);
    }

    /// @inheritdoc IGroup
    function groupContracts() external view returns (GroupContracts memory result) {
        CloneArguments.answerContracts(result);
    }

    /// @inheritdoc IGroup
    function rollingHash() external view returns (bytes32) {
        return _events.head;
    }

    /// @dev Id of what the contract is in its group.
    function _ownInterface() internal pure virtual returns (bytes4);

    /// @dev Only these two contracts of the group may go on.
    function _onlyOf(uint256 argument, uint256 otherArgument) internal view {
        if (msg.sender != _address(argument) && msg.sender != _address(otherArgument)) {
            revert CallerNotAllowed(msg.sender);
        }
    }

    function _address(uint256 argument) internal view returns (address) {
        return address(uint160(CloneArguments.word(argument)));
    }

    function _epochNow() internal view returns (uint32) {
        return
            Epochs.epochAt(
                block.timestamp,
                CloneArguments.word(CloneArguments.GENESIS),
                CloneArguments.word(CloneArguments.EPOCH_LENGTH)
            );
    }

    function _termOf(uint32 epoch) internal view returns (uint32) {
        return epoch / uint32(CloneArguments.word(CloneArguments.TERM_LENGTH));
    }

    function _topic(uint256 value) internal pure returns (bytes32) {
        return bytes32(value);
    }

    function _topic(address value) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(value)));
    }
}
