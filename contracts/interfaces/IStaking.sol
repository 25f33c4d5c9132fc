// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IGroup} from "./IGroup.sol";
import {IPermitCalls} from "./IPermitCalls.sol";

interface IStakingTypes {
    /// @notice What a stake stands for. The two are separate balances, even of one owner.
    enum Role {
        Provider,
        Keeper
    }

    struct Provider {
        /// Owns the stake.
        address owner;
        /// Signs orders and proofs.
        address operator;
        uint128 stake;
        /// Part of the stake that slots hold as collateral; never more than `stake`.
        uint128 locked;
        /// Amount on its way out.
        uint128 unbonding;
        /// Unix seconds from which `unbonding` can be withdrawn.
        uint64 unbondingAt;
        /// Whether it asked to leave: its slots are offered to others.
        bool exiting;
        /// First epoch in which it may take slots again after a slash, or 0.
        uint32 jailedUntil;
    }

    struct Keeper {
        address owner;
        /// Signs votes.
        address operator;
        uint128 stake;
        /// Seat number, or 255 without one.
        uint8 seat;
        /// Block in which the seat was taken.
        uint64 seatedAt;
        uint128 unbonding;
        uint64 unbondingAt;
        /// First epoch in which it may take a seat after it left one by itself; 2^32 − 1 after a slash: never.
        uint32 rejoinEpoch;
    }

    /// @notice Who sits in a seat.
    struct Seat {
        uint32 keeperId;
        address operator;
    }
}

interface IStakingErrors {
    /// @notice An operator is an address other than zero.
    error OperatorMissing();
    /// @notice The operator key already serves another id of this role.
    error OperatorTaken(address operator, uint32 id);
    /// @notice Less than what is required at least.
    error StakeTooLow(uint128 stake, uint128 required);
    /// @notice Amounts of stake have at most 96 bits.
    error StakeTooHigh(uint256 stake);
    /// @notice The table is full and the stake does not exceed the smallest one on it.
    error SeatOutbid(uint128 stake, uint128 smallest);
    /// @notice The keeper has a seat.
    error KeeperAlreadySeated(uint32 keeperId, uint8 seat);
    /// @notice A keeper of the roster in force has to keep its minimum stake.
    error KeeperOnRoster(uint32 keeperId);
    /// @notice The endpoint is empty or too long.
    error StringLengthInvalid(uint256 length, uint256 max);
    /// @notice No provider has this id.
    error ProviderUnknown(uint32 providerId);
    /// @notice No keeper has this id.
    error KeeperUnknown(uint32 keeperId);
    /// @notice Only the owner may do this.
    error NotOwner(address caller, address owner);
    /// @notice Only the owner or the operator may do this.
    error NotOwnerOrOperator(address caller);
    /// @notice Ownership was not handed to the caller but to `pending` (0: nobody).
    error NotPendingOwner(address caller, address pending);
    /// @notice Nothing would move.
    error AmountZero();
    /// @notice Less than `required` is neither locked nor on its way out.
    error StakeNotFree(uint32 id, uint128 free, uint128 required);
    /// @notice The stake can be withdrawn from `availableAt` on.
    error UnbondingNotOver(uint64 availableAt, uint64 time);
    /// @notice No stake waits to be withdrawn.
    error NothingUnbonding(uint32 id);
    /// @notice The provider already is, or is not, leaving.
    error ExitUnchanged(uint32 providerId, bool exiting);
    /// @notice Not so much of the stake is collateral.
    error CollateralTooLow(uint32 providerId, uint128 locked, uint128 required);
    /// @notice With this, more of the stake would be locked anew in one epoch than lockShare allows.
    error LockCapReached(uint32 providerId, uint128 newAmount, uint128 most);
    /// @notice The provider was slashed and takes no slots before that epoch.
    error JailNotOver(uint32 providerId, uint32 untilEpoch);
    /// @notice The keeper left a seat by itself and takes none before that epoch.
    error RejoinTooEarly(uint32 keeperId, uint32 epoch, uint32 fromEpoch);
    /// @notice The keeper was slashed and takes no seat again.
    error KeeperEjected(uint32 keeperId);
}

