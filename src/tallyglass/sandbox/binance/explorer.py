"""A main account that tried some thirty coins of the long list, and gave up most of them: what is hard to find again.

Markets whose coins are gone, crosses, closed ones, coins bought with coins that are gone or came by conversion alone.
What a coin costs comes in on the same day, so no act of the world finds less in spot.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from itertools import count
from typing import Final, Literal

from tallyglass.money import ROUNDED, ZERO, Amount, divide, multiply
from tallyglass.sandbox.bazaar import story
from tallyglass.sandbox.binance import own
from tallyglass.sandbox.binance.account import Account, moment
from tallyglass.sandbox.binance.agenda import Agenda, Deed
from tallyglass.sandbox.binance.happen import enter_convert, happen
from tallyglass.sandbox.binance.markets import FEE_RATE, Market, rounded
from tallyglass.sandbox.model import Act, Prices

Steps = Iterator[tuple[float, Deed]]
_HELD: Final = 4
"""So many of the first coins are held to this day."""
_FIRST_SERIAL: Final = 900_000_001
_PLACES: Final = {"EUR": 2, "TRY": 2}


class Explorer:
    """The whole story, from a seed."""

    def __init__(self, account: Account, prices: Prices, seed: int) -> None:
        self._account, self._prices = account, prices
        self._rng = random.Random(f"explorer {seed}")
        self._serials = count(_FIRST_SERIAL, 6)  # none of them a fee in BNB

    def agenda(self, now: int) -> Agenda:
        """All of it, ending before `now` (microseconds)."""
        return Agenda(now, self._dollars(), self._crosses(), self._currencies(), self._conversions(), self._closed())

    def _dollars(self) -> Steps:
        """Bought for dollars; a few are held, most are sold again to the last crumb."""
        for number in range(12):
            began = self._rng.randint(200, 900)
            yield began, self._bought(number, "USDT", 90 + number)
            yield began - 60, self._bought(number, "USDT", 40)
            yield began - 150, self._sold(number, "USDT", "0.3" if number < _HELD else "1")

    def _crosses(self) -> Steps:
        """Bought with one coin, sold for another."""
        for number, paid, got in (
            (12, "BTC", "USDT"),
            (13, "BTC", "USDT"),
            (14, "ETH", "USDT"),
            (15, "ETH", "USDT"),
            (16, "BNB", "USDC"),
            (17, "BNB", "USDC"),
            (28, "USDC", "USDC"),
            (29, "EUR", "EUR"),
        ):
            began = self._rng.randint(120, 800)
            yield began, self._bought(number, paid, 120)
            yield began - 80, self._sold(number, got, "1")

    def _currencies(self) -> Steps:
        """First the currency, then the coins, and all the way back: nothing of it is left."""
        market = self._market("USDT", "TRY")
        yield 640, self._bought_quote("FDUSD", 400)
        for number in (18, 19, 20):
            yield 630 - number, self._spent(number, "FDUSD", "0.3")
            yield 560 - number, self._sold(number, "FDUSD", "1")
        yield 500, lambda us: self._close(us, "FDUSD", self._market("FDUSD", "USDT"))
        yield 480, lambda us: self._arrive(us, "USDT", Decimal(300))
        yield 480, lambda us: self._trade(us, market, "sell", Decimal(300))
        for number in (21, 22):
            yield 470 - number, self._spent(number, "TRY", "0.4")
            yield 420 - number, self._sold(number, "TRY", "1")
        yield 380, lambda us: self._swap(us, "TRY", "USDT")

    def _conversions(self) -> Steps:
        """A coin bought only with a coin that is gone, and a market both of whose coins came by conversion."""
        both = self._market(story(24), "AEUR")
        yield 720, lambda us: self._convert_in(us, "XUSD", 150)
        yield 719, self._spent(23, "XUSD", "0.9")
        yield 718, lambda us: self._swap(us, "XUSD", "USDT")
        yield 300, self._sold(23, "USDT", "0.4")
        yield 340, lambda us: self._convert_in(us, both.base, 200)
        yield 339, lambda us: self._convert_in(us, "AEUR", 60)
        yield 330, lambda us: self._trade(us, both, "sell", self._lots(both, Decimal("0.5")))
        yield 320, self._spent(24, "AEUR", "0.5")
        yield 310, lambda us: self._swap(us, both.base, "USDT")
        yield 310, lambda us: self._swap(us, "AEUR", "USDT")

    def _closed(self) -> Steps:
        """Markets that trade no more: the coins were sold in time."""
        for number, quote in ((25, "USDT"), (26, "USDT"), (27, "BTC")):
            yield 860 - number, self._bought(number, quote, 75)
            yield 700 - number, self._sold(number, quote, "1")

    def _market(self, base: str, quote: str) -> Market:
        return self._account.listed.markets[base + quote]

    def _bought(self, number: int, quote: str, dollars: int) -> Deed:
        """For money that comes in at once."""
        market = self._market(story(number), quote)

        def deed(us: int) -> None:
            price = self._price(us, market)
            amount = self._cut(divide(Decimal(dollars), self._prices.usd(market.base)), market)
            self._arrive(us, quote, multiply(amount, price))
            self._trade(us + 1000, market, "buy", amount, price)

        return deed

    def _bought_quote(self, asset: str, dollars: int) -> Deed:
        market = self._market(asset, "USDT")

        def deed(us: int) -> None:
            price = self._price(us, market)
            self._arrive(us, "USDT", multiply(Decimal(dollars), price))
            self._trade(us + 1000, market, "buy", Decimal(dollars), price)

        return deed

    def _spent(self, number: int, quote: str, part: str) -> Deed:
        """For a part of what is there of the quote."""
        market = self._market(story(number), quote)

        def deed(us: int) -> None:
            price = self._price(us, market)
            given = multiply(self._account.books.balance(quote), Decimal(part))
            self._trade(us, market, "buy", self._cut(divide(given, price), market), price)

        return deed

    def _sold(self, number: int, quote: str, part: str) -> Deed:
        market = self._market(story(number), quote)

        def deed(us: int) -> None:
            if part == "1":
                self._close(us, market.base, market)
            else:
                self._trade(us, market, "sell", self._lots(market, Decimal(part)))

        return deed

    def _close(self, us: int, asset: str, market: Market) -> None:
        """Sell whole lots; the crumbs become BNB or, of larger things, dollars: nothing is left."""
        self._trade(us, market, "sell", self._lots(market, Decimal(1)))
        left = self._account.books.balance(asset)
        if left > ZERO and rounded(divide(multiply(left, self._prices.usd(asset)), self._prices.usd("BNB")), 7):
            if self._rng.random() < 0.5:
                own.dust(self._account, [(asset, left)], us + 60_000_000, self._prices)
            else:
                self._swap(us + 60_000_000, asset, "USDT")
        elif left > ZERO:
            self._swap(us + 60_000_000, asset, "USDT")

    def _swap(self, us: int, asset: str, target: str) -> None:
        """Convert all of it."""
        left = self._account.books.balance(asset)
        got = rounded(divide(multiply(left, self._prices.usd(asset)), self._prices.usd(target)))
        enter_convert(self._account, (asset, left), (target, max(got, Decimal("0.00000001"))), us)

    def _convert_in(self, us: int, asset: str, dollars: int) -> None:
        self._arrive(us, "USDT", Decimal(dollars))
        got = rounded(divide(Decimal(dollars), self._prices.usd(asset)))
        enter_convert(self._account, ("USDT", Decimal(dollars)), (asset, got), us + 1000)

    def _arrive(self, us: int, asset: str, amount: Amount) -> None:
        """A deposit, cut up to what the bank or the chain knows."""
        places = _PLACES.get(asset, 8)
        whole = rounded(amount + Decimal(1).scaleb(-places), places)
        txid = "" if asset in _PLACES else f"{self._rng.getrandbits(256):064x}"
        happen(
            self._account,
            Act("deposit", moment(us), asset, whole, fee_asset=asset, txid=txid, serial=next(self._serials)),
            self._prices,
        )

    def _trade(
        self, us: int, market: Market, side: Literal["buy", "sell"], amount: Amount, price: Amount | None = None
    ) -> None:
        """At a price near today's. The fee is of what comes in; on every third trade there was none to pay."""
        price = price or self._price(us, market)
        if amount <= ZERO:
            return
        cost, serial = multiply(amount, price), next(self._serials)
        asset, basis = (market.base, amount) if side == "buy" else (market.quote, cost)
        fee = rounded(multiply(basis, FEE_RATE)) if serial % 9 else ZERO
        figures = (market.base, amount, market.quote, side, price, cost, fee, asset)
        happen(self._account, Act("trade", moment(us), *figures, serial=serial), self._prices)

    def _price(self, us: int, market: Market) -> Amount:
        last = self._prices.last(market.base, market.quote)
        moved = multiply(last, Decimal(random.Random(f"{us} {market.symbol}").randint(700, 1300)).scaleb(-3))
        return max(rounded(moved, market.price_decimals), market.tick)

    def _lots(self, market: Market, part: Amount) -> Amount:
        return self._cut(multiply(self._account.books.balance(market.base), part), market)

    def _cut(self, amount: Amount, market: Market) -> Amount:
        return amount.quantize(market.step, ROUND_DOWN, context=ROUNDED)
