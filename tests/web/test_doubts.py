"""The pages for the day of a doubt: a pasted mail has its answer, and one button stops a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from support.app import App, Visitor, running_app
from support.letters import Post
from support.sandbox import Sandbox
from tallyglass.app import journal
from tallyglass.web.pages.compromised import COMPROMISED
from tallyglass.web.pages.was_it_me import WAS_IT_ME


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "coinbase") as running:
        yield running


def used(app: App) -> datetime:
    """When the key was used last."""
    return datetime.fromisoformat(journal.journal(app.service.session().keeper, connection="coinbase")[0]["time"])


def asked(visitor: Visitor, **given: str) -> str:
    answer = visitor.press("/was-it-me", **given)
    assert answer.status == 200
    return " ".join(re.sub("<[^>]*>", " ", answer.body.decode()).split())


def test_a_pasted_mail_is_answered(app: App) -> None:
    visitor = app.enter()
    mail = Post(3).letter("coinbase", used(app), None).raw.decode()
    assert "Yes, that was us" in asked(visitor, mail=mail)

    other = Post(3).letter("coinbase", datetime(2025, 3, 1, tzinfo=UTC), "192.0.2.1").raw.decode()
    page = asked(visitor, mail=other)
    assert "No, that was not us" in page
    assert "tallyglass compromised coinbase" in page


def test_time_and_address_by_hand(app: App) -> None:
    visitor = app.enter()
    assert "Yes, that was us" in asked(visitor, exchange="coinbase", at=used(app).isoformat())
    assert "No, that was not us" in asked(visitor, exchange="coinbase", at="2025-03-01 09:00 UTC", ip="192.0.2.1")
    assert "is no time" in asked(visitor, exchange="coinbase", at="lately")
    assert "Paste the mail" in asked(visitor)


def test_what_a_mail_holds_is_nothing_but_text(app: App) -> None:
    hostile = "</textarea><script>alert(1)</script>{{7*7}} Coinbase 2025-03-01 09:00 UTC IP: 192.0.2.1"
    answer = app.enter().press("/was-it-me", mail=hostile)
    assert b"<script>alert" not in answer.body
    assert b"{{7*7}}" in answer.body


@pytest.mark.parametrize("path", [WAS_IT_ME.path, COMPROMISED.path, f"{COMPROMISED.path}/check"])
def test_no_stranger_presses_a_button(app: App, path: str) -> None:
    assert app.ask("POST", path, form={"connection": "coinbase"}).status == 401
    answer = app.enter().ask("POST", path, {"Origin": "http://evil.example"}, {"connection": "coinbase"})
    assert answer.status == 403
    assert app.service.session().keeper.connections()[0].state == "active"


def test_an_unknown_key_is_told(app: App) -> None:
    visitor = app.enter()
    assert b"No connection" in visitor.press(COMPROMISED.path, connection="<b>").body
    assert visitor.ask("GET", f"{COMPROMISED.path}?connection=nowhere").status == 400


def test_one_button_stops_the_key_and_shows_what_happened(app: App, sandbox: Sandbox) -> None:
    visitor = app.enter()
    assert 'action="/compromised"' in visitor.page("/connections")
    assert "Stop this key now" in visitor.page("/compromised")
    before = {each["id"] for each in sandbox.truth("coinbase")["entries"]}
    since = datetime.now(UTC).isoformat()
    sandbox.happen("coinbase", "withdrawal")
    sandbox.happen("coinbase", "order")
    app.service.sync()
    new = {each["id"] for each in sandbox.truth("coinbase")["entries"]} - before
    assert new

    answer = visitor.press(COMPROMISED.path, connection="coinbase")
    assert (answer.status, answer.headers["location"]) == (303, "/compromised?connection=coinbase")
    assert app.service.session().keeper.connections()[0].state == "frozen"

    page = visitor.page(f"/compromised?connection=coinbase&since={since.replace('+', '%2B')}")
    shown = set(re.findall(r'data-entry="([^"]+)"', page))
    assert {f"coinbase/{each}" for each in new} == {each for each in shown if each.startswith("coinbase/")}
    assert "Coinbase is stopped" in page
    assert "alive" not in page

    report = visitor.ask("GET", "/compromised/report?connection=coinbase")
    assert report.headers["content-type"] == "text/markdown; charset=utf-8"
    assert report.body.startswith(b"# Incident: the API key of coinbase at Coinbase")

    checked = visitor.press("/compromised/check", connection="coinbase")
    assert checked.status == 200
    sandbox.change_key("coinbase", dead=True)
    # Coinbase says the same to a key that is used from another address: alone, its refusal is no proof.
    assert b"cannot be told" in visitor.press("/compromised/check", connection="coinbase").body
