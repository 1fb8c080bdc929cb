"""What is proven with, beside the passphrase, and what scripts read with: codes and tokens. The real app and keeper."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from support.access import HERE, as_it_was, let_in, own, said, state, try_passphrase
from support.app import PASSPHRASE, App, Visitor, running_app
from tallyglass.app import second_factor, tokens
from tallyglass.web.auth.coming import WRONG


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture
def app(house: App) -> Iterator[App]:
    yield from as_it_was(house)


# -- codes


def set_up(app: App, visitor: Visitor) -> tuple[str, list[str]]:
    """The secret, as an authenticator app reads it, and the recovery codes."""
    page = visitor.press(f"{HERE}/codes").body.decode()
    spelled = re.search(r">((?:[A-Z2-7]{4} ?){8})<", page)
    assert spelled
    secret = spelled[1].replace(" ", "")
    # A code of half a minute before, so that the present one is still to be used.
    code = pyotp.TOTP(secret).at(datetime.now(UTC) - timedelta(seconds=30))
    done = visitor.press(f"{HERE}/codes/set-up", code=code).body.decode()
    return secret, re.findall(r"<li><code>([a-z2-7-]{19})</code>", done)


def test_codes_are_asked_for_with_the_passphrase_and_each_opens_once(app: App) -> None:
    visitor = app.enter()
    secret, recovery = set_up(app, visitor)
    assert len(set(recovery)) == second_factor.CODES
    page = app.ask("GET", "/enter").body
    assert b'name="code"' in page
    code = pyotp.TOTP(secret).now()

    without, wrong = try_passphrase(app, PASSPHRASE), try_passphrase(app, "five tall herons by the hill", code)
    app.gate.pace.right()
    right = try_passphrase(app, PASSPHRASE, f"{code[:3]} {code[3:]}")
    again = try_passphrase(app, PASSPHRASE, code)

    assert (without.status, said(without)) == (403, WRONG)
    assert without.body == wrong.body, "nobody learns which of the two was wrong"
    assert right.status == 303
    assert again.status == 403, "a code that was used opens nothing"
    assert try_passphrase(app, PASSPHRASE, recovery[0].upper()).status == 303
    assert try_passphrase(app, PASSPHRASE, recovery[0]).status == 403
    assert f"{second_factor.CODES - 1} of 10 recovery codes are left" in let_in(app, right).page(HERE)


def test_a_wrong_code_leaves_a_locked_keeper_locked(app: App) -> None:
    secret, _ = set_up(app, app.enter())
    app.service.lock()

    assert try_passphrase(app, PASSPHRASE, "000000").status == 403
    assert state(app) == "locked"
    assert try_passphrase(app, PASSPHRASE).status == 403
    assert state(app) == "locked"
    app.gate.pace.right()
    assert try_passphrase(app, PASSPHRASE, pyotp.TOTP(secret).now()).status == 303
    assert state(app) == "unlocked"


def test_codes_begin_only_with_one_that_is_right(app: App) -> None:
    visitor = app.enter()
    visitor.press(f"{HERE}/codes")
    assert b"not of this secret" in visitor.press(f"{HERE}/codes/set-up", code="000000").body
    assert second_factor.since(app.service.session()) is None
    assert try_passphrase(app, PASSPHRASE).status == 303
    assert b"waits to be set up" not in visitor.press(f"{HERE}/codes/set-up", code="12345x").body


def test_new_recovery_codes_end_those_before(app: App) -> None:
    visitor = app.enter()
    _, before = set_up(app, visitor)
    after = re.findall(r"<li><code>([a-z2-7-]{19})</code>", visitor.press(f"{HERE}/codes/recovery").body.decode())

    assert not set(before) & set(after)
    assert try_passphrase(app, PASSPHRASE, before[0]).status == 403
    assert try_passphrase(app, PASSPHRASE, after[0]).status == 303


def test_the_secret_of_codes_is_shown_once_and_logged_never(app: App, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    visitor = app.enter()
    secret, recovery = set_up(app, visitor)
    try_passphrase(app, PASSPHRASE, "000000")
    try_passphrase(app, PASSPHRASE, pyotp.TOTP(secret).now())

    shown = visitor.page(HERE) + visitor.page("/settings") + visitor.page("/journal")

    assert "tried to enter" in caplog.text
    for canary in (secret, PASSPHRASE, *recovery, visitor.cookie.partition("=")[2]):
        assert canary not in caplog.text
        assert canary not in shown
    for path in (each for each in app.service.home.path.rglob("*") if each.is_file()):
        assert secret.encode() not in path.read_bytes()
        assert PASSPHRASE.encode() not in path.read_bytes()


def test_a_code_of_another_time_opens_nothing(app: App) -> None:
    session = app.service.session()
    at = datetime(2026, 11, 28, 12, 0, 7, tzinfo=UTC)
    secret = pyotp.random_base32()
    second_factor.set_up(replace(session, now=lambda: at), secret, pyotp.TOTP(secret).at(at))

    def passes(seconds: int, later: int) -> bool:
        moment = at + timedelta(seconds=later)
        code = pyotp.TOTP(secret).at(at + timedelta(seconds=seconds))
        return second_factor.passes(replace(session, now=lambda: moment), code)

    assert not passes(0, 10), "it was used to set up"
    assert not passes(60, 0), "too soon"
    assert passes(30, 0), "a clock may be half a minute off"
    assert not passes(0, 30), "none before the last that was taken"
    assert not passes(60, 150), "too late"
    assert passes(180, 150)


# -- tokens


def make_token(visitor: Visitor, *scopes: str, days: str = "") -> str:
    page = visitor.press(f"{HERE}/tokens", name="cron", days=days, **{f"scope-{each}": "1" for each in scopes}).body
    found = re.search(rb">(tallyglass_[\w-]{43})<", page)
    assert found, page
    return found[1].decode()


def test_a_token_reads_what_it_may_and_nothing_else(app: App) -> None:
    visitor = app.enter()
    token = make_token(visitor, "worth")
    bearer = {"Authorization": f"Bearer {token}"}

    assert app.ask("GET", "/api/v1/worth", bearer).status == 200
    assert app.ask("GET", "/api/v1/prices", bearer).status == 200
    for path in ("/api/v1/history", "/api/v1/keys", "/api/v1/nowhere", "/api/v2/worth", "/api/worth"):
        answer = app.ask("GET", path, bearer)
        assert (answer.status, json.loads(answer.body)["type"]) == (403, "urn:tallyglass:problem:token_scope")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert app.ask(method, "/api/v1/worth", bearer).status == 403
    for path in ("/", "/orders", HERE, "/events", "/calendar.ics", "/begin/kit"):
        assert app.ask("GET", path, bearer).status in (303, 401), "pages are not for tokens"
    assert app.ask("POST", "/sync", bearer | own(app)).status == 401
    assert token not in visitor.page(HERE)
    assert "cron" in visitor.page(HERE)
    assert tokens.all_of(app.service.session())[-1]["used_at"] is not None


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer x", "Bearer tallyglass_" + "A" * 43, "Bearer \x7f", "bearer  y"]
)
def test_a_made_up_token_opens_nothing(app: App, value: str) -> None:
    assert app.ask("GET", "/api/v1/worth", {"Authorization": value}).status == 401


def test_a_token_ends_when_it_is_revoked_and_when_its_time_is_over(app: App) -> None:
    visitor = app.enter()
    token = make_token(visitor, "worth", "keys", days="30")
    bearer = {"Authorization": f"Bearer {token}"}
    session = app.service.session()
    late = replace(session, now=lambda: datetime.now(UTC) + timedelta(days=31))
    assert tokens.scopes(session, token) == {"worth", "keys"}
    assert tokens.scopes(late, token) == frozenset()
    id_ = tokens.all_of(session)[-1]["id"]

    visitor.press(f"{HERE}/tokens/revoke", id=id_)

    assert app.ask("GET", "/api/v1/worth", bearer).status == 401


def test_a_token_of_nothing_is_not_made(app: App) -> None:
    visitor = app.enter()
    before = len(tokens.all_of(app.service.session()))
    assert b"reads something that is listed" in visitor.press(f"{HERE}/tokens", name="x").body
    assert visitor.press(f"{HERE}/tokens", name="x", days="y", **{"scope-worth": "1"}).status == 400
    assert len(tokens.all_of(app.service.session())) == before


def test_a_locked_house_tells_a_token_nothing(app: App) -> None:
    token = make_token(app.enter(), "worth")
    app.service.lock()
    assert app.ask("GET", "/api/v1/worth", {"Authorization": f"Bearer {token}"}).status == 503
