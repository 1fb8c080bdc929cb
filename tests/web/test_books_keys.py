"""What the page of connections can do to a key: stop it, use it again, part from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.app import App, Visitor, running_app
from support.sandbox import Sandbox
from support.text import words
from tallyglass.app import connections, history


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken", "coinbase") as running:
        yield running


def card(page: str, connection: str) -> str:
    found = re.search(rf'<article [^>]*id="key-{connection}".*?</article>', page, re.DOTALL)
    assert found
    return found[0]


def state(app: App, connection: str) -> str:
    return connections.known(app.service.session().keeper, connection).state


def test_a_key_is_stopped_at_once_and_used_again_only_after_its_exchange_was_asked(app: App, sandbox: Sandbox) -> None:
    reader = app.enter()
    assert reader.press("/connections/freeze", connection="kraken").headers["location"] == "/connections"
    assert state(app, "kraken") == "frozen"
    assert "Use it again" in card(reader.page("/connections"), "kraken")

    sandbox.control("POST", "keys/kraken/read_only", {"grant": ["trade"]})
    page = card(reader.press("/connections/thaw", connection="kraken").body.decode(), "kraken")
    assert state(app, "kraken") == "frozen"
    assert "Trade: granted" in words(page)
    assert "I did not do this" in page
    assert "I did; check again" in page

    sandbox.control("POST", "keys/kraken/read_only", {"revoke": ["trade"]})
    page = card(reader.press("/connections/thaw", connection="kraken").body.decode(), "kraken")
    assert state(app, "kraken") == "active"
    assert "It is used again." in words(page)


def test_who_has_not_shown_who_he_is_changes_no_key(app: App) -> None:
    reader = app.enter()
    app.clock.ahead += 3600
    for path in ("/connections/thaw", "/disconnect/kraken"):
        answer = reader.press(path, connection="kraken", how="forget")
        assert answer.status == 303
        assert answer.headers["location"].startswith("/prove?back=/")
    assert state(app, "kraken") == "active"
    assert reader.press("/connections/freeze", connection="kraken").headers["location"] == "/connections"
    assert state(app, "kraken") == "frozen"
    app.clock.ahead = 0


def disconnecting(reader: Visitor, connection: str, **form: str) -> str:
    answer = reader.press(f"/disconnect/{connection}", **form)
    assert answer.status == 200
    return words(answer.body.decode())


def test_a_key_that_lives_is_kept_and_one_that_is_dead_goes_with_its_secret_alone(app: App, sandbox: Sandbox) -> None:
    reader = app.enter()
    guide = words(reader.page("/disconnect/kraken"))
    assert "Settings → API" in guide
    assert sandbox.key("kraken")["key"] in guide

    assert "Nothing was removed." in disconnecting(reader, "kraken", how="proven")
    sandbox.control("POST", "keys/kraken/read_only", {"dead": True})
    told = disconnecting(reader, "kraken", how="proven")
    assert "dead, and that is proven" in told
    assert "Its history stays" in told
    assert history.count(app.service.session(), "kraken") > 0
    assert reader.ask("GET", "/disconnect/kraken").status == 400


def test_without_a_proof_the_page_says_what_is_left_to_do(app: App) -> None:
    told = disconnecting(app.enter(), "coinbase", how="forget", history="forget")

    assert "Whoever holds a copy can read your account" in told
    assert "Its history is forgotten too." in told
    assert history.count(app.service.session(), "coinbase") == 0
