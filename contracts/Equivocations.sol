// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Rosters} from "./Rosters.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {CertificateCheck} from "./libraries/CertificateCheck.sol";
import {CompactSignatures} from "./libraries/CompactSignatures.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Roster} from "./libraries/Roster.sol";

/// @title Part of `ChallengeSettlement`: keepers that sign two results of one round
/// @notice Documented at `IChallengeSettlement`.
abstract contract Equivocations is Rosters, EIP712 {
    using RollingHash for RollingHash.Chain;
    using Roster for bytes;

    /// @inheritdoc IChallengeSettlement
    function reportEquivocation(
        Certificate calldata a,
        Certificate calldata b,
        uint8 member,
        bytes calldata first,
        bytes calldata second
    ) external {
        uint32 keeperId = _signerOfBoth(a, b, member, first, second);
        _maskKeeper(keeperId, a.term);
        (uint128 slashed, uint128 reward) = _staking().slashKeeper(keeperId, msg.sender);
        if (slashed == 0) revert KeeperAlreadySlashed(keeperId);
        _events.log(
            EquivocationReported.selector,
            _topic(keeperId),
            _topic(msg.sender),
            abi.encode(a.epoch, a.round, slashed, reward)
        );
    }

    /// @inheritdoc IChallengeSettlement
    function commitDigest(Certificate calldata certificate) public view returns (bytes32) {
        return _hashTypedDataV4(CertificateCheck.structHash(certificate, address(this)));
    }

    /// @dev The member of the roster that signed two different certificates of one round.
    function _signerOfBoth(
        Certificate calldata a,
        Certificate calldata b,
        uint8 member,
        bytes calldata first,
        bytes calldata second
    ) private view returns (uint32) {
        bytes32 digestA = commitDigest(a);
        bytes32 digestB = commitDigest(b);
        bool sameRound = a.term == b.term && a.epoch == b.epoch && a.round == b.round;
        if (!sameRound || digestA == digestB) revert NoConflict();
        Member memory signer = _unmasked(a.term, member);
        _checkSigner(digestA, first, signer.operator);
        _checkSigner(digestB, second, signer.operator);
        return signer.keeperId;
    }

    /// @dev A member whose signatures still count.
    function _unmasked(uint32 term, uint8 member) private view returns (Member memory signer) {
        (address pointer, uint32 masked_) = _rosterOf(term);
        bytes memory members = Roster.read(pointer);
        if (member >= members.size()) revert MemberUnknown(member, members.size());
        signer = Member(members.keeperAt(member), members.operatorAt(member));
        if ((masked_ >> member) & 1 == 1) revert KeeperAlreadySlashed(signer.keeperId);
    }

    function _checkSigner(bytes32 digest, bytes calldata signature, address operator) private view {
        address recovered =
            signature.length == CompactSignatures.BYTES ? CompactSignatures.recover(digest, signature, 0) : address(0);
        // No operator is the zero address, which a failed recovery gives.
        if (recovered != operator) revert SignatureNotOfMember(recovered, operator);
    }
}
