"""The fake Coinbase: api.coinbase.com with the Advanced Trade API (v3) and the wallet ledger (v2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tallyglass.money import text
from tallyglass.sandbox.coinbase import events, futures, moving, public, special, trading, v2, v3
from tallyglass.sandbox.coinbase.account import Account
from tallyglass.sandbox.coinbase.answers import (
    NO_SCOPE,
    UNAUTHORIZED,
    Call,
    Refused,
    Route,
    Router,
    micros,
    v2_error,
    v3_error,
)
from tallyglass.sandbox.coinbase.auth import Denied, Keyring
from tallyglass.sandbox.coinbase.catalog import FACTS
from tallyglass.sandbox.coinbase.ids import Ids
from tallyglass.sandbox.coinbase.limits import V2, V3_PUBLIC, V3_USER, Limits
from tallyglass.sandbox.incidents import Incidents
from tallyglass.sandbox.model import Act, Incoming, Key, Outgoing, Prices

_RECORDERS = {
    "trade": events.trade,
    "deposit": events.deposit,
    "withdrawal": events.withdrawal,
    "reward": events.reward,
    "order": events.open_order,
    "convert": events.convert,
}
_PARTS = (v3, v2, public, trading, moving, futures)
_YEAR = timedelta(days=365)


class Coinbase:
    """A venue as `sandbox.model.Venue` describes it."""

    id = "coinbase"
    hosts = ("api.coinbase.com",)
    facts = FACTS

    def __init__(self, seed: int, prices: Prices, now: float) -> None:
        ids = Ids(seed)
        self._prices = prices
        self._keyring = Keyring(ids, now)
        self._limits = Limits()
        self._router = Router([route for part in _PARTS for route in part.ROUTES])
        start = datetime.fromtimestamp(int(now), UTC)
        self._accounts: dict[str, Account] = {
            name: Account(name, ids, prices, start - 5 * _YEAR) for name in ("main", "other")
        }
        self.keys = self._keyring.keys
        self.books = {name: account.books for name, account in self._accounts.items()}
        main = self._accounts["main"]
        events.fund_vault(main, "BTC", Decimal("0.15"), start - 4 * _YEAR)
        events.expect(main, "LTC", Decimal("1.25"), start - timedelta(minutes=20), start + timedelta(hours=3))
        #: What only Coinbase has, by name, as calls that take an account's name and the time.
        self.specials = special.specials(self._accounts, self._limits)
        #: What the main account meets besides its acts.
        self.incidents = Incidents(special.INCIDENTS, first=12, every=3)

    def record(self, account: str, act: Act) -> None:
        """Book an act, and show it in the API."""
        _RECORDERS[act.kind](self._accounts[account], act)
        if account == "main" and act.kind != "order":
            self.incidents.follow(lambda name: special.HAPPENINGS[name](self._accounts[account], act.time))

    def cut(self, account: str, before: datetime) -> None:
        """The API forgets all rows older than that; open orders stay."""
        self._accounts[account].forget(before)

    def open_orders(self) -> list[dict[str, str]]:
        """The main account's open orders."""
        return [
            {
                "id": order.id,
                "market": f"{order.base}/{order.quote}",
                "side": order.side,
                "type": "limit" if order.style.startswith("limit") else "stop-limit",
                "price": text(order.price),
                "amount": text(order.size),
                "filled": text(order.filled),
                "time": micros(order.time),
            }
            for order in self._accounts["main"].open.values()
        ]

    def caller(self, request: Incoming) -> str:
        """The key id in the request's token."""
        return self._keyring.caller(request)

    def handle(self, request: Incoming) -> Outgoing:
        """Answer: 401 comes before 404, 403 before 400."""
        for account in self._accounts.values():
            events.arrive(account, datetime.fromtimestamp(request.now, UTC))
        try:
            return self._answer(request)
        except Refused as refused:
            return refused.answer

    def _answer(self, request: Incoming) -> Outgoing:
        v2_path = request.path.startswith("/v2/")
        found = self._router.find(request.method, request.path)
        if found is not None and not found[0].scope:
            headers = self._limits.take(V2 if v2_path else V3_PUBLIC, f"ip {request.ip}", request.now)
            return _with(found[0].answer(Call(request, self._prices, found[1])), headers)
        try:
            key = self._keyring.check(request, self.hosts)
        except Denied:
            return UNAUTHORIZED
        caller = key.fields["key"] if v2_path else f"user {key.account}"
        headers = self._limits.take(V2 if v2_path else V3_USER, caller, request.now)
        if found is None:
            raise v2_error(404, "not_found", "Not found") if v2_path else v3_error(404, "NOT_FOUND", "Not Found")
        route, path = found
        _check_scope(route, key, v2_path=v2_path)
        return _with(route.answer(Call(request, self._prices, path, self._accounts[key.account], key)), headers)


def _check_scope(route: Route, key: Key, *, v2_path: bool) -> None:
    # "Transfer" is one box: the sandbox's rights withdraw and transfer both stand for it
    rights = {"transfer", "withdraw"} if route.scope == "transfer" else {route.scope}
    if rights & key.rights:
        return
    raise v2_error(403, "invalid_scope", "Invalid scope") if v2_path else v3_error(403, "PERMISSION_DENIED", NO_SCOPE)


def _with(answer: Outgoing, headers: dict[str, str]) -> Outgoing:
    return Outgoing(answer.status, {**answer.headers, **headers}, answer.body) if headers else answer


def create(seed: int, prices: Prices, now: float) -> Coinbase:
    """An empty Coinbase, but for a vault and some coins on their way; the same for one seed and moment."""
    return Coinbase(seed, prices, now)
