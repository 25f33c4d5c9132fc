// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {GroupContract} from "./GroupContract.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Registration and stake of a group
/// @notice Documented at `IStaking`.
contract Staking is GroupContract, ReentrancyGuardTransient, IStaking {
    using RollingHash for RollingHash.Chain;
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    uint256 private constant SEATS = 32;
    uint8 private constant NO_SEAT = type(uint8).max;
    uint256 private constant ENDPOINT_BYTES_MAX = 256;
    /// @dev Of a keeper's stake, the part of who reports it is one in this many.
    uint256 private constant REPORTER_PART = 20;
    address private constant BURNT = 0x000000000000000000000000000000000000dEaD;

    /// @dev Three words; opening an order touches the first two.
    struct ProviderRecord {
        address owner;
        uint96 stake;
        address operator;
        uint96 locked;
        uint96 unbonding;
        uint64 unbondingAt;
        bool exiting;
    }

    struct KeeperRecord {
        address owner;
        uint96 stake;
        address operator;
        /// Seat number + 1, or 0 without one.
        uint8 place;
        uint64 seatedAt;
        uint96 unbonding;
        uint64 unbondingAt;
    }

    mapping(uint32 providerId => ProviderRecord record) private _providers;
    mapping(uint32 keeperId => KeeperRecord record) private _keepers;

    /// @inheritdoc IStaking
    mapping(address operator => uint32 providerId) public providerOf;

    /// @inheritdoc IStaking
    mapping(address operator => uint32 keeperId) public keeperOf;

    uint32[SEATS] private _seats;

    /// @inheritdoc IStaking
    uint32 public providerCount;

    /// @inheritdoc IStaking
    uint32 public keeperCount;

    // ------------------------------------------------------------------------------------------------ registration

    /// @inheritdoc IStaking
    function registerProvider(
        address operator,
        string calldata endpoint,
        bytes32 domain,
        uint128 ask,
        bool repairs,
        uint128 stake
    ) external nonReentrant returns (uint32 providerId) {
        _checkRegistration(operator, providerOf[operator], endpoint, stake, CloneArguments.MIN_PROVIDER_STAKE);
        providerId = ++providerCount;
        providerOf[operator] = providerId;
        ProviderRecord storage record = _providers[providerId];
        (record.owner, record.stake, record.operator) = (msg.sender, uint96(stake), operator);
        _events.log(
            ProviderRegistered.selector,
            _topic(providerId),
            _topic(msg.sender),
            _topic(operator),
            abi.encode(domain, ask, repairs, endpoint)
        );
        _logDeposit(Role.Provider, providerId, stake, stake);
        _token().pull(msg.sender, stake);
    }

    /// @inheritdoc IStaking
    function registerKeeper(
        address operator,
        string calldata endpoint,
        uint128 stake
    ) external nonReentrant returns (uint32 keeperId) {
        _checkRegistration(operator, keeperOf[operator], endpoint, stake, CloneArguments.MIN_KEEPER_STAKE);
        keeperId = ++keeperCount;
        keeperOf[operator] = keeperId;
        KeeperRecord storage record = _keepers[keeperId];
        (record.owner, record.stake, record.operator) = (msg.sender, uint96(stake), operator);
        uint8 seat = _seat(keeperId, record);
        _events.log(
            KeeperRegistered.selector,
            _topic(keeperId),
            _topic(msg.sender),
            _topic(operator),
            abi.encode(seat, endpoint)
        );
        _logDeposit(Role.Keeper, keeperId, stake, stake);
        _token().pull(msg.sender, stake);
    }

    /// @inheritdoc IStaking
    function updateProvider(
        uint32 providerId,
        string calldata endpoint,
        bytes32 domain,
        uint128 ask,
        bool repairs
    ) external {
        ProviderRecord storage record = _providerRecord(providerId);
        if (msg.sender != record.owner && msg.sender != record.operator) revert NotOwnerOrOperator(msg.sender);
        _checkEndpoint(endpoint);
        _events.log(ProviderUpdated.selector, _topic(providerId), abi.encode(domain, ask, repairs, endpoint));
    }

    /// @inheritdoc IStaking
    function updateKeeper(uint32 keeperId, string calldata endpoint) external {
        KeeperRecord storage record = _keeperRecord(keeperId);
        if (msg.sender != record.owner && msg.sender != record.operator) revert NotOwnerOrOperator(msg.sender);
        _checkEndpoint(endpoint);
        _events.log(KeeperUpdated.selector, _topic(keeperId), abi.encode(endpoint));
    }

    /// @inheritdoc IStaking
    function takeSeat(uint32 keeperId) external {
        KeeperRecord storage record = _keeperRecord(keeperId);
        if (msg.sender != record.owner && msg.sender != record.operator) revert NotOwnerOrOperator(msg.sender);
        if (record.place != 0) revert KeeperAlreadySeated(keeperId, record.place - 1);
        uint128 minimum = uint128(CloneArguments.word(CloneArguments.MIN_KEEPER_STAKE));
        if (record.stake < minimum) revert StakeTooLow(record.stake, minimum);
        uint8 seat = _seat(keeperId, record);
        _events.log(KeeperSeated.selector, _topic(keeperId), abi.encode(seat));
    }

    // ------------------------------------------------------------------------------------------------------- stake

    /// @inheritdoc IStaking
    function addStake(Role role, uint32 id, uint128 amount) external nonReentrant {
        if (amount == 0) revert AmountZero();
        uint256 stake;
        if (role == Role.Provider) {
            ProviderRecord storage record = _providerRecord(id);
            stake = _checkedStake(uint256(record.stake) + amount);
            record.stake = uint96(stake);
        } else {
            KeeperRecord storage record = _keeperRecord(id);
            stake = _checkedStake(uint256(record.stake) + amount);
            record.stake = uint96(stake);
        }
        _logDeposit(role, id, amount, uint128(stake));
        _token().pull(msg.sender, amount);
    }

    /// @inheritdoc IStaking
    function requestUnbonding(Role role, uint32 id, uint128 amount) external {
        if (amount == 0) revert AmountZero();
        uint64 availableAt = uint64(block.timestamp + CloneArguments.word(CloneArguments.UNBONDING_DELAY));
        (uint96 left, uint96 unbonding) = role == Role.Provider
            ? _unbondProvider(id, amount, availableAt)
            : _unbondKeeper(id, amount, availableAt);
        _events.log(
            UnbondingRequested.selector,
            _topic(uint256(role)),
            _topic(id),
            abi.encode(unbonding, availableAt, left)
        );
    }

    /// @inheritdoc IStaking
    function withdrawStake(Role role, uint32 id) external nonReentrant {
        address owner;
        uint96 amount;
        if (role == Role.Provider) {
            ProviderRecord storage record = _providerRecord(id);
            (owner, amount) = (record.owner, record.unbonding);
            _checkUnbonded(id, amount, record.unbondingAt);
            (record.unbonding, record.unbondingAt) = (0, 0);
        } else {
            KeeperRecord storage record = _keeperRecord(id);
            (owner, amount) = (record.owner, record.unbonding);
            _checkUnbonded(id, amount, record.unbondingAt);
            if (
                record.stake < CloneArguments.word(CloneArguments.MIN_KEEPER_STAKE) &&
                IChallengeSettlement(_address(CloneArguments.SETTLEMENT)).isMember(id)
            ) revert KeeperOnRoster(id);
            (record.unbonding, record.unbondingAt) = (0, 0);
        }
        _events.log(StakeWithdrawn.selector, _topic(uint256(role)), _topic(id), _topic(owner), abi.encode(amount));
        _token().safeTransfer(owner, amount);
    }

    /// @inheritdoc IStaking
    function setExiting(uint32 providerId, bool exiting) external {
        ProviderRecord storage record = _providerRecord(providerId);
        if (msg.sender != record.owner && msg.sender != record.operator) revert NotOwnerOrOperator(msg.sender);
        if (record.exiting == exiting) revert ExitUnchanged(providerId, exiting);
        record.exiting = exiting;
        _events.log(ProviderExiting.selector, _topic(providerId), abi.encode(exiting));
    }

    // -------------------------------------------------------------------------------------------------- collateral

    /// @inheritdoc IStaking
    function lockCollateral(
        uint32[] calldata providerIds,
        uint128 amount,
        bytes32 orderId
    ) external returns (address[] memory operators) {
        _onlyOf(CloneArguments.ORDERS, CloneArguments.REPAIRS);
        uint128 minimum = uint128(CloneArguments.word(CloneArguments.MIN_PROVIDER_STAKE));
        operators = new address[](providerIds.length);
        bytes memory data = abi.encode(amount);
        for (uint256 i = 0; i < providerIds.length; ++i) {
            uint32 providerId = providerIds[i];
            ProviderRecord storage record = _providers[providerId];
            (address owner, uint96 stake) = (record.owner, record.stake);
            if (owner == address(0)) revert ProviderUnknown(providerId);
            if (stake < minimum) revert StakeTooLow(stake, minimum);
            (address operator, uint96 locked) = (record.operator, record.locked);
            // No more than the stake is ever locked, nor here.
            unchecked {
                uint96 free = stake - locked;
                if (free < amount) revert StakeNotFree(providerId, free, amount);
                (record.operator, record.locked) = (operator, locked + uint96(amount));
            }
            operators[i] = operator;
            _events.log(CollateralLocked.selector, _topic(providerId), orderId, data);
        }
    }

    /// @inheritdoc IStaking
    function releaseCollateral(uint32[] calldata providerIds, uint128 amount, bytes32 orderId) external {
        if (msg.sender != _address(CloneArguments.ORDERS)) _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        for (uint256 i = 0; i < providerIds.length; ++i) {
            _providers[providerIds[i]].locked -= uint96(amount);
            _events.log(CollateralReleased.selector, _topic(providerIds[i]), orderId, abi.encode(amount));
        }
    }

    // ---------------------------------------------------------------------------------------------------- slashing

    /// @inheritdoc IStaking
    function slashProvider(uint32 providerId, uint128 amount, bytes32 orderId) external nonReentrant {
        _onlyOf(CloneArguments.DISPUTES, CloneArguments.REPAIRS);
        ProviderRecord storage record = _providerRecord(providerId);
        (uint96 stake, uint96 locked) = (record.stake, record.locked);
        if (locked < amount) revert CollateralTooLow(providerId, locked, amount);
        (record.stake, record.locked) = (stake - uint96(amount), locked - uint96(amount));
        _events.log(ProviderSlashed.selector, _topic(providerId), orderId, abi.encode(amount, stake - uint96(amount)));
        _token().safeTransfer(_address(CloneArguments.ORDERS), amount);
    }

    /// @inheritdoc IStaking
    function slashKeeper(
        uint32 keeperId,
        address reporter
    ) external nonReentrant onlyContract(CloneArguments.DISPUTES) returns (uint128 amount, uint128 reward) {
        KeeperRecord storage record = _keeperRecord(keeperId);
        amount = uint128(record.stake) + record.unbonding;
        reward = uint128(amount / REPORTER_PART);
        (record.stake, record.unbonding, record.unbondingAt) = (0, 0, 0);
        if (record.place != 0) _unseat(keeperId, 0);
        _events.log(KeeperSlashed.selector, _topic(keeperId), _topic(reporter), abi.encode(amount, reward));
        _token().safeTransfer(reporter, reward);
        _token().safeTransfer(BURNT, amount - reward);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStaking
    function provider(uint32 providerId) external view returns (Provider memory) {
        ProviderRecord storage record = _providerRecord(providerId);
        return
            Provider({
                owner: record.owner,
                operator: record.operator,
                stake: record.stake,
                locked: record.locked,
                unbonding: record.unbonding,
                unbondingAt: record.unbondingAt,
                exiting: record.exiting
            });
    }

    /// @inheritdoc IStaking
    function keeper(uint32 keeperId) external view returns (Keeper memory) {
        KeeperRecord storage record = _keeperRecord(keeperId);
        return
            Keeper({
                owner: record.owner,
                operator: record.operator,
                stake: record.stake,
                seat: record.place == 0 ? NO_SEAT : record.place - 1,
                seatedAt: record.seatedAt,
                unbonding: record.unbonding,
                unbondingAt: record.unbondingAt
            });
    }

    /// @inheritdoc IStaking
    function seatsBefore(
        uint256 blockNumber
    ) external view returns (uint32[] memory keeperIds, address[] memory operators) {
        keeperIds = new uint32[](SEATS);
        operators = new address[](SEATS);
        uint256 count = 0;
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            uint32 keeperId = _seats[seat];
            KeeperRecord storage record = _keepers[keeperId];
            if (keeperId == 0 || record.seatedAt >= blockNumber) continue;
            (keeperIds[count], operators[count]) = (keeperId, record.operator);
            ++count;
        }
        assembly ("memory-safe") {
            mstore(keeperIds, count)
            mstore(operators, count)
        }
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _ownInterface() internal pure override returns (bytes4) {
        return type(IStaking).interfaceId;
    }

    /// @dev The first free seat, else that of the smallest stake (the one taken last among equals) if it is outbid.
    function _seat(uint32 keeperId, KeeperRecord storage record) private returns (uint8) {
        uint256 chosen = SEATS;
        uint256 smallest = type(uint256).max;
        uint256 since = 0;
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            uint32 holder = _seats[seat];
            if (holder == 0) {
                (chosen, smallest) = (seat, 0);
                break;
            }
            KeeperRecord storage seated = _keepers[holder];
            if (seated.stake < smallest || (seated.stake == smallest && seated.seatedAt > since)) {
                (chosen, smallest, since) = (seat, seated.stake, seated.seatedAt);
            }
        }
        if (record.stake <= smallest) revert SeatOutbid(record.stake, uint128(smallest));
        if (_seats[chosen] != 0) _unseat(_seats[chosen], keeperId);
        _seats[chosen] = keeperId;
        (record.place, record.seatedAt) = (uint8(chosen + 1), uint64(block.number));
        return uint8(chosen);
    }

    function _unseat(uint32 keeperId, uint32 by) private {
        KeeperRecord storage record = _keepers[keeperId];
        uint8 seat = record.place - 1;
        (record.place, record.seatedAt) = (0, 0);
        _seats[seat] = 0;
        _events.log(KeeperUnseated.selector, _topic(keeperId), abi.encode(seat, by));
    }

    function _unbondProvider(uint32 id, uint128 amount, uint64 availableAt) private returns (uint96, uint96) {
        ProviderRecord storage record = _providerRecord(id);
        if (msg.sender != record.owner) revert NotOwner(msg.sender, record.owner);
        uint96 left = _left(id, record.stake, record.stake - record.locked, amount, CloneArguments.MIN_PROVIDER_STAKE);
        uint96 unbonding = record.unbonding + uint96(amount);
        (record.stake, record.unbonding, record.unbondingAt) = (left, unbonding, availableAt);
        return (left, unbonding);
    }

    function _unbondKeeper(uint32 id, uint128 amount, uint64 availableAt) private returns (uint96, uint96) {
        KeeperRecord storage record = _keeperRecord(id);
        if (msg.sender != record.owner) revert NotOwner(msg.sender, record.owner);
        uint96 left = _left(id, record.stake, record.stake, amount, CloneArguments.MIN_KEEPER_STAKE);
        uint96 unbonding = record.unbonding + uint96(amount);
        (record.stake, record.unbonding, record.unbondingAt) = (left, unbonding, availableAt);
        if (left == 0 && record.place != 0) _unseat(id, 0);
        return (left, unbonding);
    }

    function _left(
        uint32 id,
        uint96 stake,
        uint96 free,
        uint128 amount,
        uint256 minimum
    ) private view returns (uint96) {
        if (free < amount) revert StakeNotFree(id, free, amount);
        uint96 left = stake - uint96(amount);
        uint128 required = uint128(CloneArguments.word(minimum));
        if (left != 0 && left < required) revert StakeTooLow(left, required);
        return left;
    }

    function _checkUnbonded(uint32 id, uint96 amount, uint64 availableAt) private view {
        if (amount == 0) revert NothingUnbonding(id);
        if (block.timestamp < availableAt) revert UnbondingNotOver(availableAt, uint64(block.timestamp));
    }

    function _checkRegistration(
        address operator,
        uint32 taken,
        string calldata endpoint,
        uint128 stake,
        uint256 minimum
    ) private view {
        if (operator == address(0)) revert OperatorMissing();
        if (taken != 0) revert OperatorTaken(operator, taken);
        _checkEndpoint(endpoint);
        uint128 required = uint128(CloneArguments.word(minimum));
        if (stake < required) revert StakeTooLow(stake, required);
        _checkedStake(stake);
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > ENDPOINT_BYTES_MAX) revert StringLengthInvalid(length, ENDPOINT_BYTES_MAX);
    }

    function _checkedStake(uint256 stake) private pure returns (uint256) {
        if (stake > type(uint96).max) revert StakeTooHigh(stake);
        return stake;
    }

    function _logDeposit(Role role, uint32 id, uint128 amount, uint128 stake) private {
        _events.log(StakeDeposited.selector, _topic(uint256(role)), _topic(id), abi.encode(amount, stake));
    }

    function _providerRecord(uint32 providerId) private view returns (ProviderRecord storage record) {
        record = _providers[providerId];
        if (record.owner == address(0)) revert ProviderUnknown(providerId);
    }

    function _keeperRecord(uint32 keeperId) private view returns (KeeperRecord storage record) {
        record = _keepers[keeperId];
        if (record.owner == address(0)) revert KeeperUnknown(keeperId);
    }

    function _token() private view returns (IERC20) {
        return IERC20(_address(CloneArguments.TOKEN));
    }
}
