"""How things stand: keeper, home, sources; and the doctor, who looks for what could be wrong."""

from __future__ import annotations

import stat
import sys
from typing import TypedDict

from tallyglass import __version__
from tallyglass.app.home import Home
from tallyglass.app.proof import count_gaps
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.exchanges import registry
from tallyglass.keeper.client import Keeper, KeeperError
from tallyglass.store import history, present

#: What is read of a connection; other parts are read of exchanges and price sources, without a key.
_OF_CONNECTIONS = frozenset(("balances", "orders", "history"))


class SourceStateView(TypedDict):
    """A part of a source: when it was last fresh, and what went wrong since."""

    source: str
    part: str
    fresh_at: str | None
    failed_at: str | None
    fault: str | None
    text: str
    fix: str


class StatusView(TypedDict):
    """`status`."""

    version: str
    home: str
    #: none, down, locked or unlocked
    keeper: str
    sandbox: str | None
    connections: int | None
    #: Assets of connections whose entries do not add up to what is reported: see `reconcile`.
    gaps: int | None
    #: Pieces of answers and files that no parser of this version understands.
    unparsed: int | None
    sources: list[SourceStateView]


class CheckView(TypedDict):
    """One line of `doctor`."""

    check: str
    ok: bool
    text: str
    fix: str


def status(home: Home, session: Session | None = None) -> StatusView:
    """How things stand, as far as can be told without a passphrase, or with an open session."""
    view: StatusView = {
        "version": __version__,
        "home": str(home.path),
        "keeper": "none" if not home.exists else "down",
        "sandbox": None,
        "connections": None,
        "gaps": None,
        "unparsed": None,
        "sources": [],
    }
    try:
        health = Keeper(home.socket, timeout=5).health()
    except KeeperError:
        return view
    view["keeper"], view["sandbox"] = health.state, health.sandbox
    if session is not None:
        view["connections"] = len(session.keeper.connections())
        view["gaps"] = count_gaps(session)
        with session.store.read() as db:
            view["unparsed"] = history.count_all_unparsed(db)
        view["sources"] = sources(session)
    return view


def sources(session: Session) -> list[SourceStateView]:
    """Every part of every source that is there: when it was last fresh, and what went wrong since."""
    there = {each.id for each in session.keeper.connections()}
    with session.store.read() as db:
        return [
            {
                "source": each.source,
                "part": each.part,
                "fresh_at": moment(each.fresh_at),
                "failed_at": moment(each.failed_at),
                "fault": each.fault or None,
                "text": each.text,
                "fix": each.fix,
            }
            for each in present.list_freshness(db)
            if each.source in there or each.part not in _OF_CONNECTIONS
        ]


def doctor(home: Home, session: Session | None) -> list[CheckView]:
    """Everything that can be checked here: files, keeper, journal, manifests, sources."""
    found = [_python(), _manifests(), *_files(home)]
    if not home.exists:
        return found
    if session is None:
        text = "The keeper is locked or does not run: journal and sources were not looked at."
        found.append(_check("keeper", ok=False, text=text, fix="tallyglass doctor --passphrase-file FILE"))
        return found
    report = session.keeper.verify_journal()
    fix = "" if report.intact else "Keep a copy of the home folder, freeze your keys, and look at the journal."
    found.append(_check("journal", ok=report.intact, text=report.text, fix=fix))
    for each in sources(session):
        if each["fault"]:
            name = f"{each['source']} {each['part']}"
            found.append(_check(name, ok=False, text=each["text"] or "", fix=each["fix"] or ""))
    return found


def _check(check: str, *, ok: bool, text: str, fix: str = "") -> CheckView:
    return {"check": check, "ok": ok, "text": text, "fix": fix}


def _python() -> CheckView:
    return _check("program", ok=True, text=f"Tallyglass {__version__}, Python {sys.version.split()[0]}")


def _manifests() -> CheckView:
    reads = sum(len(manifest.reads) for manifest in registry.manifests().values())
    return _check("manifests", ok=True, text=f"{len(registry.manifests())} pages, {reads} reads, all valid")


def _files(home: Home) -> list[CheckView]:
    if not home.exists:
        return [_check("home", ok=False, text=f"There is no home at {home.path}.", fix="tallyglass init")]
    checks = []
    for path in (home.path, home.vault, home.portfolio):
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            closed = not mode & 0o077
            fix = "" if closed else f"chmod {'700' if path.is_dir() else '600'} {path}"
            checks.append(_check(path.name or str(path), ok=closed, text=f"mode {mode:o}", fix=fix))
    return checks
