"""What is missing is told: a stream that is gone, a type never seen, a history cut; and all is complete again after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from support.home import PASSPHRASE, open_home
from support.program import DONE, PARTIAL, Program
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import connections, history, reconciling, status, syncing, worth
from tallyglass.app.session import Session
from tallyglass.app.views import GapView, SyncPartView
from tallyglass.exchanges.coinbase import ledger as coinbase
from tallyglass.exchanges.kraken import ledger as kraken
from tallyglass.money import amount, text, total

EXCHANGES = ("kraken", "binance", "coinbase")
#: The streams that tell of deposits.
DEPOSITS = {
    "kraken": "/0/private/Ledgers",
    "binance": "/sapi/v1/capital/deposit/hisrec",
    "coinbase": "/v2/accounts/",
}
Entries = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=4) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def session(folder: Path, sandbox: Sandbox) -> Iterator[Session]:
    """A home with all three, complete."""
    with open_home(folder, sandbox) as opened:
        connect(opened, sandbox)
        sync(opened)
        all_is_complete(opened)
        yield opened


@pytest.fixture
def program(folder: Path, sandbox: Sandbox, session: Session) -> Program:
    """The commands on the same home."""
    assert session.home.exists
    passphrase = folder / "passphrase"
    passphrase.write_text(PASSPHRASE + "\n")
    passphrase.chmod(0o600)
    return Program(folder / "home", sandbox.base_url, passphrase)


@pytest.fixture
def calm(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox, whose faults end with the test."""
    yield sandbox
    sandbox.calm()


def connect(session: Session, sandbox: Sandbox) -> None:
    """The smaller account of each exchange."""
    for exchange in EXCHANGES:
        assert connections.connect(session.keeper, exchange, sandbox.key(exchange, "wrong_account"))["connection"]


def happen(sandbox: Sandbox, exchange: str, what: str, **more: str) -> Entries:
    entries: Entries = sandbox.happen(exchange, what, account="other", **more)["entries"]
    return entries


def sync(session: Session) -> list[SyncPartView]:
    parts = syncing.sync(session)
    assert {part["connection"] for part in parts} == set(EXCHANGES)
    return parts


def all_is_complete(session: Session) -> None:
    found = worth.worth_view(session)
    assert (reconciling.reconcile(session), found["causes"], found["complete"]) == ([], [], True)
    assert marks(session) == dict.fromkeys(EXCHANGES, True)


def marks(session: Session) -> dict[str, bool]:
    """Whether the newest balances of each connection are stored as complete."""
    query = "SELECT connection, complete FROM snapshots WHERE id IN (SELECT max(id) FROM snapshots GROUP BY connection)"
    with session.store.read() as db:
        return {name: bool(complete) for name, complete in db.exec_driver_sql(query)}


def told(session: Session, *of: str) -> dict[tuple[str, str | None], GapView]:
    """The gaps. The total says so for the sake of each, and the balances of these are not stored as complete."""
    rows, found = reconciling.reconcile(session), worth.worth_view(session)
    said = {cause["about"]: cause["text"] for cause in found["causes"] if cause["code"] == "gap"}
    assert not found["complete"]
    assert said.keys() == {f"{row['connection']}/{row['asset']}" for row in rows}
    for row in rows:
        words = said[f"{row['connection']}/{row['asset']}"]
        assert f" {(row['gap'] or '').removeprefix('-')} {row['asset']} " in words
        assert (row["since"] or "")[:16].replace("T", " ") in words
    assert marks(session) == {name: name not in (of or EXCHANGES) for name in EXCHANGES}
    return {(row["connection"], row["asset"]): row for row in rows}


def when(moment: str | None) -> datetime:
    assert moment is not None
    return datetime.fromisoformat(moment)


def moved(entries: Entries) -> dict[str, str]:
    """What entries of the truth come to, by asset; nothing for what comes to nothing."""
    sums: dict[str, Decimal] = {}
    for leg in (leg for entry in entries for leg in entry["legs"]):
        sums[leg["asset"]] = total((sums.get(leg["asset"], Decimal(0)), amount(leg["amount"])))
    return {asset: text(figure) for asset, figure in sums.items() if figure}


def gaps(missing: dict[str, Entries]) -> dict[tuple[str, str | None], str]:
    return {(exchange, asset): gap for exchange, some in missing.items() for asset, gap in moved(some).items()}


