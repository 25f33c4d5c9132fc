// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StoreRegistry} from "../../contracts/StoreRegistry.sol";
import {IStoreRegistryTypes} from "../../contracts/interfaces/IStoreRegistry.sol";
import {VmTest} from "./utils/Vm.sol";

/// @notice A store under any policy and any sequence of changes.
contract StoreRegistryTest is VmTest, IStoreRegistryTypes {
    uint256 private constant OPERATORS = 12;

    StoreRegistry private registry;
    mapping(uint32 memberId => bool seen) private _gone;

    function setUp() public {
        registry = new StoreRegistry();
    }

    function testFuzz_createStore_takesExactlySoundPolicies(
        uint16 partitions,
        uint8 replicas,
        uint8 writeQuorum,
        uint8 reads,
        uint8 writes
    ) public {
        // Small numbers are as likely as large ones.
        if (partitions & 1 == 0) partitions = uint16(1) << uint8((partitions >> 1) % 13);
        (replicas, writeQuorum) = (replicas % 12, writeQuorum % 12);
        Policy memory policy = Policy(
            partitions,
            replicas,
            writeQuorum,
            Consistency(reads % 3),
            Consistency(writes % 3)
        );
        bool isPower = false;
        for (uint16 power = 1; power <= 1024; power *= 2) if (partitions == power) isPower = true;
        bool isSound =
            isPower &&
                replicas >= 1 &&
                replicas <= 9 &&
                2 * uint256(writeQuorum) > replicas &&
                writeQuorum <= replicas &&
                policy.writes != Consistency.Session;
        try registry.createStore(policy, _newMembers(OPERATORS), keccak256("manifest")) {
            assertTrue(isSound, "an unsound policy was taken");
        } catch {
            assertTrue(!isSound, "a sound policy was refused");
        }
    }

    function testFuzz_changes_neverUseANumberAgain(uint256[32] memory steps) public {
        Policy memory policy = Policy(1024, 3, 2, Consistency.Strong, Consistency.Strong);
        uint32 storeId = registry.createStore(policy, _newMembers(5), keccak256("manifest"));
        for (uint256 i = 0; i < steps.length; ++i) _step(storeId, steps[i]);
    }

    /// @dev One change, whether or not it is allowed; what must hold holds after it.
    function _step(uint32 storeId, uint256 step) private {
        Store memory before = registry.store(storeId);
        bytes32 hash = registry.configurationHash(storeId);
        Member[] memory all = registry.members(storeId, 0, type(uint32).max);
        uint32 chosen = all[(step >> 8) % all.length].id;
        address operator = _operator((step >> 16) % OPERATORS);
        bytes memory data;
        if (step % 4 == 0) {
            data = abi.encodeCall(registry.addMember, (storeId, NewMember(operator, "/e"), before.configuration));
        } else if (step % 4 == 1) {
            data = abi.encodeCall(registry.removeMember, (storeId, chosen, before.configuration));
        } else if (step % 4 == 2) {
            data = abi.encodeCall(registry.rejoin, (storeId, chosen, "/e", before.configuration));
        } else {
            data = abi.encodeCall(registry.setMemberOperator, (storeId, chosen, operator, before.configuration));
        }
        (bool success, ) = address(registry).call(data);
        if (success && step % 4 != 0 && step % 4 != 3) _gone[chosen] = true;
        _check(storeId, before, success);
        assertTrue(success == (registry.configurationHash(storeId) != hash), "hash and change go together");
    }

    function _check(uint32 storeId, Store memory before, bool changed) private view {
        Store memory store = registry.store(storeId);
        assertEq(store.configuration, before.configuration + (changed ? 1 : 0), "configuration");
        Member[] memory all = registry.members(storeId, 0, type(uint32).max);
        assertEq(all.length, store.memberCount, "count");
        assertTrue(all.length >= store.policy.replicas, "fewer members than replicas");
        uint32 last = 0;
        for (uint256 i = 0; i < all.length; ++i) {
            assertTrue(all[i].id > last && all[i].id <= store.lastMemberId, "numbers rise");
            assertTrue(!_gone[all[i].id], "a number came back");
            assertEq(registry.memberOf(storeId, all[i].operator), all[i].id, "each names the other");
            last = all[i].id;
        }
        uint256 named = 0;
        for (uint256 i = 0; i < OPERATORS; ++i) if (registry.memberOf(storeId, _operator(i)) != 0) ++named;
        assertEq(named, all.length, "nobody else is named");
    }

    function _newMembers(uint256 count) private pure returns (NewMember[] memory newMembers) {
        newMembers = new NewMember[](count);
        for (uint256 i = 0; i < count; ++i) newMembers[i] = NewMember(_operator(i), "/e");
    }

    function _operator(uint256 index) private pure returns (address) {
        return address(uint160(0x1000 + index));
    }
}
