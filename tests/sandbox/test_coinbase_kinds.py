"""Every type of row that the fake Coinbase's ledger may hold: in step with its books, and what changes late."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from support.coinbase import NOW, V3, ask, made, place_of, rows
from tallyglass.sandbox.coinbase import Coinbase
from tallyglass.sandbox.coinbase.kinds import KINDS
from tallyglass.sandbox.coinbase.special import HAPPENINGS, INCIDENTS
from tallyglass.sandbox.growth import grow
from tallyglass.sandbox.model import Act
from tallyglass.sandbox.wishes import BadWish
from tallyglass.sandbox.world import WorldPrices

_NEEDS = {
    "unwrap_asset": "wrap_asset",
    "unstaking_transfer": "staking_transfer",
    "cancel_sends": "pending_send",
    "fail_sends": "pending_send",
    **dict.fromkeys(("clear_deposits", "cancel_deposits", "expire_deposits"), "pending_deposit"),
}
_UNCOUNTED = {
    *("failed_send", "pending_send", "cancel_sends", "fail_sends"),
    *("pending_deposit", "cancel_deposits", "expire_deposits"),
}


_NAMED_OTHERWISE = {"unknown_type", "lesson_send", "one_sided_trade", "late_trade", "old_row", "sideless_fill"}


def rich() -> Coinbase:
    venue = made()
    venue.specials["no_limits"]("main", NOW)
    then = datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)
    for serial, asset in enumerate(("USD", "USDC", "USDT", "ETH", "BTC", "DOGE"), start=1):
        venue.record("main", Act("deposit", then, asset, Decimal(500), serial=serial))
    return venue


def happen(venue: Coinbase, *names: str) -> None:
    for late, name in enumerate(names):
        venue.specials[name]("main", NOW + late)


def told(venue: Coinbase, path: str) -> Any:
    answer = ask(venue, path)
    assert answer.status == 200, answer.body
    return json.loads(answer.body, parse_float=Decimal)


def wallets(venue: Coinbase) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(venue, "/v2/accounts?limit=100")["data"]
    return [each for each in found if each["created_at"]]


def assert_agrees(venue: Coinbase) -> None:
    """Every wallet is the sum of its completed rows, and that is what the true books say."""
    books = {key: held for key, held in venue.books["main"].wallets().items() if held and key[0] != "futures"}
    for wallet in wallets(venue):
        completed = [each for each in rows(venue, wallet["id"], 100) if each["status"] == "completed"]
        held = sum((Decimal(each["amount"]["amount"]) for each in completed), Decimal(0))
        assert Decimal(wallet["balance"]["amount"]) == held >= 0, wallet["name"]
        assert books.pop((place_of(wallet), wallet["currency"]["code"]), Decimal(0)) == held, wallet["name"]
    assert books == {}


def types(venue: Coinbase) -> Counter[str]:
    return Counter(each["type"] for wallet in wallets(venue) for each in rows(venue, wallet["id"], 100))


@pytest.mark.parametrize("name", HAPPENINGS)
def test_whatever_happens_keeps_rows_and_books_in_step(name: str) -> None:
    venue = rich()
    happen(venue, *([_NEEDS[name]] if name in _NEEDS else []))
    entries = len(venue.books["main"].postings)
    happen(venue, name)

    assert_agrees(venue)
    assert (len(venue.books["main"].postings) > entries) is (name not in _UNCOUNTED)
    if name in KINDS and name not in _NAMED_OTHERWISE:
        assert types(venue)[name]


@pytest.mark.parametrize("name", ["unstaking_transfer", "clear_deposits", "cancel_sends", "wrap_asset", "cardspend"])
def test_what_cannot_happen_is_refused(name: str) -> None:
    venue = made()
    happen(venue, "confirm_sends")
    with pytest.raises(BadWish) as refused:
        happen(venue, name)
    assert refused.value.status == 409


@pytest.mark.parametrize("seed", [1, 2])
def test_every_account_of_some_years_has_met_every_type(seed: int) -> None:
    venue, prices = made(seed), WorldPrices(seed, NOW)
    grown: dict[str, Any] = {"coinbase": venue}
    for _, account, act in grow(grown, prices, seed):
        venue.record(account, act)
    venue.specials["no_limits"]("main", NOW)
    assert set(types(venue)) >= set(INCIDENTS) - _NAMED_OTHERWISE - {"failed_send"} | {"advanced_trade_fill", "trade"}
    assert_agrees(venue)


def test_what_is_staked_has_an_account_of_its_own_that_cannot_be_traded_from() -> None:
    venue = rich()
    happen(venue, "staking_transfer", "unstaking_transfer")
    [staked] = [each for each in wallets(venue) if place_of(each) == "staked"]
    tradable = told(venue, f"{V3}/accounts?limit=250")["accounts"]
    primary = told(venue, "/v2/accounts/ETH")["data"]

    assert (staked["name"], staked["type"], staked["balance"]["amount"]) == ("Staked ETH", "wallet", "0.00250000")
    assert staked["id"] not in {each["uuid"] for each in tradable}
    assert (primary["primary"], primary["id"] != staked["id"]) == (True, True)
    assert Counter(each["type"] for each in rows(venue, staked["id"], 10)) == {
        "staking_transfer": 1,
        "unstaking_transfer": 1,
    }


def status_of(venue: Coinbase, wallet: str, row_type: str) -> str:
    status: str = next(each for each in rows(venue, wallet, 100) if each["type"] == row_type)["status"]
    return status


@pytest.mark.parametrize(
    ("then", "status"),
    [("confirm_sends", "completed"), ("cancel_sends", "canceled"), ("fail_sends", "failed")],
)
def test_a_send_on_its_way_counts_only_when_it_arrives(then: str, status: str) -> None:
    venue = rich()
    happen(venue, "pending_send")
    held = told(venue, "/v2/accounts/BTC")["data"]["balance"]["amount"]
    assert (status_of(venue, "BTC", "send"), held) == ("pending", "500.00000000")

    happen(venue, then)

    after = Decimal(told(venue, "/v2/accounts/BTC")["data"]["balance"]["amount"])
    assert status_of(venue, "BTC", "send") == status
    assert after == Decimal(500) - (Decimal("0.0011") if status == "completed" else 0)
    assert_agrees(venue)


@pytest.mark.parametrize(
    ("then", "status"),
    [("clear_deposits", "completed"), ("cancel_deposits", "canceled"), ("expire_deposits", "expired")],
)
def test_money_on_its_way_counts_only_when_it_is_there(then: str, status: str) -> None:
    venue = rich()
    happen(venue, "pending_deposit")
    assert status_of(venue, "USD", "fiat_deposit") == "waiting_for_clearing"
    assert told(venue, "/v2/accounts/USD/deposits")["data"][0]["status"] == "created"

    happen(venue, then)

    held = Decimal(told(venue, "/v2/accounts/USD")["data"]["balance"]["amount"])
    assert status_of(venue, "USD", "fiat_deposit") == status
    assert held == 500 + (60 if status == "completed" else 0)
    assert_agrees(venue)


def test_a_history_that_is_cut_loses_rows_and_no_balance() -> None:
    venue = rich()
    happen(venue, "receive", "sideless_fill")
    before = {each["id"]: each["balance"] for each in wallets(venue)}
    truth = venue.books["main"].truth()
    venue.cut("main", datetime.fromtimestamp(NOW - 60, UTC))

    assert {each["id"]: each["balance"] for each in wallets(venue)} == before
    assert venue.books["main"].truth() == truth
    assert types(venue) == {"receive": 1, "advanced_trade_fill": 2}
    assert len(told(venue, f"{V3}/orders/historical/fills")["fills"]) == 1


def test_the_futures_account_is_told_and_the_international_one_is_not_there() -> None:
    venue = rich()
    summary = told(venue, f"{V3}/cfm/balance_summary")["balance_summary"]
    happen(venue, "futures_funds")
    funded = told(venue, f"{V3}/cfm/balance_summary")["balance_summary"]
    [own, *_] = told(venue, f"{V3}/portfolios")["portfolios"]

    assert summary["cfm_usd_balance"] == {"value": "0", "currency": "USD"}
    assert summary["cbi_usd_balance"]["value"] == "500"
    assert (funded["cfm_usd_balance"]["value"], funded["total_usd_balance"]["value"]) == ("900", "1400")
    assert venue.books["main"].balances()["USD"] == 1400
    assert told(venue, f"{V3}/cfm/positions") == {"positions": []}
    assert told(venue, f"{V3}/cfm/sweeps") == {"sweeps": []}
    assert ask(venue, f"{V3}/cfm/positions/BIT-28NOV26-CDE").status == 404
    assert ask(venue, f"{V3}/intx/balances/{own['uuid']}").status == 403
    assert ask(venue, f"{V3}/intx/portfolio/nobody").status == 404