def test_a_stream_that_is_gone(session: Session, calm: Sandbox, program: Program) -> None:
    truth: dict[str, Entries] = {}
    for number, exchange in enumerate(EXCHANGES):
        calm.fault("gone", exchange, DEPOSITS[exchange])
        truth[exchange] = happen(calm, exchange, "deposit", asset="LTC", amount=f"1.{number}7")
    sync(session)
    rows = told(session)

    assert {place: row["gap"] for place, row in rows.items()} == gaps(truth)
    for (exchange, _), row in rows.items():
        assert row["cause"] == "stream_unread"
        assert when(row["clean_at"]) < when(truth[exchange][0]["time"]) <= when(row["since"])
        assert f"tallyglass sync {exchange}" in row["fix"]
    failed = [c["about"] for c in worth.worth_view(session)["causes"] if c["code"] == "history_failed"]
    assert failed == [exchange for exchange, _ in rows], "and by itself, too"
    assert program.json("reconcile") == (PARTIAL, list(rows.values()))
    code, found = program.json("worth")
    assert (code, found["complete"]) == (PARTIAL, False)

    calm.calm()
    sync(session)
    all_is_complete(session)
    assert program.run("worth").code == DONE


def test_an_entry_type_never_seen(session: Session, calm: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = {exchange: happen(calm, exchange, "unknown_type") for exchange in EXCHANGES}
    assert {part["connection"] for part in sync(session) if part["unparsed"]} == set(EXCHANGES)
    rows = told(session)

    assert {place: row["gap"] for place, row in rows.items()} == gaps(truth)
    for (exchange, _), row in rows.items():
        assert row["cause"] == "unparsed"
        assert abs(when(row["since"]) - when(truth[exchange][0]["time"])) < timedelta(seconds=1), "told by the piece"
        assert "tallyglass unparsed" in row["fix"]
        assert "tallyglass replay" in row["fix"]
    kept, standing = history.unparsed(session), status.status(session.home, session)
    assert {piece["connection"] for piece in kept} == set(EXCHANGES)
    assert (standing["gaps"], standing["unparsed"]) == (len(rows), len(kept))

    for name, kinds in (("kraken", kraken._KINDS), ("coinbase", coinbase._KIND_OF)):
        (piece,) = (each for each in kept if each["connection"] == name)
        word = str(piece["reason"]).split("'")[1]
        monkeypatch.setitem(cast("dict[str, str]", kinds), word, "adjustment")  # an upgrade
        syncing.replay(session, name)
        assert name not in {cause["about"].split("/")[0] for cause in worth.worth_view(session)["causes"]}
    assert list(told(session, "binance")) == [place for place in rows if place[0] == "binance"]


def test_a_history_that_is_cut(tmp_path: Path, sandbox: Sandbox) -> None:
    """Of the main accounts, where nothing else has happened."""
    for exchange in EXCHANGES:
        first = min(when(entry["time"]) for entry in sandbox.truth(exchange)["entries"])
        sandbox.happen(exchange, "history_cut", before=(first + timedelta(seconds=1)).isoformat())
    with open_home(tmp_path, sandbox, *EXCHANGES) as session:
        for _ in range(2):  # Binance's dear lists are at first read only back to the first deposit that it tells of
            sync(session)
        missing, rows = unknown(session, sandbox), told(session)

        assert {place: row["gap"] for place, row in rows.items()} == gaps(missing)
        for (exchange, asset), row in rows.items():
            assert asset is not None
            first = min(when(entry["time"]) for entry in missing[exchange] if asset in moved([entry]))
            assert (row["cause"], row["clean_at"]) == ("history_limit", None)
            assert first < when(row["since"])
            assert "tallyglass import" in row["fix"]
            assert f"tallyglass reconcile open {exchange} {asset}" in row["fix"]
            opened = reconciling.open_balance(session, exchange, asset)
            assert (opened["gap"], opened["opening"]) == ("0", row["gap"])
        all_is_complete(session)


def unknown(session: Session, sandbox: Sandbox) -> dict[str, Entries]:
    """The entries of the truth that the ledger does not have."""
    known = {entry["id"] for entry in history.history(session, history.Question(limit=1000))["items"]}
    return {
        exchange: [entry for entry in sandbox.truth(exchange)["entries"] if f"{exchange}/{entry['id']}" not in known]
        for exchange in EXCHANGES
    }
