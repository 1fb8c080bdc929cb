"""The fake Binance as a whole: hosts, keys, accounts, and the way of a request through limits, checks and handler."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tallyglass.money import text
from tallyglass.sandbox.binance import auth, history, moves, orders, public, spot, wallet
from tallyglass.sandbox.binance.account import Account, moment
from tallyglass.sandbox.binance.errors import Refusal
from tallyglass.sandbox.binance.habits import HABITS, Calendar
from tallyglass.sandbox.binance.happen import happen
from tallyglass.sandbox.binance.keys import adopt, make_keys
from tallyglass.sandbox.binance.limits import API, ORDERS_10S, ORDERS_DAY, SAPI_UID, SAPI_UID_SECOND, Limits
from tallyglass.sandbox.binance.markets import FACTS
from tallyglass.sandbox.binance.params import Params
from tallyglass.sandbox.binance.routes import KEY_ONLY, OPEN, Call, Route
from tallyglass.sandbox.model import Act, Books, Incoming, Key, Outgoing, Prices

ROUTES: Final[dict[tuple[str, str], Route]] = {
    **public.routes,
    **spot.routes,
    **orders.routes,
    **wallet.routes,
    **history.routes,
    **moves.routes,
}
_CONTENT_TYPE: Final = "application/json;charset=UTF-8"
_NO_PAGE: Final = (
    b"<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center></body></html>"
)


class Binance:
    """A `Venue`."""

    id = "binance"
    hosts = ("api.binance.com", "data-api.binance.vision", "fapi.binance.com", "dapi.binance.com")
    facts = FACTS

    def __init__(self, seed: int, prices: Prices, now: float) -> None:
        self.keys: dict[str, Key] = make_keys(seed, now)
        self.books = {"main": Books(), "other": Books()}
        self.accounts = {name: Account(name, seed, books) for name, books in self.books.items()}
        self._prices = prices
        self._limits = Limits()
        self._answered = 0
        self._calendar = Calendar(int(now) * 1_000_000)
        #: What `/_control/account` can also order here: name → call with account and time.
        self.specials: dict[str, Callable[[str, float], None]] = {
            **{name: partial(self._special, name) for name in HABITS},
            "no_limits": self._no_limits,
        }

    def record(self, account: str, act: Act) -> None:
        us = happen(self.accounts[account], act, self._prices)
        if account == "main" and act.kind != "order":
            self._calendar.keep(self.accounts[account], self._prices, us)

    def _special(self, name: str, account: str, now: float) -> None:
        HABITS[name](self.accounts[account], self._prices, int(now * 1000) * 1000)

    def _no_limits(self, account: str, now: float) -> None:  # noqa: ARG002  # as every special is called
        """From now on nobody asks too often: for tests whose subject is another."""
        self._limits.off = True

    def caller(self, request: Incoming) -> str:
        return auth.named_key(request)

    def register(self, kind: str, public_pem: str) -> None:
        """What a user does on the page for self-generated keys: paste an Ed25519 or RSA public key (PEM)."""
        adopt(self.keys[kind], public_pem)

    def open_orders(self) -> list[dict[str, str]]:
        return [
            {
                "id": str(order.id),
                "market": f"{order.market.base}/{order.market.quote}",
                "side": order.side.lower(),
                "type": order.type.lower(),
                "price": text(order.price),
                "amount": text(order.amount),
                "filled": text(order.filled),
                "time": moment(order.time).isoformat().replace("+00:00", "Z"),
            }
            for order in self.accounts["main"].open.values()
        ]

    def handle(self, request: Incoming) -> Outgoing:
        headers = {"x-mbx-uuid": self._uuid()}
        try:
            route = ROUTES.get((request.method, request.path))
            if route is None:
                return _unknown(request)
            return self._serve(request, route, headers)
        except Refusal as no:
            return _json({"code": no.code, "msg": no.msg}, no.status, headers | no.headers)

    def _serve(self, request: Incoming, route: Route, headers: dict[str, str]) -> Outgoing:
        now = round(request.now * 1_000_000)
        strict = request.path.startswith("/api/")
        params = Params(request.query, request.body.decode("utf-8", "replace"), strict=strict)
        cost = route.cost(params)
        by_account = route.pool in {SAPI_UID, SAPI_UID_SECOND}
        if not by_account:
            headers |= self._limits.charge(route.pool, request.ip, request.path, cost, now)
        call = Call(params, now, _unit(request, strict=strict), self._prices)
        self._admit(request, route, call)
        if by_account:
            headers |= self._limits.charge(route.pool, str(call.account.uid), request.path, cost, now)
        if strict:
            params.check(route.takes)
        placing = request.path == "/api/v3/order" and request.method == "POST"
        if placing:
            headers |= self._count_order(call)
        answer = route.handler(call)
        if strict and request.method in {"POST", "DELETE"} and not request.path.endswith("/test"):
            # placing and cancelling cost nothing when they succeed (changelog 2026-03)
            headers |= self._limits.charge(API, request.ip, request.path, -cost, now)
        return _json(answer, 200, headers | call.headers)

    def _admit(self, request: Incoming, route: Route, call: Call) -> None:
        if route.right == OPEN:
            return
        key = auth.find_key(request, self.keys)
        if route.right == KEY_ONLY:
            return
        auth.check_signed(request, call.params, key, call.now)
        auth.check_right(key, route.right, request.ip, request.now)
        call.key, call.holder = key, self.accounts[key.account]

    def _count_order(self, call: Call) -> dict[str, str]:
        who = str(call.account.uid)
        return self._limits.charge(ORDERS_10S, who, "", 1, call.now) | self._limits.charge(
            ORDERS_DAY, who, "", 1, call.now
        )

    def _uuid(self) -> str:
        self._answered += 1
        return f"00000000-0000-4000-8000-{self._answered:012x}"


def create(seed: int, prices: Prices, now: float) -> Binance:
    """An exchange whose accounts hold nothing yet."""
    return Binance(seed, prices, now)


def _unit(request: Incoming, *, strict: bool) -> int:
    """Microseconds per unit of the answer's times."""
    asked = request.headers.get("x-mbx-time-unit", "").upper()
    if not strict or asked in {"", "MILLISECOND"}:
        return 1000
    if asked != "MICROSECOND":
        raise Refusal(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    return 1


def _unknown(request: Incoming) -> Outgoing:
    """A path of no endpoint, or an endpoint's path with another method."""
    if any(path == request.path for _, path in ROUTES):
        return _json({"code": -1020, "msg": "This operation is not supported."}, 405, {})
    return Outgoing(404, {"content-type": "text/html"}, _NO_PAGE)


def _json(value: Any, status: int, headers: dict[str, str]) -> Outgoing:
    return Outgoing.json(value, status, **(headers | {"content-type": _CONTENT_TYPE}))
