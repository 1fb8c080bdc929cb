"""The journal narrowed down and proven, settings, a backup, and what tax knows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.app import PASSPHRASE, App, Visitor
from support.sandbox import Sandbox
from support.text import words
from tallyglass.app import backup, history, hygiene, journal, unlocking, worth
from tallyglass.app.home import Home


def test_the_frame_says_what_the_last_proof_of_the_journal_was(app: App, reader: Visitor) -> None:
    told = words(reader.press("/journal/verify").body.decode())
    found = journal.verified(app.service.session())

    assert found is not None
    assert found.intact
    assert "The journal is intact." in told
    assert f"{found.lines} lines, each chained to the one before, and none is missing." in told
    assert f"Keeper unlocked · 1 key Journal intact, {found.lines:,} lines" in words(reader.page("/orders"))


def test_of_a_journal_that_was_altered_every_page_says_so(app: App, reader: Visitor) -> None:
    file = app.service.home.path / "journal.jsonl"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole.replace(b'"read":"balances"', b'"read":"balancez"', 1))
        told = words(reader.press("/journal/verify").body.decode())
        assert "The journal is not as it was written." in told
        assert "tallyglass journal restart" in told
        assert "The journal was altered" in words(reader.page("/orders"))
    finally:
        file.write_bytes(whole)
    assert "Journal intact" in words(reader.press("/journal/verify").body.decode())


def test_the_journal_is_narrowed_down_by_an_address(app: App, reader: Visitor) -> None:
    every = journal.journal(app.service.session().keeper, limit=1000)
    day = every[0]["time"][:10]

    def times(path: str) -> int:
        page = reader.page(path)
        return len(re.findall(r"<td[^>]*><time", page)) + sum(int(n) - 1 for n in re.findall(r"× (\d+)", page))

    assert times(f"/journal?read=balances&day={day}") == sum(
        each["read"] == "balances" and each["time"][:10] == day for each in every
    )
    assert times("/journal?read=balances&connection=kraken") == sum(
        each["read"] == "balances" and each["connection"] == "kraken" for each in every
    )
    assert times("/journal?day=2020-01-01") == 0
    assert reader.ask("GET", "/journal?day=soon").status == 400


def test_pages_of_the_journal_hold_every_use_once(app: App) -> None:
    keeper = app.service.session().keeper
    expected = [each for each in journal.journal(keeper, limit=1000) if each["read"] == "ledger"]
    found, after = list[journal.KeyUseView](), ""
    while True:
        page = journal.find(keeper, journal.Asked(2, after, read="ledger"))
        found += page["items"]
        after = page["next"] or ""
        if not after:
            break
    assert found == expected
    assert len(found) > 3


def test_uses_are_kept_as_a_file(app: App, reader: Visitor) -> None:
    answer = reader.ask("GET", "/journal/uses.jsonl")

    assert answer.headers["content-disposition"].startswith("attachment")
    kept = [json.loads(line) for line in answer.body.splitlines()]
    assert kept == journal.journal(app.service.session().keeper, limit=len(kept))


def test_what_is_set_is_set(app: App, reader: Visitor) -> None:
    for path, form in (("currency", {"currency": "EUR"}), ("lock", {"minutes": "60"}), ("rotation", {"days": "90"})):
        assert reader.press(f"/settings/{path}", **form).headers["location"] == "/settings"
    session = app.service.session()
    assert worth.worth(session).currency == "EUR"
    assert unlocking.auto_lock(session) == 60
    assert hygiene.rotation(session) == 90
    page = reader.page("/settings")
    assert "<option selected>EUR</option>" in page
    assert '<option value="60" selected>' in page

    for path, form in (("currency", {"other": "NOPE"}), ("lock", {"minutes": "-1"}), ("rotation", {"days": "1000"})):
        assert reader.press(f"/settings/{path}", **form).status == 400
    reader.press("/settings/currency", other="usd")
    reader.press("/settings/lock", minutes="0")


def test_our_addresses_are_shown_for_each_exchanges_list(reader: Visitor) -> None:
    assert reader.press("/settings/egress").headers["location"] == "/settings"
    page = words(reader.page("/settings"))
    assert "Exchanges see you as 127.0.0.1" in page
    assert "Copy for Kraken" in page


def test_a_backup_is_made_for_who_knows_the_passphrase_and_opens_with_it(
    reader: Visitor, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYGLASS_SANDBOX", sandbox.base_url)
    wrong = reader.press("/settings/backup", passphrase="not the passphrase of this home")
    assert wrong.status != 200
    assert b"not the passphrase of this home" not in wrong.body

    made = reader.press("/settings/backup", passphrase=PASSPHRASE)
    assert made.headers["content-disposition"].startswith("attachment")
    file = tmp_path / "backup"
    file.write_bytes(made.body)
    check = backup.restore(Home(tmp_path / "restored"), file, PASSPHRASE, backup.Wish(check=True))
    assert check["connections"] == 1


def test_tax_shows_what_is_known_and_no_figure_that_is_not(app: App, reader: Visitor) -> None:
    page = words(reader.page("/tax"))
    years = history.years(app.service.session())

    assert sum(each["entries"] for each in years) == history.count(app.service.session(), "kraken")
    assert "it shows no number at all" in page
    for each in years:
        assert f"{each['year']} {each['entries']}" in page
