"""The API from outside: one question for each address, and its real answers as examples, cut short.

`python -m support.api` (with `tests` on the path) writes the examples that the document of the API shows.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from support.app import App, running_app
from support.sandbox import running_sandbox
from tallyglass.app import accounts, backfilling, deciding, history
from tallyglass.app.session import Session
from tallyglass.exchanges.streams import Ask, Unparsed
from tallyglass.store import history as stored
from tallyglass.web.api.addresses import ADDRESSES, Address
from tallyglass.web.api.openapi import EXAMPLES

#: What is asked beside the address, so that every part of an answer is there.
ASKED: Final[Mapping[str, str]] = {
    "worth/history": "?every=month&by=asset",
    "performance": "?period=month&benchmark=BTC&by=asset",
    "reconcile": "?all=yes",
    "was-it-me": "?exchange=coinbase&at=2026-01-31%2009:14%20UTC&ip=203.0.113.7",
}

#: So many rows of a list are enough to see its shape.
ROWS: Final = 2


def question(app: App, address: str) -> str:
    """The whole path of a question that an address answers."""
    if address == "history/{id}":
        entry = history.history(app.service.session(), history.Question(limit=1, kind="trade"))["items"][0]
        address = f"history/{quote(entry['id'])}"
    return f"/api/v1/{address}{ASKED.get(address, '')}"


def answers(app: App) -> dict[str, Any]:
    """What every address tells."""
    _furnish(app.service.session())
    visitor = app.enter()
    found = {}
    for address in ADDRESSES:
        told = visitor.ask("GET", question(app, address))
        assert told.status == 200, (address, told.body)
        found[address] = json.loads(told.body)
    return found


def _furnish(session: Session) -> None:
    """Something of what a new home lacks: targets, an own account, a piece that nobody knows."""
    deciding.set_targets(session, "BTC:60,ETH:30,others:10")
    if not accounts.accounts(session):
        accounts.add(session, "Cold wallet", "wallet")
        accounts.balance(session, "Cold wallet", "BTC", "0.25", "2026-01-31")
    now, piece = session.now(), Unparsed("7f3a", "no kind 'raffle' is known", '{"id":"7f3a","type":"raffle"}')
    with session.store.write() as db:
        page = stored.keep_raw(db, stored.RawPage(0, "coinbase", "ledger", Ask("ledger"), {}, now, b"{}"))
        stored.add_unparsed(db, "coinbase", "ledger", [piece], raw_page=page, now=now)


def is_of(address: Address, answer: object) -> bool:
    """Whether an answer has the shape that is promised: every member, of its type, and none besides."""
    for kind in filter(None, (address.answer, address.otherwise)):
        try:
            if msgspec.convert(answer, kind) == answer:
                return True
        except msgspec.ValidationError:
            continue
    return False


def short(value: Any) -> Any:
    """The same with lists, and maps of many names, cut short."""
    if isinstance(value, dict):
        return {name: short(each) for name, each in value.items()}
    return [short(each) for each in value[-ROWS:]] if isinstance(value, list) else value


def main() -> None:
    """Write the examples."""
    with (
        tempfile.TemporaryDirectory() as name,
        running_sandbox(Path(name)) as sandbox,
        running_app(Path(name) / "web", sandbox, "coinbase") as app,
    ):
        backfilling.prices(app.service.session())
        told = {address: short(answer) for address, answer in answers(app).items()}
    told["status"]["home"] = "/home/ada/.local/share/tallyglass"
    told["status"]["sandbox"] = None
    EXAMPLES.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{EXAMPLES}: {EXAMPLES.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
