// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "../interfaces/IStorageOrders.sol";

/// @title EIP-712 struct hash of an order, which is its id
library OrderHash {
    bytes32 internal constant MANIFEST_TYPEHASH = keccak256(
        "ManifestLocation(uint32 firstStripe,uint32 stripes,uint64 length,bytes32 digest)"
    );

    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(address group,address owner,address payer,uint32[] providers,bytes32 shardRoot,uint32 stripes,"
        "uint32 policy,uint8 layout,uint32 startEpoch,uint32 endEpoch,uint128 price,uint32 minEpochs,"
        "uint64 openBy,ManifestLocation manifest,bytes32 salt)"
        "ManifestLocation(uint32 firstStripe,uint32 stripes,uint64 length,bytes32 digest)"
    );

    /// @dev Hashes calldata words as they are. A word with bits outside its type gives an id that no honest signer
    /// signed, and `open` reads every field through the compiler's checks. Words of the order in calldata: 0 group,
    /// 1 owner, 2 payer, 3 offset of providers, 4 shardRoot … 12 openBy, 13 to 16 manifest, 17 salt.
    function id(Order calldata order) internal pure returns (bytes32 hash) {
        uint32[] calldata providers = order.providers;
        (bytes32 orderType, bytes32 manifestType) = (ORDER_TYPEHASH, MANIFEST_TYPEHASH);
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            let size := shl(5, providers.length)
            calldatacopy(pointer, providers.offset, size)
            let providersHash := keccak256(pointer, size)

            mstore(pointer, manifestType)
            calldatacopy(add(pointer, 0x20), add(order, 0x1a0), 0x80)
            let manifestHash := keccak256(pointer, 0xa0)

            mstore(pointer, orderType)
            calldatacopy(add(pointer, 0x20), order, 0x1a0)
            mstore(add(pointer, 0x80), providersHash)
            mstore(add(pointer, 0x1c0), manifestHash)
            calldatacopy(add(pointer, 0x1e0), add(order, 0x220), 0x20)
            hash := keccak256(pointer, 0x200)
        }
    }
}
