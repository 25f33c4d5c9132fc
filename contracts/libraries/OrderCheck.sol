// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStorageOrdersErrors, Order} from "../interfaces/IStorageOrders.sol";
import {CloneArguments} from "./CloneArguments.sol";
import {CompactSignatures} from "./CompactSignatures.sol";
import {Epochs} from "./Epochs.sol";
import {PayerSignature} from "./PayerSignature.sol";

/// @title What makes an order sound
library OrderCheck {
    uint256 private constant SLOTS_MAX = 32;
    /// @dev Bounds what one settlement has to count: 64 words per slot.
    uint32 private constant EPOCHS_MAX = 16_384;
    uint256 private constant RS = 1;
    uint256 private constant COPIES = 2;
    uint8 private constant PACKED31 = 0;
    uint8 private constant BLOB = 1;

    function checkContent(Order calldata order, address group) internal view {
        if (order.group != group) revert IStorageOrdersErrors.OrderOfOtherGroup(order.group, group);
        if (order.owner == address(0)) revert IStorageOrdersErrors.OwnerMissing();
        if (order.payer == address(0)) revert IStorageOrdersErrors.PayerMissing();
        if (order.shardRoot == 0) revert IStorageOrdersErrors.ShardRootMissing();
        if (order.stripes == 0) revert IStorageOrdersErrors.StripesZero();
        _checkPolicy(order);
        _checkManifest(order);
        uint128 minPrice = uint128(CloneArguments.word(CloneArguments.MIN_PRICE));
        if (order.price < minPrice) revert IStorageOrdersErrors.PriceTooLow(order.price, minPrice);
        _checkDistinct(order.providers);
    }

    /// @notice Opens in time, starts in a later epoch, and has a bounded length.
    function checkTimes(Order calldata order) internal view {
        (uint32 start, uint32 end) = (order.startEpoch, order.endEpoch);
        if (start == 0 || end <= start || end - start > EPOCHS_MAX || order.minEpochs > end - start) {
            revert IStorageOrdersErrors.EpochsInvalid(start, end, order.minEpochs);
        }
        uint256 startTime = Epochs.startOf(
            start,
            CloneArguments.word(CloneArguments.GENESIS),
            CloneArguments.word(CloneArguments.EPOCH_LENGTH)
        );
        if (block.timestamp >= order.openBy || order.openBy > startTime) {
            revert IStorageOrdersErrors.OpenByInvalid(order.openBy, uint64(block.timestamp), uint64(startTime));
        }
    }

    /// @notice Every provider's operator has signed, in slot order.
    function checkProviders(
        uint32[] calldata providers,
        address[] memory operators,
        bytes32 digest,
        bytes calldata signatures
    ) internal view {
        uint256 expected = providers.length * CompactSignatures.BYTES;
        if (signatures.length != expected) {
            revert IStorageOrdersErrors.ProviderSignaturesLength(signatures.length, expected);
        }
        for (uint256 slot = 0; slot < providers.length; ++slot) {
            address recovered = CompactSignatures.recover(digest, signatures, slot);
            if (recovered != operators[slot]) {
                revert IStorageOrdersErrors.ProviderSignatureInvalid(slot, providers[slot], recovered, operators[slot]);
            }
        }
    }

    /// @notice Who pays, or spends for who pays, has signed.
    function checkPayer(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!PayerSignature.isValid(signer, digest, signature)) {
            revert IStorageOrdersErrors.PayerSignatureInvalid(signer);
        }
    }

    /// @dev Only ids that agree in their last eight bits are compared one by one.
    function _checkDistinct(uint32[] calldata providers) private pure {
        uint256 seen = 0;
        for (uint256 i = 0; i < providers.length; ++i) {
            uint32 providerId = providers[i];
            uint256 bit = 1 << (providerId & 0xff);
            for (uint256 j = 0; seen & bit != 0 && j < i; ++j) {
                if (providerId == providers[j]) revert IStorageOrdersErrors.ProviderRepeated(providerId);
            }
            seen |= bit;
        }
    }

    function _checkPolicy(Order calldata order) private pure {
        uint256 policy = order.policy;
        (uint256 kind, uint256 k, uint256 m) = (policy >> 16, (policy >> 8) & 0xff, policy & 0xff);
        uint256 slots = order.providers.length;
        bool sound = slots > 0 && slots <= SLOTS_MAX && k + m == slots;
        if (!sound || !((kind == RS && k > 0 && m > 0) || (kind == COPIES && k == 1))) {
            revert IStorageOrdersErrors.PolicyInvalid(order.policy, slots);
        }
        // An L1 blob fills its field elements, so that parity over them is no blob.
        if (order.layout != PACKED31 && (order.layout != BLOB || kind != COPIES)) {
            revert IStorageOrdersErrors.LayoutInvalid(order.layout, order.policy);
        }
    }

    function _checkManifest(Order calldata order) private pure {
        (uint32 first, uint32 stripes, uint64 length) = (
            order.manifest.firstStripe,
            order.manifest.stripes,
            order.manifest.length
        );
        bool none = first == 0 && stripes == 0 && length == 0 && order.manifest.digest == 0;
        bool inside = stripes > 0 && length > 0 && uint256(first) + stripes <= order.stripes;
        if (!none && !inside) {
            revert IStorageOrdersErrors.ManifestOutsideStripes(first, stripes, length, order.stripes);
        }
    }
}
