"""An account with 60 traded markets of 2,000: all its trades are found with no user input, and what that costs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest

from tallyglass.exchanges import registry
from tallyglass.exchanges.binance.history import streams
from tallyglass.exchanges.binance.trades import ASIDE
from tallyglass.exchanges.streams import Ask, Cursor, Known, Market
from tallyglass.ledger.entries import Entry
from tallyglass.money import Asset

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANIFEST = registry.manifest("binance")
#: `GET /api/v3/myTrades` weighs 20, of 6000 a minute: the documentation's numbers, not those of our buckets.
WEIGHT, A_MINUTE = 20, 6000
#: How many markets each quote asset has; 2,000 in all, some against assets that hardly anybody pays with.
QUOTES = {"USDT": 620, "BTC": 420, "USDC": 260, "FDUSD": 180, "TRY": 160, "ETH": 130, "BNB": 110, "EUR": 80, "DOGE": 40}


@cache
def markets() -> dict[str, Market]:
    return {
        f"C{n:03}{quote}": Market(f"C{n:03}{quote}", Asset(f"C{n:03}"), Asset(quote))
        for quote, count in QUOTES.items()
        for n in range(count)
    }


@dataclass
class Account:
    """Bought on 60 markets; every other coin sold again to the last unit, so that no balance shows it.

    Among the markets: 40 against USDT, 10 against other main quotes, 10 that nearly nobody trades. `hidden`: where the
    coins were sold again; everywhere, if not said.
    """

    seed: int
    hidden: tuple[str, ...] = ("",)
    fills: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    balances: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    asked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        dice = Random(self.seed)  # noqa: S311 - a drawn account, no secret
        usdt = [f"C{n:03}USDT" for n in dice.sample(range(QUOTES["USDT"]), 40)]
        main = [f"C{n:03}{quote}" for quote in ("BTC", "USDC", "ETH", "BNB", "EUR") for n in dice.sample(range(80), 2)]
        rare = [f"C{n:03}{quote}" for quote in ("DOGE", "TRY") for n in dice.sample(range(40), 5)]
        self.deposits = [*({*QUOTES} - {"DOGE"}), "DOGE"]
        for coin in self.deposits:
            self.balances[coin] += 1000
        for index, symbol in enumerate((*usdt, *main, *rare)):
            market = markets()[symbol]
            self._fill(market, buy=True, number=2 * index)
            if index % 2 and market.name.endswith(self.hidden):
                self._fill(market, buy=False, number=2 * index + 1)

    def _fill(self, market: Market, *, buy: bool, number: int) -> None:
        row = {"symbol": market.name, "id": number, "price": "2" if buy else "3", "qty": "1", "isBuyer": buy}
        time = int((NOW - timedelta(days=400 - number)).timestamp() * 1000)
        row |= {"quoteQty": row["price"], "commission": "0.001", "commissionAsset": "BNB", "time": time}
        self.fills[market.name].append(row)
        self.balances[market.base] += 1 if buy else -1
        self.balances[market.quote] += -2 if buy else 3
        self.balances["BNB"] -= Decimal("0.001")

    def answer(self, ask: Ask) -> bytes:
        MANIFEST.read(ask.read).call(ask.params)
        self.asked[ask.read] += 1
        if ask.read in {"trades", "trades.others"}:
            rows = [
                row for row in self.fills.get(ask.params["symbol"], ()) if row["id"] >= int(ask.params.get("fromId", 0))
            ]
            return json.dumps(rows[-int(ask.params["limit"]) :]).encode()
        if ask.read == "deposits":
            return json.dumps(self._paid_in(int(ask.params["startTime"]), int(ask.params["endTime"]))).encode()
        if ask.read == "withdrawals":
            return b"[]"
        if ask.read == "conversions.dust":
            return b'{"total":0,"userAssetDribblets":[]}'
        return b'{"total":0,"rows":[],"success":true,"list":[],"moreData":false}'

    def _paid_in(self, begin: int, end: int) -> list[dict[str, object]]:
        time = int((NOW - timedelta(days=420)).timestamp() * 1000)
        paid = [{"id": coin, "amount": "1000", "coin": coin, "status": 1, "insertTime": time} for coin in self.deposits]
        return paid if begin <= time <= end else []


@dataclass
class Tracker:
    """What the engine does, without its store: streams in rounds, and what does not add up in between."""

    account: Account
    cursors: dict[str, Cursor] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    now: datetime = NOW

    def sync(self, *, whole: bool = False) -> None:
        read: set[str] = set()
        if whole:
            self.cursors.clear()
        while True:
            known = replace(self._known(read), whole=whole)
            fresh = [each for each in streams(known) if each.name not in read]
            if not fresh:
                return
            for stream in fresh:
                read.add(stream.name)
                cursor, done = self.cursors.get(stream.name, {}), False
                while not done:
                    ask = stream.ask(cursor, self.now)
                    page = stream.page(cursor, ask, self.account.answer(ask), known)
                    self.entries |= {entry.id: entry for entry in page.entries}
                    cursor, done = page.cursor, page.done
                self.cursors[stream.name] = cursor

    def _known(self, read: set[str]) -> Known:
        sums: dict[Asset, Decimal] = defaultdict(Decimal)
        for leg in (leg for entry in self.entries.values() for leg in entry.legs):
            sums[leg.asset] += leg.amount
        held = {Asset(coin): amount for coin, amount in self.account.balances.items() if amount}
        gaps = {coin for coin in {*sums, *held} if sums.get(coin, Decimal(0)) != held.get(coin, Decimal(0))}
        first = min((entry.time for entry in self.entries.values()), default=None)
        traded = frozenset(name.split(":")[1] for name in self.found())
        assets = frozenset({*sums, *held})
        return Known(markets(), assets, {}, frozenset(gaps), frozenset(read), first, self.now, traded)

    def found(self) -> set[str]:
        return {entry.id for entry in self.entries.values() if entry.kind == "trade"}


def requests(account: Account) -> int:
    return account.asked["trades"] + account.asked["trades.others"]


def seconds(count: int) -> int:
    """How long that many requests for fills take at Binance's limit."""
    return count * WEIGHT * 60 // A_MINUTE


