"""A caller of the fake Coinbase that signs for itself: tokens made by hand, from the documentation."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from support.sandbox import Answer, Sandbox
from tallyglass.sandbox.coinbase import Coinbase, create
from tallyglass.sandbox.model import Incoming, Outgoing
from tallyglass.sandbox.world import WorldPrices

V3 = "/api/v3/brokerage"

NOW = 1_795_342_000.25
"""A November day in 2026."""

ORDER: dict[str, Any] = {
    "client_order_id": "0",
    "product_id": "ETH-USD",
    "side": "BUY",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "100"}},
}
"""A limit order far below the market."""


def encoded(value: bytes | dict[str, Any]) -> str:
    """base64url without padding, of bytes or of an object as JSON."""
    raw = json.dumps(value).encode() if isinstance(value, dict) else value
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(fields: dict[str, str], claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    """A JSON Web Token signed with a key of the state file. `claims` and `header` replace what is usual."""
    now = int(time.time())
    usual = {"sub": fields["key"], "iss": "cdp", "nbf": now, "exp": now + 120}
    pem = fields["secret"].startswith("-----BEGIN")
    head = {"alg": "ES256" if pem else "EdDSA", "kid": fields["key"], "nonce": "00ff00ff", "typ": "JWT"}
    signed = f"{encoded(head | (header or {}))}.{encoded(usual | claims)}"
    if pem:
        private = serialization.load_pem_private_key(fields["secret"].encode(), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        seed = base64.b64decode(fields["secret"])[:32]
        signature = ed25519.Ed25519PrivateKey.from_private_bytes(seed).sign(signed.encode())
    return f"{signed}.{encoded(signature)}"


@dataclass(slots=True)
class Caller:
    """Calls with one key."""

    sandbox: Sandbox
    kind: str = "read_only"
    #: What replaces the usual claims and header of each token.
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, **query: object) -> Answer:
        """One signed request."""
        where = urlsplit(self.sandbox.host("coinbase"))
        claims = {"uri": f"{method} {where.netloc}{where.path}{path}"} | self.claims
        bearer = token(self.sandbox.key("coinbase", self.kind), claims, self.header)
        target = f"{where.path}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        return self.sandbox.request(method, target, headers, json.dumps({} if body is None else body))

    def get(self, path: str, **query: object) -> Any:
        """The JSON of a read that succeeds."""
        answer = self.call("GET", path, **query)
        assert answer.status == 200, f"{path}: {answer.status} {answer.body[:300]!r}"
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON of a write that succeeds."""
        answer = self.call("POST", path, body)
        assert answer.status in (200, 201), f"{path}: {answer.status} {answer.body[:300]!r}"
        return answer.json()

    def rows(self, wallet: str, limit: int = 100, **query: object) -> list[dict[str, Any]]:
        """All transactions of a wallet, following `next_uri`."""
        found: list[dict[str, Any]] = []
        page = self.get(f"/v2/accounts/{wallet}/transactions", limit=limit, **query)
        while True:
            found += page["data"]
            following = page["pagination"]["next_uri"]
            if not following:
                return found
            path, _, rest = following.partition("?")
            page = self.get(path, **dict(each.split("=") for each in rest.split("&")))

    def wallets(self) -> list[dict[str, Any]]:
        """All v2 accounts that have ever been used."""
        found: list[dict[str, Any]] = self.get("/v2/accounts", limit=100)["data"]
        return [each for each in found if each["created_at"]]

    def fills(self, **query: object) -> list[dict[str, Any]]:
        """All fills, following the cursor."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"{V3}/orders/historical/fills", cursor=cursor, **query)
            found += page["fills"]
            cursor = page["cursor"]
            if not cursor:
                return found

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """(available, hold) of every v3 account."""
        found: dict[str, tuple[Decimal, Decimal]] = {}
        cursor = ""
        while True:
            page = self.get(f"{V3}/accounts", limit=4, cursor=cursor)
            for each in page["accounts"]:
                sums = Decimal(each["available_balance"]["value"]), Decimal(each["hold"]["value"])
                found[each["currency"]] = sums
            cursor = page["cursor"]
            if not page["has_next"]:
                return found

    def free(self, currency: str) -> Decimal:
        """What is available of a currency."""
        return self.balances()[currency][0]


def place_of(wallet: dict[str, Any]) -> str:
    """Which part of the account a v2 account is, in the true books."""
    return "vault" if wallet["type"] == "vault" else "spot" if wallet["primary"] else "staked"


def assert_consistent(sandbox: Sandbox, caller: Caller) -> None:
    """The v2 rows, the v2 balances, the v3 balances and the truth say the same."""
    truth: Counter[tuple[str, str]] = Counter()
    for entry in sandbox.truth("coinbase")["entries"]:
        for leg in entry["legs"]:
            truth[leg["account"], leg["asset"]] += Decimal(leg["amount"])  # type: ignore[assignment]
    tradable = caller.balances()
    seen = 0
    for wallet in caller.wallets():
        currency, place = wallet["currency"]["code"], place_of(wallet)
        rows = caller.rows(wallet["id"])
        sums = sum((Decimal(row["amount"]["amount"]) for row in rows if row["status"] == "completed"), Decimal(0))
        assert sums == Decimal(wallet["balance"]["amount"]), wallet["name"]
        assert sums == truth[place, currency], wallet["name"]
        if wallet["primary"]:
            assert sum(tradable[currency]) == sums, wallet["name"]
            assert tradable[currency][0] >= 0
        seen += bool(rows)
    assert seen >= 8
    assert {currency for wallet, currency in truth if wallet == "spot"} <= set(tradable)


def made(seed: int = 3) -> Coinbase:
    """A Coinbase without a network, nothing on its accounts but a vault and some coins on their way."""
    return create(seed, WorldPrices(seed, NOW), NOW)


def ask(venue: Coinbase, path: str, now: float = NOW, kind: str = "read_only", *, signed: bool = True) -> Outgoing:
    """One read of it."""
    bare, _, query = path.partition("?")
    claims = {"uri": f"GET api.coinbase.com{bare}", "nbf": int(now), "exp": int(now) + 120}
    headers = {"authorization": f"Bearer {token(venue.keys[kind].fields, claims)}"} if signed else {}
    return venue.handle(Incoming("GET", "api.coinbase.com", bare, query, headers, b"{}", "127.0.0.1", now))


def rows(venue: Coinbase, wallet: str, limit: int, order: str = "desc") -> list[dict[str, Any]]:
    """All rows of one of its wallets, page by page."""
    found: list[dict[str, Any]] = []
    following = f"/v2/accounts/{wallet}/transactions?limit={limit}&order={order}"
    while following:
        page = json.loads(ask(venue, following).body)
        assert len(page["data"]) <= limit
        found += page["data"]
        following = page["pagination"]["next_uri"]
    return found
