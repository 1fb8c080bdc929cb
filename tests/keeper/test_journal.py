"""The journal: no line can be changed, taken away or added unseen, and no key is used when it cannot be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyglass.keeper import files
from tallyglass.keeper import journal as journals
from tallyglass.keeper.errors import JournalBroken
from tallyglass.keeper.journal import Head, Journal

KEY = bytes(range(32))


def opened(folder: Path, anchor: Head | None = None) -> Journal:
    return Journal(folder, KEY, anchor)


def use(journal: Journal, read: str = "balances", connection: str = "kraken") -> int:
    who = {"connection": connection, "key": "0f0f", "exchange": "kraken"}
    number = journal.append("key:use", **who, read=read, why="read")
    journal.append("key:answer", **who, of=number, status=200, ms=12, egress_ip="203.0.113.9")
    return number


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = opened(tmp_path)
    for read in ("balances", "ledger", "trades"):
        use(made, read)
    return made


def lines(journal: Journal) -> list[bytes]:
    return journal.path.read_bytes().splitlines(keepends=True)


def test_it_is_whole_and_goes_on_after_a_restart(journal: Journal) -> None:
    assert journal.verify().intact
    again = opened(journal.path.parent, journal.head)
    use(again)
    assert again.verify().intact
    assert again.verify().lines == 8
    assert [json.loads(each)["seq"] for each in lines(again)] == list(range(1, 9))
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_a_use_and_its_answer_are_one_row_newest_first(journal: Journal) -> None:
    journal.append("key:use", connection="binance", key="aa", exchange="binance", read="key_info", why="inspect")
    rows = journal.rows(10)
    assert [(each.read, each.status, each.egress_ip) for each in rows] == [
        ("key_info", "none", None),
        ("trades", "200", "203.0.113.9"),
        ("ledger", "200", "203.0.113.9"),
        ("balances", "200", "203.0.113.9"),
    ]
    assert [each.read for each in journal.rows(2, "kraken")] == ["trades", "ledger"]


def test_rows_are_the_same_however_long_the_lines(journal: Journal) -> None:
    for number in range(40):
        use(journal, f"read-{number}-{'x' * (number * 700)}")
    assert len(journal.rows(10_000)) == 43
    assert journal.rows(10_000)[-1].read == "balances"


def test_every_flipped_byte_is_found_and_named_by_line(journal: Journal) -> None:
    raw = journal.path.read_bytes()
    with journal.path.open("r+b", buffering=0) as file:
        for at, byte in enumerate(raw):
            os.pwrite(file.fileno(), bytes((byte ^ 0x01,)), at)
            report = journal.verify()
            assert not report.intact
            assert report.first_bad == raw[:at].count(b"\n") + 1
            os.pwrite(file.fileno(), bytes((byte,)), at)
    assert journal.verify().intact


@pytest.mark.parametrize("at", range(6))
def test_a_deleted_line_is_found(journal: Journal, at: int) -> None:
    kept = lines(journal)
    del kept[at]
    journal.path.write_bytes(b"".join(kept))
    report = journal.verify()
    assert (report.intact, report.first_bad) == (False, at + 1)


@pytest.mark.parametrize("at", range(5))
def test_swapped_lines_are_found(journal: Journal, at: int) -> None:
    kept = lines(journal)
    kept[at], kept[at + 1] = kept[at + 1], kept[at]
    journal.path.write_bytes(b"".join(kept))
    report = journal.verify()
    assert (report.intact, report.first_bad) == (False, at + 1)


def test_a_line_of_another_journal_is_found(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Journal(tmp_path / "other", bytes(32), None)
    use(other)
    with journal.path.open("ab") as file:
        file.write(lines(other)[0])
    assert opened(journal.path.parent).verify().first_bad == 7


@pytest.mark.parametrize("kept", range(6))
def test_a_journal_cut_short_is_found_by_either_anchor(journal: Journal, kept: int) -> None:
    anchor = journal.head
    journal.path.write_bytes(b"".join(lines(journal)[:kept]))
    outside = opened(journal.path.parent).verify()
    assert (outside.intact, outside.first_bad) == (False, kept + 1)
    (journal.path.parent / "journal.head").unlink()
    inside = opened(journal.path.parent, anchor).verify()
    assert (inside.intact, inside.first_bad) == (False, kept + 1)


@pytest.mark.parametrize("kept", range(2, 9))
@pytest.mark.parametrize("behind", [1, 2, 6])
def test_a_journal_whose_head_is_gone_is_found_however_far_behind_the_vault_is(
    journal: Journal, kept: int, behind: int
) -> None:
    """A keeper that was killed leaves a vault that knows fewer lines than there are."""
    written = lines(journal)
    macs = [Head(number, bytes.fromhex(json.loads(each)["mac"])) for number, each in enumerate(written, 1)]
    use(journal)
    journal.path.write_bytes(b"".join(lines(journal)[:kept]))
    (journal.path.parent / "journal.head").unlink()
    cut = opened(journal.path.parent, macs[6 - behind])
    assert not cut.verify().intact
    with pytest.raises(JournalBroken):
        use(cut)


def test_a_head_that_is_gone_is_missed_by_a_vault_that_knows_of_no_line(journal: Journal) -> None:
    (journal.path.parent / "journal.head").unlink()
    for kept in (6, 2):
        journal.path.write_bytes(b"".join(lines(journal)[:kept]))
        assert "is gone" in opened(journal.path.parent).verify().text


def test_an_older_journal_with_its_older_head_is_found_by_the_anchor_in_the_vault(journal: Journal) -> None:
    head = journal.path.parent / "journal.head"
    old = journal.path.read_bytes(), head.read_bytes()
    use(journal)
    anchor = journal.head
    journal.path.write_bytes(old[0])
    head.write_bytes(old[1])
    assert opened(journal.path.parent, anchor).verify().first_bad == 7
    assert not journal.verify().intact  # and by the keeper that wrote it, which remembers


def test_a_journal_that_is_gone_is_found(journal: Journal) -> None:
    journal.path.unlink()
    assert opened(journal.path.parent).verify().first_bad == 1
    with pytest.raises(JournalBroken):
        use(journal)


def test_every_flipped_byte_of_the_head_is_found(journal: Journal) -> None:
    head = journal.path.parent / "journal.head"
    raw = head.read_bytes()
    for at in range(len(raw)):
        head.write_bytes(raw[:at] + bytes((raw[at] ^ 0x01,)) + raw[at + 1 :])
        assert not opened(journal.path.parent).verify().intact


def test_a_broken_journal_takes_no_line_until_it_is_put_aside(journal: Journal) -> None:
    raw = journal.path.read_bytes()
    journal.path.write_bytes(raw.replace(b"ledger", b"orders"))
    again = opened(journal.path.parent)
    with pytest.raises(JournalBroken, match="line 3"):
        use(again)
    aside = again.restart("looked at it")
    assert (journal.path.parent / aside).read_bytes() == raw.replace(b"ledger", b"orders")
    use(again)
    assert again.verify().intact
    first = json.loads(lines(again)[0])
    assert (first["why"], first["aside"]) == ("looked at it", aside)
    assert first["found"] == "line 3 of the journal is not as it was written"


def test_a_new_journal_tells_where_the_one_that_is_gone_ended(journal: Journal) -> None:
    end = journal.head
    for each in ("journal.jsonl", "journal.head"):
        (journal.path.parent / each).unlink()
    again = opened(journal.path.parent, end)
    assert again.anchor == end
    assert again.restart("nothing was left") == ""
    first = json.loads(lines(again)[0])
    assert (first["lines"], first["end"], first["aside"]) == (6, end.mac.hex(), "")
    assert "the journal ends at line 0; 6 were written" in first["found"]
    assert again.anchor == again.head == Head(1, bytes.fromhex(first["mac"]))
    assert "begun anew" in again.verify().text


@pytest.mark.parametrize("step", ["write_all", "replace"])
def test_a_journal_that_cannot_be_begun_anew_is_as_broken_as_before(
    journal: Journal, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = journal.head
    journal.path.unlink()
    again = opened(journal.path.parent, end)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(JournalBroken, match="No space left"):
        patched.setattr(files, step, full)
        again.restart("no room")
    assert again.anchor == end
    for each in (again, opened(journal.path.parent, end)):
        assert not each.verify().intact
        with pytest.raises(JournalBroken):
            use(each)
    again.restart("room")
    use(again)
    assert again.verify().intact


def test_an_edit_while_the_keeper_runs_stops_the_next_use(journal: Journal) -> None:
    raw = journal.path.read_bytes()
    os.utime(journal.path)
    use(journal)
    journal.path.write_bytes(raw.replace(b"ledger", b"orders"))
    with pytest.raises(JournalBroken):
        use(journal)
    assert b"orders" in journal.path.read_bytes()


def test_a_stop_between_line_and_head_is_no_damage(journal: Journal) -> None:
    head = journal.path.parent / "journal.head"
    before = head.read_bytes()
    use(journal)
    head.write_bytes(before)
    again = opened(journal.path.parent, Head())
    assert again.verify().intact
    use(again)
    assert again.verify().lines == 10


def test_a_stop_after_the_very_first_line_is_no_damage(tmp_path: Path) -> None:
    opened(tmp_path).append("vault:create")
    (tmp_path / "journal.head").unlink()
    again = opened(tmp_path)
    assert again.verify().intact
    again.append("vault:unlock")
    assert again.verify().lines == 2


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_line_that_was_never_finished_is_dropped(journal: Journal, cut: int) -> None:
    """A power cut in the middle of a line: its key was not used, as the line came first."""
    raw = journal.path.read_bytes()
    journal.path.write_bytes(raw + lines(journal)[0][:cut])
    again = opened(journal.path.parent)
    use(again)
    assert again.verify().intact
    assert again.verify().lines == 8


@pytest.mark.parametrize("step", ["write_all", "replace"])
def test_a_journal_that_cannot_be_written_says_so_and_recovers(
    journal: Journal, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files, step, full)
        with pytest.raises(JournalBroken, match="No space left"):
            use(journal)
    use(journal)
    assert journal.verify().intact


def test_the_last_use_of_a_key_and_of_a_connection_is_known_after_a_restart(journal: Journal) -> None:
    again = opened(journal.path.parent)
    last = json.loads(lines(journal)[-1])["at"]
    assert again.last_used == {"kraken": last, "0f0f": last}


def test_a_clock_that_was_set_back_does_not_take_back_when_a_key_was_last_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = opened(tmp_path)
    for at in ("2026-11-23T12:00:00.000000Z", "2026-11-22T12:00:00.000000Z"):
        monkeypatch.setattr(journals, "_now", lambda at=at: at)
        use(made)
    for each in (made, opened(tmp_path)):
        assert each.last_used["0f0f"] == each.last_used["kraken"] == "2026-11-23T12:00:00.000000Z"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=12), st.data())
def test_any_text_is_kept_and_any_edit_is_found(texts: list[str], data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        made = opened(Path(name))
        for each in texts:
            made.append("connection:freeze", why=each)
            if data.draw(st.booleans()):
                made = opened(Path(name), made.head)
        assert made.verify().intact
        raw = made.path.read_bytes() if texts else b""
        if raw:
            assert [json.loads(each)["why"] for each in raw.split(b"\n")[:-1]] == texts
            edited = data.draw(st.binary(min_size=0, max_size=len(raw) + 20).filter(lambda each: each != raw))
            made.path.write_bytes(edited)
            assert not made.verify().intact
