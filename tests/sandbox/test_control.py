"""What a test may order under `/_control`, and what it is told there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from support.paper import PaperVenue
from support.town import Town, in_town
from tallyglass.sandbox.control import Control
from tallyglass.sandbox.faults import DEFAULTS
from tallyglass.sandbox.model import ActKind
from tallyglass.sandbox.run import venues
from tallyglass.sandbox.world import WorldPrices

GUIDE = Path(__file__).parents[2] / "docs" / "sandbox.md"


def test_a_key_changes_as_control_says() -> None:
    async def visit(town: Town) -> None:
        key = town.kraken.keys["read_only"]
        shown = await town.control("POST", "keys/kraken/read_only", {"grant": ["trade"], "ip_list": ["203.0.113.9"]})
        assert shown["rights"] == ["read", "trade"]
        assert (key.rights, key.ip_list, key.dead) == ({"read", "trade"}, ["203.0.113.9"], False)
        await town.control("POST", "keys/kraken/read_only", {"revoke": ["trade"], "dead": True, "account": "other"})
        assert (key.rights, key.ip_list, key.dead, key.account) == ({"read"}, ["203.0.113.9"], True, "other")

    in_town(visit)


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("POST", "keys/kraken/master", {}, 404),
        ("POST", "keys/bitstamp/read_only", {}, 404),
        ("POST", "keys/kraken/read_only", {"grant": ["everything"]}, 400),
        ("POST", "keys/kraken/read_only", {"grants": ["trade"]}, 400),
        ("POST", "keys/kraken", {}, 400),
        ("POST", "account/kraken", {"add": "history_cut"}, 400),
        ("POST", "faults", {"fault": "flood"}, 400),
        ("POST", "faults", {"fault": "status", "how": "much"}, 400),
        ("POST", "faults", {"fault": "delay", "value": "long"}, 400),
        ("POST", "faults", ["status"], 400),
        ("POST", "account/kraken", {"add": "theft"}, 400),
        ("POST", "account/kraken", {"add": "deposit", "amount": "-1"}, 400),
        ("POST", "account/kraken", {"add": "deposit", "asset": "SHIB"}, 400),
        ("POST", "account/kraken", {"add": "deposit", "asset": "BTC", "amount": "0.000000001"}, 400),
        ("POST", "account/kraken", {"add": "withdrawal", "asset": "SOL"}, 409),
        ("POST", "account/kraken", {"add": "trade", "market": "PEPE/BTC"}, 400),
        ("POST", "account/kraken", {"add": "withdrawal", "asset": "BTC", "amount": "0.500001"}, 409),
        ("POST", "account/kraken", {"add": "trade", "market": "ETH/EUR", "side": "sell", "amount": "1"}, 409),
        ("GET", "truth/bitstamp", None, 404),
        ("GET", "truth/kraken?account=third", None, 404),
        ("GET", "secrets", None, 404),
        ("DELETE", "truth", None, 404),
    ],
)
def test_control_says_what_is_wrong_with_an_order_and_does_nothing(
    method: str, path: str, given: Any, status: int
) -> None:
    async def visit(town: Town) -> None:
        before = await town.control("GET", "truth/kraken")
        told = await town.control(method, path, given, status)

        assert told["error"]
        assert await town.control("GET", "truth/kraken") == before
        assert await town.control("GET", "faults") == []

    in_town(visit)


@pytest.mark.parametrize(
    ("wish", "moves"),
    [
        ({"add": "deposit", "asset": "ETH", "amount": "1.5", "fee": "0.1"}, {"ETH": "1.4"}),
        ({"add": "withdrawal", "asset": "BTC", "amount": "0.1", "fee": "0.0002"}, {"BTC": "-0.1002"}),
        ({"add": "reward", "asset": "SOL", "amount": "0.25"}, {"SOL": "0.25"}),
        (
            {"add": "trade", "market": "ETH/EUR", "side": "buy", "amount": "0.2", "price": "2000"},
            {"ETH": "0.2", "EUR": "-401.04"},
        ),
        (
            {"add": "trade", "base": "BTC", "quote": "USD", "side": "sell", "amount": "0.01", "cost": "90", "fee": "1"},
            {"BTC": "-0.01", "USD": "89"},
        ),
        (
            {"add": "convert", "market": "BTC/EUR", "side": "sell", "amount": "0.1", "price": "70000"},
            {"BTC": "-0.1", "EUR": "7000"},
        ),
        ({"add": "order", "market": "BTC/EUR", "side": "buy", "amount": "0.01", "price": "50000"}, {}),
    ],
)  # fmt: skip
def test_what_a_test_lets_happen_is_in_the_truth(wish: dict[str, str], moves: dict[str, str]) -> None:
    async def visit(town: Town) -> None:
        before = await town.control("GET", "truth/kraken")
        done = await town.control("POST", "account/kraken", wish)
        after = await town.control("GET", "truth/kraken")

        assets = before["balances"].keys() | after["balances"].keys()
        changes = {
            asset: Decimal(after["balances"].get(asset, "0")) - Decimal(before["balances"].get(asset, "0"))
            for asset in assets
        }
        assert {a: c for a, c in changes.items() if c} == {a: Decimal(c) for a, c in moves.items()}
        assert after["entries"][len(before["entries"]) :] == done["entries"]
        assert len(after["open_orders"]) - len(before["open_orders"]) == (wish["add"] == "order")

    in_town(visit)


def test_a_wish_needs_no_figures() -> None:
    async def visit(town: Town) -> None:
        for kind in ("trade", "deposit", "withdrawal", "reward", "order", "convert"):
            done = await town.control("POST", "account/kraken", {"add": kind})
            assert Decimal(done["act"]["amount"]) > 0
        other = await town.control("POST", "account/kraken", {"add": "deposit", "account": "other", "amount": "7"})
        assert (await town.control("GET", "truth/kraken?account=other"))["balances"] == {other["act"]["base"]: "7"}

    in_town(visit)


def test_the_worth_is_what_the_main_accounts_hold_at_the_worlds_prices() -> None:
    async def visit(town: Town) -> None:
        await town.control("POST", "account/kraken", {"add": "deposit", "account": "other", "amount": "1000000"})
        told = await town.control("GET", "truth")
        worth = Decimal(0)
        for name in town.venues:
            for asset, held in (await town.control("GET", f"truth/{name}"))["balances"].items():
                worth += Decimal(held) * Decimal(told["prices"][asset])

        assert Decimal(told["worth"]) == worth > 10_000
        assert sum(map(Decimal, told["by"].values())) == worth

    in_town(visit)


def test_a_key_is_given_permissions_in_the_exchanges_own_words() -> None:
    async def visit(town: Town) -> None:
        shown = await town.control("POST", "keys/kraken/read_only", {"also": ["fly-to-moon"]})
        assert (shown["rights"], shown["also"]) == (["read"], ["fly-to-moon"])
        shown = await town.control("POST", "keys/kraken/read_only", {"also": []})
        assert shown["also"] == []

    in_town(visit)


def test_a_refused_status_says_when_to_come_back_if_it_was_told_to() -> None:
    async def visit(town: Town) -> None:
        await town.control("POST", "faults", {"fault": "status", "value": 429, "retry_after": 7, "times": 1})
        await town.control("POST", "faults", {"fault": "status", "value": 429, "times": 1})
        for told in ("7", None):
            async with town.session.get(town.base_url + "/kraken/0/public/Time") as answer:
                assert (answer.status, answer.headers.get("Retry-After")) == (429, told)

    in_town(visit)


def test_every_call_and_every_fault_is_in_the_guide() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    control = Control({"kraken": PaperVenue("kraken")}, WorldPrices(1, 1_790_000_000), 0)
    told = control.answer("GET", "/nothing", "", b"").body.decode()
    calls = told.partition("there are ")[2].removesuffix('"}').split(", ")

    assert len(calls) == 14
    assert [each for each in (*calls, *(f"| `{fault}` |" for fault in DEFAULTS)) if each not in guide] == []


@pytest.mark.parametrize("exchange", ["kraken", "coinbase"])
def test_what_only_one_exchange_has_is_in_the_guide_and_hides_no_act(exchange: str) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    names = set(venues(1, WorldPrices(1, 1_790_000_000), 1_790_000_000)[exchange].specials)  # type: ignore[attr-defined]

    assert {name for name in names if f"`{name}`" not in guide and f'"{name}"' not in guide} == set()
    assert names.isdisjoint(get_args(ActKind))
