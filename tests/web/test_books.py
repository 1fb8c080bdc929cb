"""The books on pages: history narrowed down, an entry down to the raw answer, transfers by the reader's word."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from support.app import App, Visitor, running_app
from support.sandbox import Sandbox
from support.text import words
from tallyglass.app import history, transfers
from tallyglass.app.raw import about, laid_out
from tallyglass.app.views import EntryView
from tallyglass.store import booking
from tallyglass.web.look import HIDDEN


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken", "coinbase") as running:
        yield running


def entries(app: App, **asked: str) -> list[EntryView]:
    return history.history(app.service.session(), history.Question(limit=1000, **asked))["items"]  # type: ignore[arg-type]


def shown(page: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'data-entry="([^"]*)"', page)]


def test_history_is_narrowed_down_by_an_address_that_can_be_kept(app: App, reader: Visitor) -> None:
    found = shown(reader.page("/history?kind=deposit&connection=kraken&asset=EUR"))
    assert found == [each["id"] for each in entries(app, kind="deposit", connection="kraken", asset="EUR")]
    assert len(found) > 3

    day = entries(app)[0]["time"][:10]
    assert shown(reader.page(f"/history?from={day}&to={day}")) == [each["id"] for each in entries(app, since=day)]


def test_older_entries_are_of_the_same_kind(app: App, reader: Visitor) -> None:
    path, found = "/history?kind=trade&connection=kraken", list[str]()
    while path:
        page = reader.page(path)
        found += shown(page)
        link = re.search(r'href="(/history[^"]+)" hx-get', page)
        path = html.unescape(link[1]) if link else ""
    assert found == [each["id"] for each in entries(app, kind="trade", connection="kraken")]
    assert len(found) > 50


def test_a_filter_that_is_none_is_told_so(reader: Visitor) -> None:
    assert "No kind 'gift'." in words(reader.ask("GET", "/history?kind=gift").body.decode())
    assert "'soon' is no time." in words(reader.ask("GET", "/history?from=soon").body.decode())
    assert "Nothing of that kind." in words(reader.page("/history?asset=NONE"))


@pytest.mark.parametrize("kind", ["trade", "deposit", "withdrawal"])
@pytest.mark.parametrize("connection", ["kraken", "coinbase"])
def test_an_entry_leads_down_to_the_raw_answer(app: App, reader: Visitor, connection: str, kind: str) -> None:
    one = entries(app, kind=kind, connection=connection)[0]
    page = words(reader.page(f"/history/{quote(one['id'])}"))

    assert one["id"] in page
    for leg in one["legs"]:
        assert leg["asset"] in page
    about_it = page.partition("The answer it was read from")[2].partition("The whole answer")[0]
    assert one["id"].rpartition(":")[2].rpartition("/")[2] in about_it or one["txid"] in about_it
    kept = reader.ask("GET", f"/raw/{quote(one['id'])}")
    assert kept.headers["content-disposition"].startswith("attachment")
    assert kept.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(kept.body) > 50


def test_no_entry_is_told_so(reader: Visitor) -> None:
    for path in ("/history/kraken/none", "/history/nothing", "/history/%3Cscript%3E", "/raw/kraken/none"):
        answer = reader.ask("GET", path)
        assert answer.status == 400
        assert "No entry" in words(answer.body.decode())
        assert b"<script>" not in answer.body


def test_hidden_amounts_are_in_no_part_of_an_entry(app: App, reader: Visitor) -> None:
    one = entries(app, kind="trade", connection="kraken")[0]
    hiding = reader.press("/look", amounts="hidden", back="/").headers["set-cookie"].split(";")[0]
    page = reader.ask("GET", f"/history/{quote(one['id'])}", {"Cookie": f"{reader.cookie}; {hiding}"}).body.decode()

    assert HIDDEN in page
    assert "Amounts are hidden" in page
    for amount in {leg["amount"].lstrip("-") for leg in one["legs"]} | {one["facts"]["cost"]}:
        assert amount not in page


def test_what_was_matched_is_taken_apart_and_put_together_by_a_press(app: App, reader: Visitor) -> None:
    pair = transfers.transfers(app.service.session())["matched"][0]
    one, other = pair["sent"]["id"], pair["received"]["id"]
    page = reader.page(f"/history/{quote(one)}")
    assert "Between your own accounts" in page
    assert f'value="{html.escape(other)}"' in page

    for path, told in (("unmatch", "you said that it does not belong here"), ("match", "You said so")):
        assert reader.press(f"/transfers/{path}", one=one, other=other).headers["location"] == f"/history/{quote(one)}"
        assert told.casefold() in words(reader.page(f"/history/{quote(one)}")).casefold()
    reader.press("/transfers/reset", one=one, other=other)
    assert transfers.transfers(app.service.session())["matched"][0] == pair

    wrong = reader.press("/transfers/match", one=one, other="kraken/none")
    assert wrong.status == 400
    assert "is no deposit or withdrawal" in words(wrong.body.decode())


def test_an_answer_is_laid_out_without_a_changed_character() -> None:
    raw = '{"a":[],"b":{"price":"1.50","n":1.0000000000000000001,"t":"x, {y}: [\\"z\\"]"},"c":[{}]}'
    assert laid_out(raw).split("\n")[:4] == ["{", '  "a": [],', '  "b": {', '    "price": "1.50",']
    assert re.sub(r"\n *|(?<=\":) ", "", laid_out(raw)) == raw
    assert laid_out("<html>no, {json}</html>") == "<html>no, {json}</html>"


@pytest.mark.parametrize(
    ("raw", "name", "expected"),
    [
        ('{"ledger":{"LABC-1":{"refid":"TXY-9"},"LDEF-2":{"refid":"TXZ-9"}}}', "LDEF-2", '{"refid":"TXZ-9"}'),
        ('{"ledger":{"LABC-1":{"refid":"TXY-9"},"LDEF-2":{"refid":"TXZ-9"}}}', "TXY-9", '{"refid":"TXY-9"}'),
        ('[{"id":12345,"x":1},{"id":54321}]', "12345", '{"id":12345,"x":1}'),
        ('[["12345",1],["54321",2]]', "54321", '["54321",2]'),
        ("id,amount\n12345,1\n54321,2", "54321", "54321,2"),
    ],
)
def test_of_an_answer_the_part_about_an_entry_is_found(raw: str, name: str, expected: str) -> None:
    assert [re.sub(r"\s", "", part) for part in about(raw, {name})] == [expected]


def test_what_does_not_add_up_is_shown_with_its_reason_and_settled_by_the_readers_word(
    app: App, reader: Visitor
) -> None:
    assert "Every balance is what its history comes to" in words(reader.page("/reconcile"))
    lost = entries(app, kind="deposit", connection="coinbase")[-1]
    [leg] = lost["legs"]
    with app.service.session().store.write() as db:
        booking.remove(db, "coinbase", [lost["id"].partition("/")[2]])

    page = words(reader.page("/reconcile"))
    assert "1 does not add up" in page
    assert f"+{leg['amount']}" in page.replace(",", "")
    assert "The gap was there when this account was first read" in page
    assert "1 does not add up" in page

    said = {"connection": "coinbase", "asset": leg["asset"]}
    assert reader.press("/reconcile/open", **said).headers["location"] == "/reconcile"
    page = words(reader.page("/reconcile"))
    assert "Every balance is what its history comes to" in page
    assert f"{leg['amount']} of it on your word" in page.replace(",", "")
    assert reader.press("/reconcile/open", **said).status == 400
    assert reader.press("/reconcile/undo", **said).headers["location"] == "/reconcile"
    assert "1 does not add up" in words(reader.page("/reconcile"))
