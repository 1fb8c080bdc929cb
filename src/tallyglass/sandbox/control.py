"""Everything under `/_control`: the log of requests, keys, faults, new acts, and the truth."""

from __future__ import annotations

import inspect
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, Protocol, cast
from urllib.parse import parse_qs

from tallyglass.money import Amount, NotMoney, multiply, text, total
from tallyglass.sandbox.coins import Coins
from tallyglass.sandbox.ecb import CURRENCIES
from tallyglass.sandbox.echo import BadAddress, Internet
from tallyglass.sandbox.faults import BadFault, Faults
from tallyglass.sandbox.lies import BadLie
from tallyglass.sandbox.model import Act, Books, Incoming, Key, Outgoing, Posting, Venue
from tallyglass.sandbox.quota import Quota
from tallyglass.sandbox.telling import BadRange, closes, days_of, worth
from tallyglass.sandbox.wishes import BadWish, act_of
from tallyglass.sandbox.world import WorldPrices

_REMEMBERED = 200_000
_RIGHTS = ("read", "trade", "withdraw", "transfer")
_WITH_COINS = ("defillama", "coingecko")
_KEY_CHANGES = ("grant", "revoke", "ip_list", "dead", "expired", "account", "public_key", "also")


class Caller(Protocol):
    """A site, as far as the log needs it."""

    @property
    def id(self) -> str: ...
    def caller(self, request: Incoming) -> str: ...


