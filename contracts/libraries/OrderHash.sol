// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ManifestLocation, Order} from "../interfaces/IStorageOrders.sol";

/// @title EIP-712 struct hash of an order, which is its id
library OrderHash {
    bytes32 internal constant MANIFEST_TYPEHASH =
        keccak256("ManifestLocation(uint32 firstStripe,uint32 stripes,uint64 length,bytes32 digest)");

    bytes32 internal constant ORDER_TYPEHASH =
        keccak256(
            "Order(address group,address owner,address payer,uint32[] providers,bytes32 shardRoot,uint32 stripes,uint32 policy,uint8 layout,uint32 startEpoch,uint32 endEpoch,uint128 price,uint32 minEpochs,uint64 openBy,ManifestLocation manifest,bytes32 salt)ManifestLocation(uint32 firstStripe,uint32 stripes,uint64 length,bytes32 digest)"
        );

    function id(Order calldata order) internal pure returns (bytes32) {
        bytes memory head = abi.encode(
            ORDER_TYPEHASH,
            order.group,
            order.owner,
            order.payer,
            keccak256(abi.encodePacked(order.providers)),
            order.shardRoot,
            order.stripes,
            order.policy
        );
        bytes memory tail = abi.encode(
            order.layout,
            order.startEpoch,
            order.endEpoch,
            order.price,
            order.minEpochs,
            order.openBy,
            keccak256(abi.encode(MANIFEST_TYPEHASH, order.manifest)),
            order.salt
        );
        return keccak256(bytes.concat(head, tail));
    }
}