@pytest.mark.parametrize(("hidden", "most"), [(("BTC",), 1000), (("USDT",), 1400), (("",), 2100)])
def test_all_trades_are_found_and_later_syncs_ask_for_few_markets(hidden: tuple[str, ...], most: int) -> None:
    """The less is hidden, the fewer markets are asked; never more than there are, and the traded ones once again."""
    assert len(markets()) == 2000
    for seed in (1, 2):
        account = Account(seed, hidden)
        tracker = Tracker(account)
        tracker.sync()
        assert len(account.fills) == 60
        truth = {f"trade:{row['symbol']}:{row['id']}" for rows in account.fills.values() for row in rows}
        assert tracker.found() == truth
        first = requests(account)
        assert seconds(first) <= seconds(most)
        tracker.sync()
        assert requests(account) - first == ASIDE + 60 // 6  # all that are traded have their turn within six syncs


def test_a_new_market_bought_and_sold_between_two_syncs_is_found() -> None:
    """No balance ever shows its base, and nobody would guess it: but what was gained on it is missing in DOGE."""
    account = Account(4)
    tracker = Tracker(account)
    tracker.sync()
    market = next(each for each in markets().values() if each.quote == "DOGE" and each.name not in account.fills)
    for number in (1, 2):
        account._fill(market, buy=number == 1, number=number)
    before = requests(account)
    tracker.sync()
    assert {f"trade:{market.name}:{number}" for number in (1, 2)} <= tracker.found()
    assert requests(account) - before < 400


def cancels_out(account: Account, market: str) -> set[str]:
    """Bought and sold for the same, without a fee: no balance shows it."""
    for number, buys in ((9_000, True), (9_001, False)):
        row = {"symbol": market, "id": number, "price": "2", "qty": "1", "quoteQty": "2", "isBuyer": buys}
        row |= {"commission": "0", "commissionAsset": "BNB", "time": int(NOW.timestamp() * 1000) - 50_000 + number}
        account.fills[market].append(row)
    return {f"trade:{market}:{number}" for number in (9_000, 9_001)}


def test_fills_that_cancel_out_are_found_in_their_turn_where_a_market_is_traded() -> None:
    account = Account(4)
    tracker = Tracker(account)
    tracker.sync()
    wanted = {name for market in list(account.fills) for name in cancels_out(account, market)}
    for _ in range(6):
        tracker.now += timedelta(minutes=5)
        tracker.sync()
    assert wanted <= tracker.found()


def test_fills_that_cancel_out_are_found_on_any_market_when_all_is_read_anew() -> None:
    account = Account(4)
    tracker = Tracker(account)
    tracker.sync()
    before = requests(account)
    wanted = cancels_out(account, next(name for name in markets() if name not in account.fills))
    tracker.sync(whole=True)
    assert wanted <= tracker.found()
    assert seconds(requests(account) - before) <= seconds(2 * len(markets()))


def test_a_break_even_trade_shows_by_its_fee() -> None:
    account = Account(4)
    tracker = Tracker(account)
    tracker.sync()
    market = min(account.fills)
    wanted = cancels_out(account, market)
    account.fills[market][-1]["commission"] = "0.5"
    account.balances["BNB"] -= Decimal("0.5")
    tracker.sync()
    assert wanted <= tracker.found()
