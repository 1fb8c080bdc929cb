"""What exchanges there are, what can be asked of them, and how a key is made there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from tallyglass.app.problems import Problem
from tallyglass.app.views import ExchangeView, entry_view, moment, order_view
from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Manifest, NotListed
from tallyglass.exchanges.streams import Balance, Close, Coin, Item, Known, Market, NotReadable, Order, Ticker
from tallyglass.ledger.entries import Entry
from tallyglass.money import text


def exchanges() -> list[ExchangeView]:
    """Every exchange that can be connected."""
    return [_view(manifest) for manifest in registry.exchanges()]


def exchange(name: str) -> Manifest:
    """One exchange. A `Problem` names those that there are."""
    try:
        manifest = registry.manifest(name)
    except registry.UnknownExchange as error:
        near = get_close_matches(name.lower(), (each.id for each in registry.manifests().values()), n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise Problem("unknown_exchange", f"There is {error}.{meant}", "See: tallyglass exchanges") from error
    if manifest.tier == "source":
        raise Problem("unknown_exchange", f"{manifest.name} is no exchange.", "See: tallyglass exchanges")
    return manifest


def key_parts(name: str) -> dict[str, str]:
    """What makes up a key there: the name of each part, and what the exchange calls it."""
    return {each.name: f"{each.label} ({each.hint})" if each.hint else each.label for each in exchange(name).fields}


def _view(manifest: Manifest) -> ExchangeView:
    return {
        "id": manifest.id,
        "name": manifest.name,
        "tier": manifest.tier,
        "proves": list(manifest.proves),
        "tells": dict(manifest.tells),
        "ip": str(manifest.ip.get("allow_list", "none")),
        "reads": [
            {"id": r.id, "method": r.method, "host": r.host, "path": r.path, "purpose": r.purpose}
            for r in manifest.reads.values()
        ],
        "history": dict(manifest.history),
    }


def keys_page(name: str) -> str:
    """Where at an exchange its keys are found, in its own words."""
    return str(exchange(name).labels.get("page", "the page of your API keys"))


def mark(name: str) -> str:
    """The line drawing that stands for an exchange, as SVG; empty where its folder has none."""
    page = registry.FOLDER / exchange(name).id / "mark.svg"
    return page.read_text(encoding="utf-8").strip() if page.exists() else ""


#: Stands where a guide would name our addresses.
_NO_ADDRESS = "(tallyglass egress shows what to put here; while tallyglass up runs, it stands here by itself)"


def guide(name: str, addresses: list[str], today: date) -> str:
    """How a read-only key is made there, in Markdown, with our addresses in that exchange's own format."""
    return filled_in(registry.guide(exchange(name).id), name, addresses, today)


def filled_in(text: str, name: str, addresses: list[str], today: date) -> str:
    """A text of that exchange with our addresses in its own format, and the month."""
    from tallyglass.hygiene import egress  # loads the database, which the other commands here do not need

    ips = egress.copy(exchange(name), addresses).text if addresses else _NO_ADDRESS
    return text.replace("{ips}", ips).replace("{date}", f"{today:%Y-%m}")


def parse(name: str, read: str, body: bytes, asked: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A raw answer in, normalised items out: for support, and for tests. `asked`: the params that it answers."""
    try:
        manifest = registry.manifest(name)
        manifest.read(read)
        parsed = registry.parsing(manifest.id).parse(read, body, Known(asked=asked or {}))
    except (registry.UnknownExchange, NotListed) as error:
        raise Problem(
            "unknown_read", str(error), f"See: tallyglass exchanges --json ({name} lists its reads)."
        ) from error
    except NotReadable as error:
        fix = "Check that the file holds the exchange's whole answer and nothing else."
        raise Problem("not_readable", f"This is no answer of {name} to {read}: {error}", fix) from error
    return {
        "items": [_item(item) for item in parsed.items],
        "unparsed": [{"id": u.id, "reason": u.reason, "raw": u.raw} for u in parsed.unparsed],
    }


def _item(item: Item) -> dict[str, Any]:
    match item:
        case Balance():
            locked = None if item.locked is None else text(item.locked)
            return {
                "item": "balance",
                "account": item.account,
                "asset": item.asset,
                "total": text(item.total),
                "locked": locked,
            }
        case Order():
            return {"item": "order", **order_view(item)}
        case Market():
            aliases = list(item.aliases)
            return {"item": "market", "name": item.name, "base": item.base, "quote": item.quote, "aliases": aliases}
        case Ticker() | Close():
            return _price(item)
        case Coin():
            return {"item": "coin", "id": item.id, "symbol": item.symbol, "name": item.name}
        case Entry():
            return {"item": "entry", **entry_view(item), "time": moment(item.time)}


def _price(item: Ticker | Close) -> dict[str, Any]:
    told = {"base": item.base, "quote": item.quote, "price": text(item.price)}
    if isinstance(item, Close):
        return {"item": "close", **told, "day": item.day.isoformat()}
    return {"item": "ticker", **told, **({"at": moment(item.at)} if item.at else {})}
