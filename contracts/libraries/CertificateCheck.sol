// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IChallengeSettlementErrors, IChallengeSettlementTypes} from "../interfaces/IChallengeSettlement.sol";
import {Bits} from "./Bits.sol";
import {CompactSignatures} from "./CompactSignatures.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {Roster} from "./Roster.sol";

/// @title What makes a certificate valid on a roster
library CertificateCheck {
    using Roster for bytes;

    bytes32 internal constant COMMIT_TYPEHASH = keccak256(
        "Commit(address group,uint32 term,uint32 epoch,uint32 round,bytes32 resultsRoot,"
        "bytes32 exceptionsRoot,uint32 exceptions,uint32 absent,uint8 leader)"
    );

    function structHash(
        IChallengeSettlementTypes.Certificate calldata certificate,
        address group
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(COMMIT_TYPEHASH, group, certificate));
    }

    /// @notice Leader and absent are on the roster, enough were present, the empty root stands for no exceptions.
    function checkContent(IChallengeSettlementTypes.Certificate calldata certificate, uint256 members) internal pure {
        if (certificate.leader >= members) {
            revert IChallengeSettlementErrors.LeaderUnknown(certificate.leader, members);
        }
        uint32 absent = certificate.absent;
        if (absent >> members != 0 || Bits.count(absent) > members - Roster.quorumOf(members)) {
            revert IChallengeSettlementErrors.AbsentInvalid(absent, members);
        }
        if ((certificate.exceptions == 0) != (certificate.exceptionsRoot == MerkleTree.EMPTY)) {
            revert IChallengeSettlementErrors.ExceptionsRootInvalid(certificate.exceptionsRoot, certificate.exceptions);
        }
    }

    /// @notice No signer was slashed.
    function checkMask(uint32 signers, uint32 masked) internal pure {
        if (signers & masked != 0) revert IChallengeSettlementErrors.MembersMasked(signers, masked);
    }

    /// @notice Exactly a quorum of members has signed the digest, in roster order.
    function checkSignatures(
        bytes memory members,
        uint32 signers,
        bytes calldata signatures,
        bytes32 digest
    ) internal view {
        uint256 size = members.size();
        if (uint256(signers) >> size != 0) revert IChallengeSettlementErrors.SignersUnknown(signers, size);
        uint256 quorum = Roster.quorumOf(size);
        uint256 count = Bits.count(signers);
        if (count != quorum) revert IChallengeSettlementErrors.QuorumWrong(count, quorum);
        uint256 expected = quorum * CompactSignatures.BYTES;
        if (signatures.length != expected) {
            revert IChallengeSettlementErrors.SignaturesLength(signatures.length, expected);
        }
        uint256 next = 0;
        for (uint256 i = 0; i < size; ++i) {
            if ((signers >> i) & 1 == 0) continue;
            address recovered = CompactSignatures.recover(digest, signatures, next++);
            address operator = members.operatorAt(i);
            // No operator is the zero address, which a failed recovery gives.
            if (recovered != operator) revert IChallengeSettlementErrors.SignatureInvalid(i, recovered, operator);
        }
    }
}
