"""Earn: strategies, allocations, and the moves into and out of them."""

from __future__ import annotations

from typing import Any

from tallyglass.money import ZERO, Amount, divide, multiply, total
from tallyglass.sandbox.kraken.account import Ids, moment
from tallyglass.sandbox.kraken.happen import pair_of_moves
from tallyglass.sandbox.kraken.house import Answer, Call, House
from tallyglass.sandbox.kraken.names import AWAY_CODES, digits
from tallyglass.sandbox.kraken.params import Refused
from tallyglass.sandbox.kraken.reads import cut

#: How long an allocation is under way.
_SECONDS = 2.0
_MINIMUM = "0.01"


def strategy_id(house: House, symbol: str) -> str:
    """The same for every account."""
    return Ids(f"{house.seed}:strategy:{symbol}").id("ES")


def strategies(call: Call) -> dict[str, Any]:
    """docs.kraken.com list-strategies: any key may ask; everything comes on page one."""
    wanted = call.house.names.find_asset(call.params.text("asset"))
    if call.params.text("asset") and wanted is None:
        raise Refused("EQuery:Unknown asset")
    locks = call.params.text("lock_type")
    listed = [_strategy(call.house, *each) for each in AWAY_CODES.items() if wanted is None or wanted.symbol == each[0]]
    return {"next_cursor": None, "items": [each for each in listed if not locks or each["lock_type"]["type"] in locks]}


def _strategy(house: House, symbol: str, code: str) -> dict[str, Any]:
    lock: dict[str, Any] = {"type": "flex", "payout_frequency": 604_800}
    if code.endswith(".S"):
        lock = {
            "type": "bonded",
            "payout_frequency": 604_800,
            "bonding_period": 0,
            "bonding_period_variable": False,
            "bonding_rewards": False,
            "unbonding_period": 2_419_200,
            "unbonding_period_variable": False,
            "unbonding_rewards": False,
            "exit_queue_period": 0,
        }
    if code.endswith(".M"):
        lock = {"type": "instant", "payout_frequency": 604_800}
    return {
        "id": strategy_id(house, symbol),
        "asset": symbol,
        "lock_type": lock,
        "apr_estimate": {"low": "3.0000", "high": "9.0000"},
        "user_min_allocation": _MINIMUM,
        "allocation_fee": "0.0000",
        "deallocation_fee": "0.0000",
        "auto_compound": {"type": "enabled"},
        "yield_source": {"type": "off_chain" if code.endswith(".M") else "staking"},
        "can_allocate": lock["type"] != "flex",
        "can_deallocate": lock["type"] != "flex",
        "allocation_restriction_info": [],
    }


def allocations(call: Call) -> dict[str, Any]:
    """docs.kraken.com list-allocations. What was earning once stays listed."""
    house, balances = call.house, call.account.balances
    currency = house.names.find_asset(call.params.text("converted_asset", "USD"))
    if currency is None:
        raise Refused("EQuery:Unknown asset")
    unit = house.prices.usd(currency.symbol)
    items: list[dict[str, Any]] = []
    sums: list[tuple[Amount, Amount]] = []
    for symbol, code in AWAY_CODES.items():
        held, earned = balances.get(code), call.account.rewarded.get(code, ZERO)
        if held is None or (call.params.flag("hide_zero_allocations") and not held):
            continue
        price, decimals = divide(house.prices.usd(symbol), unit), house.names.decimals(code)
        values = cut(multiply(held, price), 4), cut(multiply(earned, price), 4)
        sums.append(values)
        items.append(
            {
                "strategy_id": strategy_id(house, symbol),
                "native_asset": symbol,
                "amount_allocated": {
                    "total": {"native": digits(held, decimals), "converted": digits(values[0], 4)},
                },
                "total_rewarded": {"native": digits(earned, decimals), "converted": digits(values[1], 4)},
            }
        )
    return {
        "converted_asset": currency.symbol,
        "total_allocated": digits(total(each[0] for each in sums), 4),
        "total_rewarded": digits(total(each[1] for each in sums), 4),
        "next_cursor": None,
        "items": items,
    }


def _chosen(call: Call) -> tuple[str, str, str]:
    """Strategy id, spot code and earning code that a call means."""
    named = call.params.needed("strategy_id")
    for symbol, code in AWAY_CODES.items():
        if strategy_id(call.house, symbol) == named:
            return named, call.house.names.code(symbol), code
    raise Refused("EGeneral:Invalid arguments:Invalid strategy ID")


def _move(call: Call, *, back: bool) -> bool:
    strategy, spot, earning = _chosen(call)
    amount = call.params.amount("amount")
    source, target = (earning, spot) if back else (spot, earning)
    if call.account.moving.get(strategy, 0.0) > call.now:
        raise Refused("EEarnings:Busy:Another (de)allocation for the same strategy is in progress")
    if call.account.free(source) < amount:
        raise Refused("EEarnings:Insufficient funds:Insufficient funds to complete the (de)allocation request")
    ids = call.account.ids("allocation")
    moves = pair_of_moves(source, target, amount, "deallocation" if back else "allocation")
    call.account.write(ids.id("E"), "earn", moment(call.now), moves, ids)
    call.account.moving[strategy] = call.now + _SECONDS
    return True


def allocate(call: Call) -> bool:
    """docs.kraken.com allocate-strategy: answers before it is done."""
    return _move(call, back=False)


def deallocate(call: Call) -> bool:
    """docs.kraken.com deallocate-strategy."""
    return _move(call, back=True)


def status(call: Call) -> dict[str, bool]:
    """docs.kraken.com get-allocate-strategy-status."""
    return {"pending": call.account.moving.get(_chosen(call)[0], 0.0) > call.now}


EARN: dict[str, Answer] = {
    "Earn/Strategies": strategies,
    "Earn/Allocations": allocations,
    "Earn/Allocate": allocate,
    "Earn/Deallocate": deallocate,
    "Earn/AllocateStatus": status,
    "Earn/DeallocateStatus": status,
}
