"""The table of what the exchange answers: method and path, weight, right, known parameters; and one call of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tallyglass.money import Amount, divide, multiply
from tallyglass.sandbox.binance.account import Account
from tallyglass.sandbox.binance.errors import bad_symbol
from tallyglass.sandbox.binance.limits import API, Pool
from tallyglass.sandbox.binance.markets import Listed, Market
from tallyglass.sandbox.binance.params import Params
from tallyglass.sandbox.model import Key, Prices

#: No key; key header only (MARKET_DATA on /sapi); else the right that the key must have.
OPEN: Final = ""
KEY_ONLY: Final = "key"


@dataclass(slots=True)
class Call:
    """One request on its way through a handler."""

    params: Params
    #: Microseconds.
    now: int
    #: Microseconds in one unit of the answer's times: 1000, or 1 after `X-MBX-TIME-UNIT: MICROSECOND`.
    unit: int
    prices: Prices
    listed: Listed
    #: Key and account of a signed request.
    key: Key | None = None
    holder: Account | None = None
    #: Headers that the handler adds.
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """The account that a signed request is about."""
        if self.holder is None:
            raise RuntimeError("a public endpoint asked for an account")
        return self.holder

    @property
    def ms(self) -> int:
        """Now in milliseconds."""
        return self.now // 1000

    def time(self, us: int) -> int:
        """A moment in the unit of the answer."""
        return us // self.unit

    def market(self, name: str = "symbol") -> Market:
        """The market that a mandatory parameter names; -1121 for an unknown one."""
        symbol = self.params.need(name)
        if symbol not in self.listed.markets:
            raise bad_symbol()
        return self.listed.markets[symbol]

    def worth_in(self, amount: Amount, asset: str, quote: str) -> Amount:
        """An amount in another asset at the world's prices."""
        return divide(multiply(amount, self.prices.usd(asset)), self.prices.usd(quote))


Handler = Callable[[Call], Any]
Weight = int | Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    handler: Handler
    pool: Pool
    weight: Weight
    right: str
    takes: frozenset[str]

    def cost(self, params: Params) -> int:
        """The weight of a request with these parameters."""
        return self.weight(params) if callable(self.weight) else self.weight


class Routes(dict[tuple[str, str], Route]):
    """Endpoints by method and path."""

    def add(
        self, line: str, *, weight: Weight = 1, pool: Pool = API, right: str = OPEN, takes: str = ""
    ) -> Callable[[Handler], Handler]:
        """Put a handler under `GET /path`. `takes` names the parameters that `/api` reads; the rest is refused."""
        method, path = line.split()
        known = set(takes.split()) | (
            {"timestamp", "recvWindow", "signature"} if right not in {OPEN, KEY_ONLY} else set()
        )

        def put(handler: Handler) -> Handler:
            self[method, path] = Route(handler, pool, weight, right, frozenset(known))
            return handler

        return put
