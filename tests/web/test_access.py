"""Who gets in by what: passphrase, link, sessions, the first start. Over real HTTP, the real app and keeper."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from support.access import HERE, as_it_was, let_in, own, said, state, try_passphrase
from support.app import PASSPHRASE, App, new_app, running_app
from tallyglass.app import tokens
from tallyglass.web.auth.coming import WRONG
from tallyglass.web.auth.gate import IDLE_SECONDS, PROVEN_SECONDS
from tallyglass.web.auth.pace import FREE, LONGEST_SECONDS, Pace

CHANGES = (
    "passphrase",
    "passkeys",
    "passkeys/remove",
    "codes",
    "codes/set-up",
    "codes/recovery",
    "codes/remove",
    "tokens",
    "tokens/revoke",
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture
def app(house: App) -> Iterator[App]:
    yield from as_it_was(house)


def guess(app: App) -> None:
    """Wrong tries, each as soon as may be: the next has to wait for minutes, however slow this machine is."""
    for _ in range(FREE + 20):
        app.clock.ahead += app.gate.pace.wait()
    assert try_passphrase(app, "five tall herons by the hill").status in (403, 429)


# -- the passphrase


def test_the_passphrase_lets_in_and_leads_on(app: App) -> None:
    answer = try_passphrase(app, PASSPHRASE)

    assert answer.headers["location"] == "/orders"
    assert let_in(app, answer).ask("GET", "/orders").status == 200


def test_a_wrong_one_lets_nobody_in(app: App) -> None:
    answer = try_passphrase(app, "five tall herons by the hill")

    assert (answer.status, said(answer)) == (403, WRONG)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("sealed", ["", "AAAA", "!", "A" * 40_000, PASSPHRASE])
def test_what_is_not_sealed_opens_nothing(app: App, sealed: str) -> None:
    answer = app.ask("POST", "/enter", own(app), {"sealed": sealed})

    assert answer.status == 400
    assert "set-cookie" not in answer.headers
    assert b"Keeper" not in answer.body, "who has no session learns nothing of the house"
    assert PASSPHRASE.encode() not in answer.body


def test_a_sealed_passphrase_opens_once(app: App) -> None:
    form = {"sealed": app.seal(old=PASSPHRASE)}
    first = app.ask("POST", "/enter", own(app), form)
    again = app.ask("POST", "/enter", own(app), form)

    assert first.status == 303
    assert again.status != 303
    assert "set-cookie" not in again.headers


def test_a_passphrase_unlocks_and_lets_in_at_once(app: App) -> None:
    before = app.enter()
    assert before.press("/lock").status == 303
    assert state(app) == "locked"
    assert "Locked" in before.page("/")
    wrong = try_passphrase(app, "five tall herons by the hill")
    assert (wrong.status, state(app)) == (403, "locked")

    visitor = let_in(app, try_passphrase(app, PASSPHRASE))

    assert state(app) == "unlocked"
    assert visitor.ask("GET", "/orders").status == 200


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https:evil.example", "http://evil.example/", ""]
)
def test_no_login_leads_away(app: App, back: str) -> None:
    form = {"sealed": app.seal(old=PASSPHRASE), "back": back}
    assert app.ask("POST", "/enter", own(app), form).headers["location"] == "/"
    visitor = app.enter()
    assert visitor.ask("GET", f"/prove?back={back}").headers["location"] == "/"


# -- every route


def routes(app: App, method: str) -> list[str]:
    """The address of each, its parameters filled with something."""
    found = app.server.config.app
    while not isinstance(found, FastAPI):
        found = found._app  # type: ignore[union-attr]  # what stands before the routes
    return [
        re.sub(r"\{[^}]*\}", "x", each.path)
        for each in found.routes
        if isinstance(each, APIRoute) and method in (each.methods or ())
    ]


def test_no_other_page_acts_on_any_route_and_nobody_without_a_session(app: App) -> None:
    cookie = {"Cookie": app.enter().cookie}
    evil = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    posts = routes(app, "POST")
    assert len(posts) > len(CHANGES) + 5

    for path in posts:
        assert app.ask("POST", path, evil | cookie, {}).status == 403, path
        if not path.startswith("/enter"):
            assert app.ask("POST", path, own(app), {}).status == 401, path
        assert app.ask("GET", path, cookie).status != 500, path


def test_before_a_login_another_page_reads_nothing_and_nobody_much(app: App) -> None:
    open_to_all = {path for path in routes(app, "GET") if app.ask("GET", path).status == 200}
    assert open_to_all == {"/enter", "/seal-key"}
    assert set(json.loads(app.ask("GET", "/seal-key").body)) == {"public_key", "install_id"}
    for path in (*routes(app, "GET"), "/static/manifest.json"):
        for mode, dest in (("no-cors", "script"), ("cors", "empty"), ("no-cors", "image"), ("navigate", "iframe")):
            sent = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
            answer = app.ask("GET", path, sent | {"Origin": "http://evil.example"})
            assert (answer.status, answer.body) == (403, b"Another page may not ask this.\n"), path


# -- guessing


def test_each_wrong_try_doubles_the_wait() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    waits = []
    for _ in range(FREE - 1):
        assert pace.wait() == 0
    for _ in range(12):
        assert pace.wait() == 0
        waits.append(pace.wait())
        now += waits[-1]

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST_SECONDS, LONGEST_SECONDS]
    pace.right()
    assert [pace.wait() for _ in range(FREE)] == [0] * FREE


def test_a_guesser_waits_whoever_he_says_he_is_and_the_link_never_does(app: App) -> None:
    guess(app)
    cookie = f"tallyglass-{app.port}=anew"
    slowed = try_passphrase(app, PASSPHRASE, Cookie=cookie, **{"X-Forwarded-For": "203.0.113.9"})
    assert slowed.status == 429
    assert "Too many wrong tries" in said(slowed)
    assert app.ask("GET", app.link().removeprefix(app.url)).status == 303

    app.clock.ahead += LONGEST_SECONDS

    assert try_passphrase(app, PASSPHRASE).status == 303
    assert try_passphrase(app, "five tall herons by the hill").status == 403, "whoever was right is not slowed"


def test_what_slows_the_door_slows_the_change_of_the_passphrase(app: App) -> None:
    visitor = app.enter()
    sealed = app.seal(old="five tall herons by the hill", new="another one of some words")
    assert WRONG.encode() in visitor.press(f"{HERE}/passphrase", sealed=sealed).body
    guess(app)
    visitor = app.enter()
    sealed = app.seal(old=PASSPHRASE, new="another one of some words")
    assert b"Too many wrong tries" in visitor.press(f"{HERE}/passphrase", sealed=sealed).body
    app.service.prove_sealed(app.seal(old=PASSPHRASE))


# -- sessions


def test_sessions_are_listed_and_ended(app: App) -> None:
    app.gate.close()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    mine = app.enter()
    other = let_in(app, app.ask("GET", app.link().removeprefix(app.url), {"User-Agent": firefox}))
    third = app.enter()

    page = mine.page(HERE)

    assert page.count("this one") == 1
    assert "Firefox on Linux" in page
    assert mine.cookie.partition("=")[2] not in page
    name = re.search(r'name="name" value="(\w+)" aria-label="End the session of Firefox on Linux"', page)
    assert name
    assert mine.press(f"{HERE}/sessions", name=name[1]).status == 303
    assert other.ask("GET", "/orders").status == 303
    assert third.ask("GET", "/orders").status == 200
    mine.press(f"{HERE}/sessions", others="1")
    assert third.ask("GET", "/orders").status == 303
    assert mine.ask("GET", "/orders").status == 200


def test_what_a_browser_calls_itself_is_not_repeated(app: App) -> None:
    agent = {"User-Agent": "<script>alert(1)</script>"}
    visitor = let_in(app, app.ask("GET", app.link().removeprefix(app.url), agent))

    page = visitor.page(HERE)

    assert "alert(1)" not in page
    assert "A browser" in page


def test_a_new_proof_is_a_new_session(app: App) -> None:
    before = app.enter()
    form = {"sealed": app.seal(old=PASSPHRASE), "back": HERE}
    after = let_in(app, before.ask("POST", "/enter", own(app), form))

    assert after.cookie != before.cookie
    assert before.ask("GET", "/orders").status == 303
    assert after.ask("GET", "/orders").status == 200


def test_what_guards_keys_changes_only_after_a_proof(app: App) -> None:
    visitor = app.enter()
    app.clock.ahead += PROVEN_SECONDS + 1
    before = tokens.all_of(app.service.session())

    for what in CHANGES:
        answer = visitor.press(f"{HERE}/{what}", name="x", **{"scope-worth": "1"})
        assert (answer.status, answer.headers["location"]) == (303, f"/prove?back={HERE}")

    assert visitor.ask("POST", f"{HERE}/passkeys/ask", own(app)).status == 403
    assert tokens.all_of(app.service.session()) == before
    assert b"Is it still you?" in visitor.ask("GET", f"/prove?back={HERE}").body
    form = {"sealed": app.seal(old=PASSPHRASE), "back": HERE}
    proven = visitor.ask("POST", "/enter", own(app), form)
    assert proven.headers["location"] == HERE
    assert let_in(app, proven).ask("GET", f"/prove?back={HERE}").headers["location"] == HERE


def test_nothing_of_access_changes_without_a_session(app: App) -> None:
    for what in CHANGES:
        assert app.ask("POST", f"{HERE}/{what}", own(app), {"name": "x"}).status == 401
    assert app.ask("POST", "/lock", own(app)).status == 401
    for path in ("/prove", "/begin", "/begin/kit", HERE):
        assert app.ask("GET", path).headers["location"] == "/enter"
    assert app.ask("POST", "/begin", own(app), {"sealed": app.seal(new=PASSPHRASE)}).status == 401


def test_a_new_passphrase_is_the_only_one_and_ends_every_other_session(app: App) -> None:
    visitor, other = app.enter(), app.enter()
    new = "six short cranes on a dam"

    done = visitor.press(f"{HERE}/passphrase", sealed=app.seal(old=PASSPHRASE, new=new))

    assert b"Only the new passphrase opens" in done.body
    assert other.ask("GET", "/orders").status == 303
    assert visitor.ask("GET", "/orders").status == 200
    assert try_passphrase(app, PASSPHRASE).status == 403
    again = let_in(app, try_passphrase(app, new))
    weak = again.press(f"{HERE}/passphrase", sealed=app.seal(old=new, new="short"))
    assert b"shorter than 12" in weak.body
    again.press(f"{HERE}/passphrase", sealed=app.seal(old=new, new=PASSPHRASE))
    assert try_passphrase(app, PASSPHRASE).status == 303


# -- the first start


def test_the_first_reader_with_a_link_chooses_the_passphrase(tmp_path: Path) -> None:
    with new_app(tmp_path) as app:
        assert state(app) == "new"
        for path in ("/", "/begin", "/begin/kit", "/orders"):
            assert app.ask("GET", path).headers["location"] == "/enter", "nobody without the link begins"
        assert app.ask("POST", "/begin", own(app), {"sealed": app.seal(new=PASSPHRASE)}).status == 401
        assert app.ask("POST", "/enter", own(app), {"sealed": app.seal(old=PASSPHRASE)}).status != 303
        visitor = app.enter()
        for path in ("/", "/orders", HERE):
            assert visitor.ask("GET", path).headers["location"] == "/begin"
        weak = visitor.press("/begin", sealed=app.seal(new="short"))
        assert weak.status == 400
        assert b"shorter than 12" in weak.body
        assert not app.service.home.exists

        made = visitor.press("/begin", sealed=app.seal(new=PASSPHRASE))

        assert made.headers["location"] == "/begin/kit"
        assert visitor.ask("GET", "/").status == 303, "its session began anew"
        visitor = let_in(app, made)
        assert "TALLYGLASS RECOVERY KIT" in visitor.page("/begin/kit")
        assert state(app) == "unlocked"
        again = visitor.press("/begin", sealed=app.seal(new="another one of some words"))
        assert again.status == 400
        assert visitor.ask("GET", "/begin").headers["location"] == "/"
        assert try_passphrase(app, PASSPHRASE).status == 303
        assert visitor.ask("GET", HERE).status == 200


def test_a_house_that_locks_itself_asks_for_the_passphrase(app: App) -> None:
    visitor = app.enter()
    app.service.lock()
    page = visitor.page("/orders")
    assert 'action="/enter" data-seal="passphrase"' in page
    assert not re.search(r'<input[^>]*type="password"[^>]* name=', page), "a field without a name is never sent"
    app.clock.ahead += IDLE_SECONDS + 1
    assert visitor.ask("GET", "/orders").headers["location"] == "/enter"