interface IStakingEvents is IStakingTypes {
    /// @notice A provider joined; where it is reached and what it asks for is only in events.
    event ProviderRegistered(
        uint32 indexed providerId,
        address indexed owner,
        address indexed operator,
        bytes32 domain,
        uint128 ask,
        bool repairs,
        string endpoint
    );
    /// @notice A provider says anew where it is reached and what it asks for.
    event ProviderUpdated(uint32 indexed providerId, bytes32 domain, uint128 ask, bool repairs, string endpoint);
    /// @notice A keeper joined and took a seat.
    event KeeperRegistered(
        uint32 indexed keeperId,
        address indexed owner,
        address indexed operator,
        uint8 seat,
        string endpoint
    );
    /// @notice A keeper says anew where it is reached.
    event KeeperUpdated(uint32 indexed keeperId, string endpoint);
    /// @notice A keeper without a seat took one.
    event KeeperSeated(uint32 indexed keeperId, uint8 seat);
    /// @notice A keeper left its seat, or `by` outbid it (0: it left by itself).
    event KeeperUnseated(uint32 indexed keeperId, uint8 seat, uint32 by);
    /// @notice `stake` is the total after the deposit.
    event StakeDeposited(Role indexed role, uint32 indexed id, uint128 amount, uint128 stake);
    /// @notice `amount` is all that is now on its way out, `stake` what is left.
    event UnbondingRequested(Role indexed role, uint32 indexed id, uint128 amount, uint64 availableAt, uint128 stake);
    /// @notice Stake that had waited went to its owner.
    event StakeWithdrawn(Role indexed role, uint32 indexed id, address indexed owner, uint128 amount);
    /// @notice Stake of a provider stands for slots of an order (token wei).
    event CollateralLocked(uint32 indexed providerId, bytes32 indexed orderId, uint128 amount);
    /// @notice Stake of a provider is free of an order (token wei).
    event CollateralReleased(uint32 indexed providerId, bytes32 indexed orderId, uint128 amount);
    /// @notice Collateral was taken and moved to `StorageOrders`; `stake` is what is left in all.
    event ProviderSlashed(uint32 indexed providerId, bytes32 indexed orderId, uint128 amount, uint128 stake);
    /// @notice A slashed provider takes no slots before that epoch.
    event ProviderJailed(uint32 indexed providerId, uint32 untilEpoch);
    /// @notice The whole stake of a keeper was taken: `reward` to `reporter`, the rest burnt.
    event KeeperSlashed(uint32 indexed keeperId, address indexed reporter, uint128 amount, uint128 reward);
    /// @notice The provider asked to leave, or (`exiting` false) stays after all.
    event ProviderExiting(uint32 indexed providerId, bool exiting);
    /// @notice Only `operator` signs from now on; `former` is free to serve another id.
    event OperatorChanged(Role indexed role, uint32 indexed id, address indexed operator, address former);
    /// @notice `to` may take over; 0 takes the offer back.
    event OwnershipTransferStarted(Role indexed role, uint32 indexed id, address indexed from, address to);
    /// @notice A new owner has taken the registration and its stake.
    event OwnershipTransferred(Role indexed role, uint32 indexed id, address indexed to, address from);
}

/// @title Registration and stake of a group
/// @notice Stake of providers and keepers, their operator keys, the seats of keepers and the collateral of slots.
interface IStaking is IGroup, IPermitCalls, IStakingErrors, IStakingEvents {
    /// @notice Registers a provider and pulls its stake from the caller, who becomes the owner.
    /// @dev Requires an operator that serves no other provider, stake ≥ minProviderStake and an endpoint of 1…256
    /// bytes.
    /// @param operator Key that signs orders and proofs.
    /// @param endpoint Multiaddress with peer id.
    /// @param domain Failure domain.
    /// @param ask Price asked, token wei per 2^32 shard-epochs.
    /// @param repairs Whether the provider takes repairs.
    /// @param stake Token wei.
    /// @return providerId Ids rise from 1.
    function registerProvider(
        address operator,
        string calldata endpoint,
        bytes32 domain,
        uint128 ask,
        bool repairs,
        uint128 stake
    ) external returns (uint32 providerId);

    /// @notice Registers a keeper, pulls its stake from the caller and takes a seat.
    /// @dev Requires as for providers; when all 32 seats are taken, a stake above the smallest one seated, whose
    /// keeper loses its seat (the one seated last among equals).
    function registerKeeper(
        address operator,
        string calldata endpoint,
        uint128 stake
    ) external returns (uint32 keeperId);

