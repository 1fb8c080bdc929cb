"""Files of the exchanges, imported before and after a sync: every event once, whichever way it came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import exports
from support.home import open_home
from support.program import DONE, PARTIAL, USAGE, running_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import history, importing, syncing
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import ImportView

EXCHANGES = ("binance", "coinbase", "kraken")
Files = dict[str, str]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path, seed=3) as running:  # one each: the exchanges count what a first sync costs
        yield running


@pytest.fixture
def files(sandbox: Sandbox) -> Files:
    sandbox.happen("binance", "venture")  # locked earn, margin, futures, Pay, P2P
    return {
        "kraken": exports.text(exports.KRAKEN, exports.kraken(sandbox)),
        "binance": exports.text(exports.BINANCE, exports.binance(sandbox.truth("binance")["entries"])),
        "coinbase": exports.text(exports.COINBASE, exports.coinbase(sandbox.truth("coinbase")["entries"])),
    }


@pytest.fixture
def session(tmp_path: Path, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path, sandbox, *EXCHANGES) as opened:
        yield opened


@pytest.fixture
def give(session: Session, tmp_path: Path) -> Callable[..., ImportView]:
    def import_(name: str, content: str, *, called: str = "export.csv", **more: Any) -> ImportView:
        path = tmp_path / called
        path.write_text(content, encoding="utf-8")
        return importing.import_file(session, name, path, **more)

    return import_


def ledger(session: Session, connection: str = "") -> list[Any]:
    found: list[Any] = []
    after = ""
    while True:
        page = history.history(session, history.Question(limit=1000, after=after, connection=connection))
        found += [{**each, "legs": sorted(each["legs"], key=str)} for each in page["items"]]
        if page["next"] is None:
            return sorted(found, key=lambda each: str(each["id"]))
        after = page["next"]


def sync(session: Session, connection: str = "") -> None:
    assert [part for part in syncing.sync(session, *filter(None, [connection])) if part["fault"]] == []


def test_after_a_sync_a_file_adds_nothing(session: Session, files: Files, give: Callable[..., ImportView]) -> None:
    sync(session)
    before = ledger(session)
    for name in EXCHANGES:
        found = give(name, files[name])
        assert found["known"] > 20
        assert (found["new"], found["entries"], found["unparsed"], found["odd"]) == (0, 0, 0, [])
    assert ledger(session) == before


def test_what_a_file_told_first_is_the_exchange_s_after_a_sync(
    session: Session, files: Files, give: Callable[..., ImportView], sandbox: Sandbox
) -> None:
    for name in EXCHANGES:
        found = give(name, files[name])
        assert found["new"] == found["lines"] > 20
        assert found["entries"] == len(ledger(session, name))
    sync(session)
    for name in EXCHANGES:
        true = [
            {**entry, "id": f"{name}/{entry['id']}", "legs": sorted(entry["legs"], key=str)}
            for entry in sandbox.truth(name)["entries"]
        ]
        assert [facts(each) for each in ledger(session, name)] == sorted(map(facts, true))
        if name == "kraken":  # whose times the file cuts to the second, and the exchange tells in full
            assert {each["id"]: each["time"] for each in ledger(session, name)} == {e["id"]: e["time"] for e in true}


def facts(entry: Any) -> tuple[str, str, str, str]:
    """Id, kind, second, and legs."""
    legs = sorted((leg["account"], leg["asset"], leg["amount"], leg["role"]) for leg in entry["legs"])
    return entry["id"], entry["kind"], entry["time"][:19], str(legs)


def test_the_same_file_twice_and_in_overlapping_parts_adds_nothing(
    session: Session, files: Files, give: Callable[..., ImportView]
) -> None:
    for name in EXCHANGES:
        header, *lines = files[name].splitlines(keepends=True)
        third = len(lines) // 3
        give(name, header + "".join(lines[: 2 * third]))
        second = give(name, header + "".join(lines[third:]))
        parts = ledger(session, name)
        assert second["known"] >= third
        whole = give(name, files[name])
        again = give(name, files[name], called="renamed.csv")
        assert (whole["new"], again["new"], again["known"]) == (0, 0, len(lines))
        assert ledger(session, name) == parts


def test_what_only_a_file_tells_stays_through_syncs_and_replays(
    session: Session, give: Callable[..., ImportView], sandbox: Sandbox
) -> None:
    sync(session, "binance")
    before = ledger(session, "binance")
    deposit = next(entry for entry in sandbox.truth("binance")["entries"] if entry["id"].startswith("deposit:"))
    [told] = exports.binance([deposit])
    alone = ("1", "2017-09-01 00:00:00", "Spot", "Distribution", "GAS", "0.125", "")

    found = give("binance", exports.text(exports.BINANCE, [told, told, alone]))
    kept = ledger(session, "binance")
    later = sandbox.happen("binance", "deposit", asset="BTC", amount="0.25")["entries"]
    sync(session, "binance")
    syncing.replay(session, "binance")

    assert (found["known"], found["new"], found["entries"]) == (1, 2, 2)
    assert len(kept) == len(before) + 2
    after = ledger(session, "binance")
    assert [each["id"] for each in after if each not in kept] == [f"binance/{later[0]['id']}"]
    assert [each for each in kept if each not in after] == []


def test_lines_that_are_not_understood_are_kept_and_shown_once(
    session: Session, give: Callable[..., ImportView]
) -> None:
    odd = ("1", "2020-01-01 00:00:00", "Spot", "=cmd|' /C calc'!A0", "BTC", "1", "\x1b[31m")
    good = ("1", "2020-01-01 00:00:00", "Spot", "Deposit", "BTC", "1", "")
    content = exports.text(exports.BINANCE, [good, odd])
    for _ in range(2):
        found = give("binance", content)
        assert (found["unparsed"], found["odd"][0]["line"]) == (1, 3)
    syncing.replay(session)

    [piece] = [each for each in history.unparsed(session) if each["stream"] == "import:binance"]
    assert json.loads(piece["raw"] or "")["operation"] == odd[3]
    assert "\x1b" not in (piece["raw"] or "")
    assert (piece["reason"] or "").startswith("line 3: unknown operation")


def test_times_of_newer_files_are_in_the_zone_that_their_name_tells(
    session: Session, give: Callable[..., ImportView]
) -> None:
    header = ("User ID", "Time", *exports.BINANCE[2:])
    content = exports.text(header, [("1", "26-01-02 03:04:05", "Spot", "Deposit", "BTC", "1", "")])

    with pytest.raises(Problem, match="--utc-offset") as refused:
        give("binance", content)
    give("binance", content, called="Binance-Transaction-History-202601(UTC--6)_1a2b.csv")

    assert refused.value.code == "not_readable"
    assert [each["time"] for each in ledger(session, "binance")] == ["2026-01-02T09:04:05Z"]


def test_a_wrong_zone_is_put_right_and_a_file_taken_back(
    session: Session, give: Callable[..., ImportView], tmp_path: Path
) -> None:
    header = ("User ID", "Time", *exports.BINANCE[2:])
    local = ("1", "26-01-02 03:04:05", "Spot", "Deposit", "BTC", "1", "")
    both = ("1", "2026-01-02 00:00:00", "Spot", "Deposit", "ETH", "1", "")
    odd = ("1", "2026-01-02 00:00:00", "Spot", "Warp", "ETH", "1", "")
    give("binance", exports.text(exports.BINANCE, [both]), called="other.csv")
    content = exports.text(header, [local, ("1", "26-01-02 02:00:00", *both[2:]), odd])
    found = [give("binance", content, utc_offset=offset) for offset in ("+1", "+2", "+2")][-1]
    assert (found["new"], found["known"], found["unparsed"]) == (0, 2, 1)
    assert [each["time"] for each in ledger(session, "binance")] == ["2026-01-02T00:00:00Z", "2026-01-02T01:04:05Z"]

    undone = importing.undo_import(session, "binance", tmp_path / "export.csv")
    assert undone["removed"] == 1
    assert [each["time"] for each in ledger(session, "binance")] == ["2026-01-02T00:00:00Z"]
    assert history.unparsed(session) == []
    with pytest.raises(Problem, match="was never imported"):
        importing.undo_import(session, "binance", tmp_path / "export.csv")


REFUSED: tuple[tuple[str, bytes | None, dict[str, str], str, str], ...] = (
    ("kraken", b"User_ID,UTC_Time,Account,Operation,Coin,Change\n", {}, "not_readable", "not a ledgers export"),
    ("kraken", b"PK\x03\x04\xff\xfe", {}, "not_readable", "unpack it first"),
    ("kraken", b"\x00\x01\x02", {}, "not_readable", "no text"),
    ("kraken", b"", {}, "not_readable", "not a ledgers export"),
    ("okx", b"", {}, "unknown_exchange", "binance, coinbase, kraken"),
    ("ecb", b"", {}, "unknown_exchange", "binance, coinbase, kraken"),
    ("kraken", b"", {"connection": "binance"}, "no_such_connection", "No connection 'binance' of kraken"),
    ("kraken", b"", {"utc_offset": "noon"}, "usage", "no offset from UTC"),
    ("kraken", None, {}, "not_readable", "cannot be read"),
)


def test_what_cannot_be_imported_is_refused_and_nothing_is_stored(session: Session, tmp_path: Path) -> None:
    for number, (name, content, options, code, said) in enumerate(REFUSED):
        path = tmp_path / f"{number}.csv"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(Problem, match=said) as refused:
            importing.import_file(session, name, path, **options)
        assert refused.value.code == code
    assert ledger(session) == []
    assert history.unparsed(session) == []


def test_the_command_tells_what_came_of_it(tmp_path: Path, sandbox: Sandbox, files: Files) -> None:
    file = tmp_path / "ledgers.csv"
    file.write_text(files["kraken"], encoding="utf-8")
    with running_home(tmp_path, sandbox) as program:
        assert program.connect("kraken", sandbox.key("kraken"))[0] == DONE
        code, found = program.json("import", "kraken", str(file), "--connection", "kraken")
        assert (code, found["unparsed"]) == (DONE, 0)
        assert found["new"] == found["lines"]

        file.write_text(files["kraken"] + '"L1","R1","2021-01-02 03:04:05","teleport","","c","ZEUR",1,0,1\r\n', "utf-8")
        told = program.run("import", "kraken", str(file))
        assert told.code == PARTIAL
        assert "unknown type of ledger row: 'teleport'" in told.words

        code, found = program.json("import", "kraken", str(file), "--undo")
        assert (code, found["file"]) == (DONE, "ledgers.csv")
        assert program.json("unparsed") == (DONE, [])

        code, found = program.json("import", "binance", str(file))
        assert (code, found["error"]["code"]) == (USAGE, "no_such_connection")
