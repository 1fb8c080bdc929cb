"""A Kraken client for tests: signs by the documentation's recipe, against a venue in memory or over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import urlencode

from tallyglass.money import ROUNDED, divide
from tallyglass.sandbox.incidents import Incidents
from tallyglass.sandbox.kraken import Kraken, create
from tallyglass.sandbox.model import Act, Incoming, Outgoing
from tallyglass.sandbox.world import WorldPrices

NOW = 1_795_300_000.0
"""A November day in 2026."""


def signed(secret: str, path: str, nonce: str, body: bytes) -> str:
    """`API-Sign` as docs.kraken.com (Spot REST authentication) explains it."""
    message = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.new(base64.b64decode(secret), message, hashlib.sha512).digest()).decode()


Send = Callable[[str, dict[str, str], bytes], bytes]
"""Path, headers, body → body."""


@dataclass
class Client:
    """One key at work."""

    fields: dict[str, str]
    send: Send
    nonces: Iterator[int] = field(default_factory=lambda: count(1))

    def raw(self, name: str, **params: str) -> bytes:
        """One private call as a form."""
        nonce = params.pop("nonce", None) or str(next(self.nonces))
        return self.body(name, nonce, urlencode({"nonce": nonce, **params}).encode())

    def body(self, name: str, nonce: str, body: bytes, kind: str = "application/x-www-form-urlencoded") -> bytes:
        """One private call with a body of one's own."""
        path = f"/0/private/{name}"
        sign = signed(self.fields["secret"], path, nonce, body)
        return self.send(path, {"api-key": self.fields["key"], "api-sign": sign, "content-type": kind}, body)

    def answer(self, name: str, **params: str) -> dict[str, Any]:
        """The whole answer."""
        told: dict[str, Any] = json.loads(self.raw(name, **params), parse_float=Decimal)
        return told

    def ask(self, name: str, **params: str) -> Any:
        """The result; an error fails the test."""
        told = self.answer(name, **params)
        assert told["error"] == [], (name, told)
        return told["result"]

    def error(self, name: str, **params: str) -> str:
        """The one error of a call that must fail without a result."""
        told = self.answer(name, **params)
        assert "result" not in told, (name, told)
        [error] = told["error"]
        return str(error)

    def all(self, name: str, within: str, **params: str) -> dict[str, dict[str, Any]]:
        """Every page of a list, oldest first."""
        found: dict[str, dict[str, Any]] = {}
        while True:
            page = self.ask(name, **params, ofs=str(len(found)))
            found |= page[within]
            if not page[within]:
                assert len(found) == page["count"]
                return dict(reversed(found.items()))


@cache
def _prices(seed: int) -> WorldPrices:
    return WorldPrices(seed, NOW)


class Bench:
    """A fake Kraken in memory, with a clock that the test turns."""

    def __init__(self, seed: int = 5) -> None:
        self.prices = _prices(seed)
        self.venue: Kraken = create(seed, self.prices, NOW)
        self.now = NOW
        self.ip = "198.51.100.7"
        self._serial = count(1)

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", query: str = "") -> Outgoing:
        """One request."""
        return self.venue.handle(Incoming(method, "api.kraken.com", path, query, headers, body, self.ip, self.now))

    def client(self, kind: str = "read_only", first: int = 1) -> Client:
        """The client of a key. Its nonces begin at `first`."""

        def send(path: str, headers: dict[str, str], body: bytes) -> bytes:
            answer = self.handle("POST", path, headers, body)
            assert answer.status == 200
            return answer.body

        return Client(self.venue.keys[kind].fields, send, count(first))

    def public(self, name: str, query: str = "") -> dict[str, Any]:
        """One public call."""
        told: dict[str, Any] = json.loads(self.handle("GET", f"/0/public/{name}", {}, b"", query).body)
        return told

    def happen(self, kind: Any, when: float, base: str, amount: str, account: str = "main", **more: Any) -> None:
        """Record an act."""
        money = ("price", "cost", "fee")
        figures: dict[str, Any] = {name: Decimal(each) if name in money else each for name, each in more.items()}
        moment = datetime.fromtimestamp(when, UTC)
        self.venue.record(account, Act(kind, moment, base, Decimal(amount), serial=next(self._serial), **figures))