    /// @notice Publishes new facts about a provider. By its owner or operator.
    function updateProvider(
        uint32 providerId,
        string calldata endpoint,
        bytes32 domain,
        uint128 ask,
        bool repairs
    ) external;

    /// @notice Publishes a new endpoint of a keeper. By its owner or operator.
    function updateKeeper(uint32 keeperId, string calldata endpoint) external;

    /// @notice Adds to a stake; anyone may.
    function addStake(Role role, uint32 id, uint128 amount) external;

    /// @notice Takes a seat again for a keeper that lost or left it. By its owner or operator.
    /// @dev Who left a seat by itself waits rejoinEpochs, else stake could go in and out with the draws of a roster;
    /// who was outbid may come back at once, who was slashed never.
    function takeSeat(uint32 keeperId) external;

    /// @notice Starts to withdraw stake. By the owner.
    /// @dev Requires that the amount is not locked and that what is left is nothing or at least the role's minimum.
    /// The delay starts anew for all that is on its way. A keeper left with nothing leaves its seat.
    function requestUnbonding(Role role, uint32 id, uint128 amount) external;

    /// @notice Pays what is on its way out to the owner, once the delay has passed. By anyone.
    /// @dev A keeper below the minimum stake must also be off the roster in force.
    function withdrawStake(Role role, uint32 id) external;

    /// @notice Says that the provider wants to leave, or stays after all. Nothing changes until others have accepted
    /// its slots. By its owner or operator.
    function setExiting(uint32 providerId, bool exiting) external;

    /// @notice Makes another key the operator. By the owner. Whoever has the former key is out at once: orders,
    /// appeals and acceptances ask for the operator of now. A roster that is written keeps the former key of a keeper.
    /// @dev Requires an operator that serves no other id of the role.
    function setOperator(Role role, uint32 id, address operator) external;

    /// @notice Offers an id with its stake to another owner, or (0) takes the offer back. By the owner.
    function transferOwnership(Role role, uint32 id, address to) external;

    /// @notice Takes over what `transferOwnership` offered to the caller.
    function acceptOwnership(Role role, uint32 id) external;

    /// @notice Frees the collateral of `shards` of a provider and moves `taken` of it to `StorageOrders`. Only
    /// `Disputes`, which also jails the provider for rejoinEpochs, and `Repairs`.
    function slashProvider(uint32 providerId, uint32 shards, uint128 taken, bytes32 orderId) external;

    /// @notice Takes the whole stake of a keeper, on its way out or not: a twentieth to `reporter`, the rest burnt; its
    /// seat is free. Only `ChallengeSettlement`.
    function slashKeeper(uint32 keeperId, address reporter) external returns (uint128 amount, uint128 reward);

    /// @notice Locks the collateral of so many shards of every provider. Only `StorageOrders` and `Repairs`.
    /// @dev Requires known providers that are not jailed, with at least the minimum stake, that much of it free, and
    /// no more than lockShare of it locked anew in this epoch.
    /// @return operators Operator key of each provider.
    function lockCollateral(
        uint32[] calldata providerIds,
        uint32 shards,
        bytes32 orderId
    ) external returns (address[] memory operators);

    /// @notice Undoes `lockCollateral`. Only `StorageOrders`, `Disputes` and `Repairs`.
    function releaseCollateral(uint32[] calldata providerIds, uint32 shards, bytes32 orderId) external;

    /// @notice What is known of a provider.
    function provider(uint32 providerId) external view returns (Provider memory);

    /// @notice What is known of a keeper.
    function keeper(uint32 keeperId) external view returns (Keeper memory);

    /// @notice Providers registered so far; the last one has this id.
    function providerCount() external view returns (uint32);

    /// @notice Keepers registered so far; the last one has this id.
    function keeperCount() external view returns (uint32);

    /// @notice Who may take an id over, or 0.
    function pendingOwner(Role role, uint32 id) external view returns (address);

    /// @notice Id of the provider that `operator` signs for, or 0.
    function providerOf(address operator) external view returns (uint32);

    /// @notice Id of the keeper that `operator` signs for, or 0.
    function keeperOf(address operator) external view returns (uint32);

    /// @notice Keepers seated before block `blockNumber`, by seat.
    function seatsBefore(uint256 blockNumber) external view returns (Seat[] memory);
}
