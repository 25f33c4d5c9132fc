// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRepairsTypes} from "../../../contracts/interfaces/IRepairs.sol";
import {VmTest} from "./Vm.sol";

/// @notice Second bookkeeping of a group, kept in the plainest way: epoch by epoch, holder by holder. What the contracts
/// paid is compared with it.
abstract contract Ghosts is VmTest {
    /// One holder's time with a slot.
    struct Tenure {
        uint32 provider;
        uint32 since;
        /// 0 while it lasts.
        uint32 until;
    }

    uint32 internal constant MAX_GAP = 3;
    uint32 private _finished;
    /// Epochs from 1 to this one that the provider passed and that are paid.
    mapping(uint32 provider => mapping(uint32 epoch => uint32 count)) private _passed;
    mapping(uint256 order => mapping(uint256 slot => Tenure[] tenures)) private _tenures;

    /// What was credited by settling an order.
    mapping(uint256 order => mapping(uint32 provider => uint256 amount)) public paid;

    /// The epoch was certified and is finished; the epochs since the last one are its gap.
    function _noteFinished(uint32 epoch, uint256 missing, uint32 providers) internal {
        uint32 before = _finished;
        for (uint32 e = before + 1; e <= epoch; ++e) {
            bool counts = e == epoch || e <= before + MAX_GAP;
            for (uint32 id = 1; id <= providers; ++id) {
                bool passes = counts && (missing >> (id - 1)) & 1 == 0;
                _passed[id][e] = _passed[id][e - 1] + (passes ? 1 : 0);
            }
        }
        _finished = epoch;
    }

    function _noteOpened(uint256 order, uint32[] memory providers, uint32 start) internal {
        for (uint256 slot = 0; slot < providers.length; ++slot) {
            _tenures[order][slot].push(Tenure(providers[slot], start, 0));
        }
    }

    /// To be called after every change of the slot, which then has one step behind it at most.
    function _noteSlot(uint256 order, uint256 slot, IRepairsTypes.Slot memory it) internal {
        Tenure[] storage tenures = _tenures[order][slot];
        Tenure storage last = tenures[tenures.length - 1];
        bool stays = !it.vacant && it.holder == last.provider && it.since == last.since;
        if (stays && last.until == 0) return;
        if (last.until == 0) {
            assertEq(it.former, last.provider, "former");
            assertEq(it.formerSince, last.since, "former since");
            last.until = it.until;
        }
        assertEq(it.until, last.until, "until");
        if (!it.vacant && !stays) tenures.push(Tenure(it.holder, it.since, 0));
    }

    /// What the provider has earned with slots of the order, of which all before `settledTo` is settled.
    function _earned(
        uint256 order,
        uint256 slots,
        uint32 provider,
        uint256 rate,
        uint32 settledTo
    ) internal view returns (uint256 earned) {
        for (uint256 slot = 0; slot < slots; ++slot) {
            Tenure[] storage tenures = _tenures[order][slot];
            for (uint256 i = 0; i < tenures.length; ++i) {
                Tenure memory tenure = tenures[i];
                if (tenure.provider != provider) continue;
                uint32 to = tenure.until != 0 && tenure.until < settledTo ? tenure.until : settledTo;
                if (to <= tenure.since) continue;
                uint256 epochs = _passed[provider][to - 1] - _passed[provider][tenure.since - 1];
                earned += (rate * epochs) >> 32;
            }
        }
    }
}