def grown(seed: int = 5) -> Bench:
    """An account with a bit of everything."""
    bench = Bench(seed)
    bench.venue.house.tier = "none"
    bench.venue.incidents = Incidents(("failed_withdrawal", "opt_in"))
    start = NOW - 90 * 86_400
    bench.happen("deposit", start, "EUR", "100000.00")
    bench.happen("deposit", start + 1, "USD", "5000.00", fee="5")
    bench.happen("deposit", start + 2, "DOGE", "1500", txid="d0" * 32)
    for number in range(130):
        base, price = (("BTC", "80000"), ("ETH", "2500.50"), ("DOT", "4"))[number % 3]
        cost = Decimal(price) * Decimal("0.01")
        fee = str(ROUNDED.quantize(divide(cost, Decimal(400)), Decimal("0.0001")))
        side = "sell" if number % 10 == 9 else "buy"
        traded = {"price": price, "cost": str(cost), "fee": fee, "fee_asset": "EUR", "side": side}
        bench.happen("trade", start + 100 * (number // 2 + 1), base, "0.01", quote="EUR", **traded)
    bench.happen("convert", start + 20_000, "XRP", "50", quote="USD", cost="100", fee="1", fee_asset="USD")
    bench.happen(
        "convert", start + 20_001, "XRP", "10", quote="USD", side="sell", cost="19", fee="0.5", fee_asset="USD"
    )
    bench.happen("withdrawal", start + 30_000, "BTC", "0.05", fee="0.0001", txid="b7" * 32)
    bench.happen("reward", start + 40_000, "DOT", "0.0002", fee="0.00006")
    bench.happen("reward", start + 50_000, "ETH", "0.0003")
    bench.happen("reward", start + 60_000, "ETH", "0.0004")
    bench.happen("order", NOW - 500, "BTC", "0.02", quote="EUR", price="50000")
    bench.happen("order", NOW - 400, "ETH", "0.1", quote="EUR", side="sell", price="9000", filled=Decimal("0.04"))
    bench.happen("deposit", start, "EUR", "70.00", "other")
    return bench


_WALLETS = {"": "spot", "S": "staked", "F": "earn", "M": "opt-in", "B": "yield"}
_PLAIN = {"XXBT": "BTC", "XETH": "ETH", "XXDG": "DOGE", "XXRP": "XRP", "ZEUR": "EUR", "ZUSD": "USD"}


def _wallet(code: str) -> tuple[str, str]:
    """(wallet, symbol) of a balance key, by the rules of support.kraken.com."""
    stem, _, suffix = code.partition(".")
    symbol, days = stem.rstrip("0123456789"), stem[len(stem.rstrip("0123456789")) :]
    plain = {"XBT": "BTC", "XDG": "DOGE"}.get(symbol, _PLAIN.get(symbol, symbol))
    return _WALLETS[suffix] + (f"-{days}" if days else ""), plain


def assert_adds_up(client: Client) -> None:
    """Every ledger row's balance is what the rows before it come to, and the last ones are the account's."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in client.all("Ledgers", "ledger").values():
        held[row["asset"]] += Decimal(row["amount"]) - Decimal(row["fee"])
        assert held[row["asset"]] == Decimal(row["balance"]) >= 0, row
    assert held == {code: Decimal(text) for code, text in client.ask("Balance").items()}


def assert_books_agree(bench: Bench, client: Client) -> None:
    """The true books hold the ledger's rows by refid; but a rollover, whose refid is its position's, alone."""
    entries: dict[str, list[Any]] = defaultdict(list)
    for row_id, row in client.all("Ledgers", "ledger").items():
        entry = row_id if row["type"] == "rollover" else row["refid"]
        for amount, role in ((Decimal(row["amount"]), "principal"), (-Decimal(row["fee"]), "fee")):
            if amount:
                entries[entry].append((*_wallet(row["asset"]), amount, role))
    booked = {entry: posting.legs for entry, posting in bench.venue.books["main"].postings.items()}
    assert {entry: Counter(legs) for entry, legs in entries.items()} == {
        entry: Counter(legs) for entry, legs in booked.items()
    }
