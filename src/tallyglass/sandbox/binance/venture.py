"""The main account's life beyond spot: margin, futures, locked earn, payments, in the months before the start.

What it needs comes in by card or from people on the same day, so no act of the world finds less in spot.
All lies within what the exchange still shows: transfers and C2C of six months, margin interest and futures of three.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Final, Literal

from tallyglass.money import ROUNDED, ZERO, Amount, divide, multiply
from tallyglass.sandbox.binance import futures, locked, margin, own, payments
from tallyglass.sandbox.binance.account import Account
from tallyglass.sandbox.binance.agenda import Agenda, Deed
from tallyglass.sandbox.binance.futures import CONTRACTS
from tallyglass.sandbox.binance.markets import rounded
from tallyglass.sandbox.model import Prices

GROWS: Final = True
"""Whether accounts are born with it. `POST account/binance {"add": "venture"}` gives it to any account."""

Steps = Iterator[tuple[float, Deed]]


class Venture:
    """Everything that is still to be done, each at its own time."""

    def __init__(self, account: Account, prices: Prices, now: int) -> None:
        """`now` in microseconds: the end of it all."""
        self._account, self._prices = account, prices
        #: Locked positions by the day on which they began.
        self._positions: dict[int, int] = {}
        plans = (self._people(), self._locked(), self._interest(), self._usd_margined(), self._coin_margined())
        more = (self._cross(), self._isolated(), self._in_debt(), self._pay())
        self.agenda = Agenda(now, *plans, *more)

    def _people(self) -> Steps:
        """Trades between persons."""
        mine, unit = self._account, Decimal("0.923")
        yield 168, lambda us: payments.c2c(mine, us, ("BUY", "USDT", Decimal(4000)), unit)
        yield 167, lambda us: payments.c2c(mine, us, ("BUY", "USDT", Decimal(777)), unit, status="CANCELLED")
        yield 120, lambda us: payments.c2c(mine, us, ("BUY", "USDT", Decimal("1500.5")), unit)
        yield 25, lambda us: payments.c2c(mine, us, ("SELL", "USDT", Decimal(50)), unit, maker_fee=Decimal("0.1"))
        yield 24, lambda us: payments.c2c(mine, us, ("BUY", "USDT", Decimal(120)), unit, maker_fee=Decimal("0.12"))
        yield 100, lambda us: payments.card(mine, us, ("SOL", Decimal("0.5")), self._euros("SOL"), status="Failed")

    def _locked(self) -> Steps:
        """Three positions: one that comes to its end, one left early, one that is still held."""
        for at, (asset, amount, funded, days) in {
            150: ("ADA", Decimal(400), ZERO, 90),
            110: ("USDT", Decimal(100), Decimal(150), 60),
            45: ("DOT", Decimal("62.5"), ZERO, 120),
        }.items():
            yield at, self._lock(at, asset, amount, funded, days)
        for began, paid in {150: (140, 130, 120, 80), 110: (100, 90), 45: (35, 25, 5)}.items():
            for day in paid:
                yield day, self._paid(began)
        yield 85, lambda us: locked.redeem(self._account, us, self._positions[110], early=True)
        yield 60, lambda us: locked.redeem(self._account, us, self._positions[150])

    def _lock(self, at: int, asset: str, spot: Amount, funding: Amount, days: int) -> Deed:
        def deed(us: int) -> None:
            if funding:
                own.transfer(self._account, asset, spot, us, ("FUNDING", "MAIN"))
            else:
                self._by_card(us, asset, spot)
            self._positions[at] = locked.subscribe(self._account, us + 1000, asset, spot, funding, days)

        return deed

    def _paid(self, began: int) -> Deed:
        return lambda us: locked.reward(self._account, us, self._positions[began], 10)

    def _interest(self) -> Steps:
        """Flexible earn pays of itself, on what is there."""

        def deed(us: int) -> None:
            held = self._account.books.balance("USDT", "earn")
            if held > ZERO:
                locked.realtime(self._account, us, "USDT", rounded(multiply(held, Decimal("0.0021"))))

        for days in range(690, 0, -30):
            yield days, deed

    def _usd_margined(self) -> Steps:
        yield 86, self._move("USDT", 1200, "FUNDING", "UMFUTURE")
        yield 85.9, self._income("WELCOME_BONUS", "USDT", Decimal(5))
        yield 85.5, lambda us: self._by_card(us, "BNB", Decimal("0.3"))
        yield 85.5, self._move("BNB", "0.3", "MAIN", "UMFUTURE")
        yield from self._position("BTCUSDT", 84, 30, Decimal("0.02"), Decimal("1.037"), in_bnb=True)
        yield from self._position("ETHUSDT", 60, 9, Decimal("-0.5"), Decimal("1.02"))
        yield 40, self._move("USDT", 300, "UMFUTURE", "MAIN")
        yield 39, self._move("USDT", "100.25", "UMFUTURE", "FUNDING")
        yield 30, self._income("REFERRAL_KICKBACK", "USDT", Decimal("0.42137"))
        yield 29, self._income("INSURANCE_CLEAR", "USDT", Decimal("-0.051"))

    def _coin_margined(self) -> Steps:
        yield 83, lambda us: self._by_card(us, "BTC", Decimal("0.02"))
        yield 83, self._move("BTC", "0.02", "MAIN", "CMFUTURE")
        yield from self._position("BTCUSD_PERP", 82, 6, Decimal(5), Decimal("1.03"))
        yield 20, self._move("BTC", "0.004", "CMFUTURE", "MAIN")

    def _position(
        self, symbol: str, at: float, fundings: int, amount: Amount, way: Amount, *, in_bnb: bool = False
    ) -> Steps:
        """Opened, paid for or paid every eight hours, and closed in two parts in the same millisecond."""
        contract = CONTRACTS[symbol]
        entry = rounded(self._prices.last(contract.base, "USDT"), contract.price_decimals)
        exit_ = rounded(multiply(entry, way), contract.price_decimals)
        fee = ("BNB", self._prices.last("BNB", "USDT")) if in_bnb else None
        sides: tuple[Literal["BUY", "SELL"], Literal["BUY", "SELL"]] = ("BUY", "SELL")
        first, last = sides if amount > ZERO else (sides[1], sides[0])
        whole = abs(amount)
        part = rounded(multiply(whole, Decimal("0.6")), contract.amount_decimals)
        word = "CMFUTURE" if contract.inverse else "UMFUTURE"
        worth = divide(multiply(whole, contract.size), entry) if contract.inverse else multiply(whole, entry)

        def funded(number: int) -> Deed:
            rate = Decimal((-1 if number % 3 else 2) * (80 + number)).scaleb(-6)
            moved = (contract.margin, rounded(multiply(worth, rate)))
            return lambda us: futures.income(
                self._account, futures.opened(self._account, word, us), us, "FUNDING_FEE", moved, symbol=symbol
            )

        def closed(us: int) -> None:
            for piece in (part, whole - part):
                futures.trade(self._account, us, contract, (last, piece, exit_), entry=entry, fee=fee)

        yield at, lambda us: futures.trade(self._account, us, contract, (first, whole, entry), fee=fee)
        for number in range(fundings):
            yield at - (number + 1) / 3, funded(number)
        yield at - (fundings + 1) / 3, closed

    def _cross(self) -> Steps:
        """A loan for two days, interest by the hour, now and then charged in BNB."""
        mine = self._account
        yield 81, self._move("USDT", 500, "FUNDING", "MARGIN")
        yield 80.5, lambda us: self._by_card(us, "BNB", Decimal("0.1"))
        yield 80.5, self._move("BNB", "0.1", "MAIN", "MARGIN")
        yield 80, lambda us: margin.borrow(mine, us, "", "USDT", Decimal(1000))
        yield 79.99, self._margin_trade("", "BNBUSDT", "BUY", Decimal(1200))
        for hour in range(1, 49):
            yield 80 - hour / 24, self._charge("", "USDT", in_bnb=hour % 8 == 0)
        yield 77.9, self._margin_trade("", "BNBUSDT", "SELL", Decimal(1150))
        yield 77.8, lambda us: margin.repay(mine, us, "", "USDT")
        yield 77, self._move("USDT", 100, "MARGIN", "MAIN")
        yield 76, self._move("USDT", "50.5", "MARGIN", "FUNDING")

    def _isolated(self) -> Steps:
        mine, pair = self._account, "ETHUSDT"
        yield 50, self._move("USDT", 150, "MARGIN", "ISOLATEDMARGIN", ("", pair))
        yield 49.9, lambda us: margin.borrow(mine, us, pair, "USDT", Decimal(100))
        yield 49.8, self._margin_trade(pair, pair, "BUY", Decimal(200))
        for hour in range(1, 25):
            yield 49.9 - hour / 24, self._charge(pair, "USDT")
        yield 48.5, self._margin_trade(pair, pair, "SELL", Decimal(160))
        yield 48.4, lambda us: margin.repay(mine, us, pair, "USDT")
        yield 47, self._move("USDT", 60, "ISOLATEDMARGIN", "MARGIN", (pair, ""))

    def _in_debt(self) -> Steps:
        """A loan that still runs: of this asset the margin account owes more than it has."""
        yield 3, lambda us: margin.borrow(self._account, us, "", "USDT", Decimal(600))
        yield 2.99, self._margin_trade("", "SOLUSDT", "BUY", Decimal(580))
        for hour in range(1, 37):
            yield 3 - hour / 24, self._charge("", "USDT")

    def _pay(self) -> Steps:
        mine = self._account
        yield 44, lambda us: payments.pay(mine, us, "PAY", "USDT", {1: Decimal(25)})
        yield 38, lambda us: payments.pay(mine, us, "C2C", "USDT", {1: Decimal("5.5")}, out=True)
        yield 33, self._move("USDT", 1, "FUNDING", "MAIN")
        yield 33, lambda us: payments.pay(mine, us, "PAY", "USDT", {1: Decimal(4), 2: Decimal(1)}, out=True)
        yield 22, lambda us: payments.pay(mine, us, "CRYPTO_BOX", "BNB", {2: Decimal("0.0031")})
        yield 14, lambda us: payments.pay(mine, us, "PAY_REFUND", "USDT", {1: Decimal("5.5")})

    def _move(self, asset: str, amount: int | str, source: str, target: str, pairs: tuple[str, str] = ("", "")) -> Deed:
        return lambda us: own.transfer(self._account, asset, Decimal(amount), us, (source, target), pairs)

    def _income(self, kind: str, asset: str, amount: Amount) -> Deed:
        mine = self._account
        return lambda us: futures.income(mine, futures.opened(mine, "UMFUTURE", us), us, kind, (asset, amount))

    def _charge(self, name: str, asset: str, *, in_bnb: bool = False) -> Deed:
        prices = self._prices if in_bnb else None
        return lambda us: margin.interest(self._account, us, name, asset, prices=prices)

    def _margin_trade(self, name: str, symbol: str, side: Literal["BUY", "SELL"], worth: Amount) -> Deed:
        market = self._account.listed.markets[symbol]
        price = self._prices.last(market.base, market.quote)
        amount = divide(worth, price).quantize(market.step, ROUND_DOWN, context=ROUNDED)
        return lambda us: margin.trade(self._account, us, name, market, (side, amount, price))

    def _by_card(self, us: int, asset: str, amount: Amount) -> None:
        payments.card(self._account, us, (asset, amount), self._euros(asset))

    def _euros(self, asset: str) -> Amount:
        return rounded(divide(self._prices.usd(asset), self._prices.usd("EUR")), 4)
