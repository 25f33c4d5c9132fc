// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Registrations} from "./Registrations.sol";
import {IChallengeSettlement} from "./interfaces/IChallengeSettlement.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CloneArguments} from "./libraries/CloneArguments.sol";
import {RollingHash} from "./libraries/RollingHash.sol";
import {Tokens} from "./libraries/Tokens.sol";

/// @title Part of `Staking`: keepers and their seats
/// @notice Documented at `IStaking`.
abstract contract Keepers is Registrations {
    using RollingHash for RollingHash.Chain;
    using SafeERC20 for IERC20;
    using Tokens for IERC20;

    uint256 private constant SEATS = 32;
    uint8 private constant NO_SEAT = type(uint8).max;
    /// @dev Shown instead of an epoch for a slashed keeper.
    uint32 private constant NEVER = type(uint32).max;
    /// @dev Of a keeper's stake, the part of who reports it is one in this many.
    uint256 private constant REPORTER_PART = 20;
    address private constant BURNT = 0x000000000000000000000000000000000000dEaD;

    /// @dev One word.
    struct Place {
        address operator;
        /// Seat number + 1, or 0 without one.
        uint8 place;
        uint64 seatedAt;
        /// Slashed: takes no seat again. In this word, which losing the seat writes anyway.
        bool ejected;
    }

    struct KeeperRecord {
        Holding holding;
        Place place;
        Unbonding unbonding;
    }

    mapping(uint32 keeperId => KeeperRecord record) private _keepers;

    /// @inheritdoc IStaking
    mapping(address operator => uint32 keeperId) public keeperOf;

    uint32[SEATS] private _seats;

    /// @inheritdoc IStaking
    uint32 public keeperCount;

    // ------------------------------------------------------------------------------------------------ registration

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
        record.holding = Holding(msg.sender, uint96(stake));
        uint8 seat = _seat(keeperId, record, operator, stake);
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
    function updateKeeper(uint32 keeperId, string calldata endpoint) external {
        KeeperRecord storage record = _keeperRecord(keeperId);
        _checkOwnerOrOperator(record.holding.owner, record.place.operator);
        _checkEndpoint(endpoint);
        _events.log(KeeperUpdated.selector, _topic(keeperId), abi.encode(endpoint));
    }

    /// @inheritdoc IStaking
    function takeSeat(uint32 keeperId) external {
        KeeperRecord storage record = _keeperRecord(keeperId);
        (Holding memory holding, Place memory place) = (record.holding, record.place);
        _checkOwnerOrOperator(holding.owner, place.operator);
        if (place.place != 0) revert KeeperAlreadySeated(keeperId, place.place - 1);
        uint32 rejoinEpoch = record.unbonding.rejoinEpoch;
        if (place.ejected) revert KeeperEjected(keeperId);
        if (_epochNow() < rejoinEpoch) revert RejoinTooEarly(keeperId, _epochNow(), rejoinEpoch);
        uint128 minimum = uint128(CloneArguments.word(CloneArguments.MIN_KEEPER_STAKE));
        if (holding.stake < minimum) revert StakeTooLow(holding.stake, minimum);
        uint8 seat = _seat(keeperId, record, place.operator, holding.stake);
        _events.log(KeeperSeated.selector, _topic(keeperId), abi.encode(seat));
    }

    // ---------------------------------------------------------------------------------------------------- slashing

    /// @inheritdoc IStaking
    function slashKeeper(
        uint32 keeperId,
        address reporter
    ) external nonReentrant onlyContract(CloneArguments.SETTLEMENT) returns (uint128 amount, uint128 reward) {
        KeeperRecord storage record = _keeperRecord(keeperId);
        amount = uint128(record.holding.stake) + record.unbonding.amount;
        reward = uint128(amount / REPORTER_PART);
        record.holding.stake = 0;
        if (record.unbonding.amount != 0) (record.unbonding.amount, record.unbonding.availableAt) = (0, 0);
        record.place.ejected = true;
        if (record.place.place != 0) _unseat(keeperId, 0);
        _events.log(KeeperSlashed.selector, _topic(keeperId), _topic(reporter), abi.encode(amount, reward));
        _token().safeTransfer(reporter, reward);
        _token().safeTransfer(BURNT, amount - reward);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStaking
    function keeper(uint32 keeperId) external view returns (Keeper memory) {
        KeeperRecord memory record = _keeperRecord(keeperId);
        return
            Keeper({
                owner: record.holding.owner,
                operator: record.place.operator,
                stake: record.holding.stake,
                seat: record.place.place == 0 ? NO_SEAT : record.place.place - 1,
                seatedAt: record.place.seatedAt,
                unbonding: record.unbonding.amount,
                unbondingAt: record.unbonding.availableAt,
                rejoinEpoch: record.place.ejected ? NEVER : record.unbonding.rejoinEpoch
            });
    }

    /// @inheritdoc IStaking
    function seatsBefore(uint256 blockNumber) external view returns (Seat[] memory seats) {
        seats = new Seat[](SEATS);
        uint256 count = 0;
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            uint32 keeperId = _seats[seat];
            if (keeperId == 0) continue;
            Place memory place = _keepers[keeperId].place;
            if (place.seatedAt < blockNumber) seats[count++] = Seat(keeperId, place.operator);
        }
        assembly ("memory-safe") {
            mstore(seats, count)
        }
    }

    // ---------------------------------------------------------------------------------------------------- internal

    /// @dev The first free seat, else that of the smallest stake (the one taken last among equals) if it is outbid.
    function _seat(
        uint32 keeperId,
        KeeperRecord storage record,
        address operator,
        uint128 stake
    ) private returns (uint8) {
        uint256 chosen = _freeSeat();
        if (chosen == SEATS) {
            uint128 smallest;
            (chosen, smallest) = _smallestSeat();
            if (stake <= smallest) revert SeatOutbid(stake, smallest);
            _unseat(_seats[chosen], keeperId);
        }
        _seats[chosen] = keeperId;
        record.place = Place(operator, uint8(chosen + 1), uint64(block.number), false);
        return uint8(chosen);
    }

    function _freeSeat() private view returns (uint256 seat) {
        while (seat < SEATS && _seats[seat] != 0) ++seat;
    }

    /// @dev All seats are taken.
    function _smallestSeat() private view returns (uint256 chosen, uint128 smallest) {
        smallest = type(uint128).max;
        uint64 since = 0;
        for (uint256 seat = 0; seat < SEATS; ++seat) {
            KeeperRecord storage seated = _keepers[_seats[seat]];
            (uint128 stake, uint64 seatedAt) = (seated.holding.stake, seated.place.seatedAt);
            if (stake < smallest || (stake == smallest && seatedAt > since)) {
                (chosen, smallest, since) = (seat, stake, seatedAt);
            }
        }
    }

    /// @param by Who outbid the keeper, or 0.
    function _unseat(uint32 keeperId, uint32 by) private {
        Place storage place = _keepers[keeperId].place;
        uint8 seat = place.place - 1;
        (place.place, place.seatedAt) = (0, 0);
        _seats[seat] = 0;
        _events.log(KeeperUnseated.selector, _topic(keeperId), abi.encode(seat, by));
    }

    function _addKeeperStake(uint32 id, uint128 amount) internal returns (uint96 stake) {
        Holding storage holding = _keeperRecord(id).holding;
        stake = _checkedStake(uint256(holding.stake) + amount);
        holding.stake = stake;
    }

    function _unbondKeeper(uint32 id, uint128 amount, uint64 availableAt) internal returns (uint96, uint96) {
        KeeperRecord storage record = _keeperRecord(id);
        Holding memory holding = record.holding;
        uint96 left = _left(id, holding, holding.stake, amount, CloneArguments.MIN_KEEPER_STAKE);
        Unbonding memory unbonding = record.unbonding;
        (unbonding.amount, unbonding.availableAt) = (unbonding.amount + uint96(amount), availableAt);
        if (left == 0 && record.place.place != 0) {
            unbonding.rejoinEpoch = _epochNow() + uint32(CloneArguments.word(CloneArguments.REJOIN_EPOCHS));
            _unseat(id, 0);
        }
        record.holding.stake = left;
        record.unbonding = unbonding;
        return (left, unbonding.amount);
    }

    function _withdrawKeeper(uint32 id) internal returns (address owner, uint96 amount) {
        KeeperRecord storage record = _keeperRecord(id);
        (Holding memory holding, Unbonding memory unbonding) = (record.holding, record.unbonding);
        _checkUnbonded(id, unbonding);
        if (
            holding.stake < CloneArguments.word(CloneArguments.MIN_KEEPER_STAKE) &&
            IChallengeSettlement(_address(CloneArguments.SETTLEMENT)).isMember(id)
        ) revert KeeperOnRoster(id);
        (record.unbonding.amount, record.unbonding.availableAt) = (0, 0);
        return (holding.owner, unbonding.amount);
    }

    /// @return former The key before.
    function _setKeeperOperator(uint32 id, address operator) internal returns (address former) {
        KeeperRecord storage record = _keeperRecord(id);
        _checkOwner(record.holding.owner);
        _checkOperator(operator, keeperOf[operator]);
        former = record.place.operator;
        (keeperOf[former], keeperOf[operator]) = (0, id);
        record.place.operator = operator;
    }

    function _keeperHolding(uint32 id) internal view returns (Holding storage) {
        return _keeperRecord(id).holding;
    }

    function _keeperRecord(uint32 keeperId) private view returns (KeeperRecord storage record) {
        record = _keepers[keeperId];
        if (record.holding.owner == address(0)) revert KeeperUnknown(keeperId);
    }
}