class Refused(Exception):
    """A control request that cannot be done."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Control:
    """What a test may ask and order of the sandbox."""

    def __init__(self, venues: Mapping[str, Venue], prices: WorldPrices, serial: int) -> None:
        self.venues = venues
        self.prices = prices
        self.faults = Faults()
        self.internet = Internet()
        #: Of the price sources; an exchange keeps its own.
        self.quota = Quota()
        self._coins = Coins("", prices)
        self._serial = serial
        self._log: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._calls: dict[tuple[str, str], Callable[..., Any]] = {
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._forget,
            ("POST", "keys"): self._change_key,
            ("GET", "faults"): self.faults.listed,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "account"): self._add_act,
            ("GET", "truth"): self._truth,
            ("GET", "addresses"): self.internet.told,
            ("POST", "addresses"): self._see,
            ("GET", "prices"): self.prices.lies.listed,
            ("POST", "prices"): self._lie,
            ("DELETE", "prices"): self._tell_the_truth,
            ("POST", "limits"): self._limit,
        }

    def note(self, request: Incoming, site: Caller, status: int, faults: Mapping[str, float]) -> None:
        """Remember a request: never its query or body, where a signature may stand."""
        self._log.append(
            {
                "time": _rfc3339(datetime.fromtimestamp(time.time(), UTC)),
                "exchange": site.id,
                "method": request.method,
                "host": request.host,
                "path": request.path,
                "key": site.caller(request),
                "status": status,
                "faults": sorted(faults),
            }
        )

    def answer(self, method: str, path: str, query: str, body: bytes) -> Outgoing:
        """`path` without `/_control`. 400 for what is asked wrongly, 404 for what there is not, 409 for no funds."""
        name, *rest = path.strip("/").split("/")
        call = self._calls.get((method, name))
        if call is None:
            there_are = ", ".join(f"{verb} {each}" for verb, each in self._calls)
            return Outgoing.json({"error": f"no control {method} {name}: there are {there_are}"}, 404)
        options: dict[str, Any] = {key: values[-1] for key, values in parse_qs(query).items()}
        try:
            asked = _bound(call, rest, options | ({"given": _object(body)} if method == "POST" else {}))
            return Outgoing.json(call(*asked.args, **asked.kwargs))
        except (json.JSONDecodeError, NotMoney, BadFault, BadAddress, BadLie, BadRange) as wrong:
            return Outgoing.json({"error": str(wrong)}, 400)
        except (Refused, BadWish) as no:
            return Outgoing.json({"error": str(no)}, no.status)

    def _requests(self, exchange: str = "") -> list[dict[str, Any]]:
        return [each for each in self._log if exchange in ("", each["exchange"])]

    def _forget(self) -> list[dict[str, Any]]:
        self._log.clear()
        return []

    def _venue(self, exchange: str) -> Venue:
        if exchange not in self.venues:
            raise Refused(404, f"no exchange {exchange!r}: there are {', '.join(self.venues)}")
        return self.venues[exchange]

    def _change_key(self, exchange: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        keys = self._venue(exchange).keys
        if kind not in keys:
            raise Refused(404, f"no key {kind!r}: there are {', '.join(keys)}")
        key = keys[kind]
        _check_change(given)
        key.rights |= set(given.get("grant", ()))
        key.rights -= set(given.get("revoke", ()))
        key.ip_list = [str(each) for each in given.get("ip_list", key.ip_list)]
        key.dead = bool(given.get("dead", key.dead))
        key.expired = bool(given.get("expired", key.expired))
        key.account = cast(Literal["main", "other"], given.get("account", key.account))
        if "also" in given:  # permissions in the exchange's own words, known to it or not
            key.memory["also"] = [str(each) for each in given["also"]]
        if "public_key" in given:
            self._register(exchange, kind, str(given["public_key"]))
        return _shown(key)

    def _register(self, exchange: str, kind: str, public_key: str) -> None:
        """What a user does who made the key pair himself: paste its public half (PEM) at the exchange."""
        register = getattr(self._venue(exchange), "register", None)
        if register is None:
            raise Refused(400, f"{exchange} makes its keys itself")
        register(kind, public_key)

    def _add_fault(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        self.faults.order(given)
        return self.faults.listed()

    def _clear_faults(self) -> list[dict[str, Any]]:
        self.faults.clear()
        return []

    def _see(self, given: dict[str, Any]) -> dict[str, Any]:
        return self.internet.change(given)

    def _lie(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """What a source tells of an asset from now on, until it is told otherwise."""
        coin, asset = (str(given.get(name, "")) for name in ("coin", "asset"))
        named = {*self.prices.assets(), *CURRENCIES}
        if asset and asset not in named:
            raise Refused(404, f"no asset {asset!r}")
        if coin and not (coin in named or (coin in self._coins.all and given.get("source") in _WITH_COINS)):
            raise Refused(404, f"no coin {coin!r}")
        if given.get("source") not in (*self.venues, *_WITH_COINS, "ecb", "norgesbank"):
            raise Refused(404, f"no source {given.get('source')!r}")
        self.prices.lies.order(given)
        return self.prices.lies.listed()

    def _tell_the_truth(self) -> list[dict[str, Any]]:
        self.prices.lies.clear()
        return []

    def _limit(self, given: dict[str, Any]) -> dict[str, bool]:
        """`{"off": true}`: the price sources count no requests any more."""
        self.quota.off = bool(given.get("off", self.quota.off))
        return {"off": self.quota.off}

    def _add_act(self, exchange: str, given: dict[str, Any]) -> dict[str, Any]:
        """Let something happen on an account now; the answer holds the new entries of its books."""
        venue = self._venue(exchange)
        account = str(given.pop("account", "main"))
        if account not in venue.books:
            raise Refused(404, f"no account {account!r}: there are {', '.join(venue.books)}")
        self._serial += 1
        books = venue.books[account]
        before = len(books.postings)
        special = getattr(venue, "specials", {}).get(given.get("add"))  # what only this exchange has
        if given.get("add") == "history_cut":
            told: dict[str, Any] = self._cut(venue, account, given)
        elif special is not None:
            special(account, time.time())
            told = {"kind": given["add"]}
        else:
            act = act_of(given, venue, account, self.prices, self._serial)
            venue.record(account, act)
            told = _told(act)
        new = list(islice(reversed(books.postings.values()), len(books.postings) - before))[::-1]
        return {"act": told, "entries": [_entry(each) for each in new]}

    def _cut(self, venue: Venue, account: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The API forgets what is older than `before`; the account keeps what it has, and the truth every entry."""
        cut = getattr(venue, "cut", None)
        if cut is None:
            raise Refused(400, f"{venue.id} cannot forget")
        try:
            before = datetime.fromisoformat(str(given.get("before")))
        except ValueError:
            raise Refused(400, "before is a time as in RFC 3339") from None
        if before.tzinfo is None:
            raise Refused(400, "before is a time with its zone")
        cut(account, before)
        return {"kind": "history_cut", "before": _rfc3339(before)}

    def _truth(self, exchange: str = "", account: str = "main", entries: str = "yes", **asked: str) -> dict[str, Any]:
        if not exchange:
            return self._world()
        if exchange in ("prices", "worth"):
            return self._past(exchange, asked)
        if asked:
            raise Refused(400, f"not how this is asked: {', '.join(asked)}")
        venue = self._venue(exchange)
        if account not in venue.books:
            raise Refused(404, f"no account {account!r}: there are {', '.join(venue.books)}")
        books = venue.books[account]
        orders = venue.open_orders() if account == "main" else []
        told = books.truth() if entries == "yes" else {"balances": _balances(books)}
        return {"exchange": exchange, "balances": told.pop("balances"), "open_orders": orders, **told}

    def _past(self, what: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """The end of each day `from` … `to`: an `asset`'s price, or what the main accounts were worth together."""
        days = days_of(asked, datetime.now(UTC))
        if what == "worth":
            return {"worth": worth(self.prices, [each.books["main"] for each in self.venues.values()], days)}
        asset = asked.get("asset", "")
        if asset not in self.prices.assets():
            raise Refused(404, f"no asset {asset!r}: there are {', '.join(self.prices.assets())}")
        return {"asset": asset, "prices": closes(self.prices, asset, days)}

    def _world(self) -> dict[str, Any]:
        """Every price, and what the main accounts are worth together."""
        by = {name: self._worth(venue.books["main"]) for name, venue in self.venues.items()}
        return {
            "prices": {asset: text(self.prices.usd(asset)) for asset in self.prices.assets()},
            "worth": text(total(by.values())),
            "by": {name: text(worth) for name, worth in by.items()},
        }

    def _worth(self, books: Books) -> Amount:
        """Of all that has a price: Kraken's fee credits have none."""
        priced = {asset: held for asset, held in books.balances().items() if asset in self.prices.assets()}
        return total(multiply(held, self.prices.usd(asset)) for asset, held in priced.items())


def _bound(call: Callable[..., Any], parts: list[str], options: Mapping[str, Any]) -> inspect.BoundArguments:
    try:
        return inspect.signature(call).bind(*parts, **options)
    except TypeError as wrong:
        raise Refused(400, f"not how this is asked: {wrong}") from None


def _object(body: bytes) -> dict[str, Any]:
    given = json.loads(body, parse_float=Decimal) if body.strip() else {}
    if not isinstance(given, dict):
        raise Refused(400, "the body is a JSON object")
    return given


def _check_change(given: Mapping[str, Any]) -> None:
    unknown = set(given) - set(_KEY_CHANGES)
    if unknown:
        raise Refused(400, f"a key has no {', '.join(sorted(unknown))}: {', '.join(_KEY_CHANGES)}")
    for word in (*given.get("grant", ()), *given.get("revoke", ())):
        if word not in _RIGHTS:
            raise Refused(400, f"no right {word!r}: there are {', '.join(_RIGHTS)}")
    if given.get("account", "main") not in ("main", "other"):
        raise Refused(400, "account is main or other")


def _shown(key: Key) -> dict[str, Any]:
    return {
        "kind": key.kind,
        "rights": sorted(key.rights),
        "ip_list": key.ip_list,
        "dead": key.dead,
        "expired": key.expired,
        "account": key.account,
        "also": key.memory.get("also", []),
    }


def _balances(books: Books) -> dict[str, str]:
    return {asset: text(held) for asset, held in sorted(books.balances().items())}


def _entry(posting: Posting) -> dict[str, Any]:
    legs = [{"account": w, "asset": a, "amount": text(n), "role": r} for w, a, n, r in posting.legs]
    return {"id": posting.id, "kind": posting.kind, "time": _rfc3339(posting.time), "legs": legs}


def _told(act: Act) -> dict[str, Any]:
    """An act as JSON."""
    figures = {name: getattr(act, name) for name in Act.__slots__}
    figures["time"] = _rfc3339(act.time)
    return {name: text(each) if isinstance(each, Decimal) else each for name, each in figures.items()}


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
