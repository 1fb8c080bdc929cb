"""The API over real HTTP: the numbers of the app, behind the doors of the pages, and errors that programs can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from support.app import PASSPHRASE, App, running_app, wait
from support.sandbox import Answer, running_sandbox
from tallyglass.app import performance, pricing, worth, worth_history
from tallyglass.app.past_worth import worth_at
from tallyglass.app.worth_history import Asked
from tallyglass.keeper.client import Keeper

ADDRESSES = ("worth", "worth/history", "performance", "prices")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp
    with running_sandbox(folder("sandbox")) as sandbox, running_app(folder("web"), sandbox, "coinbase") as running:
        yield running


def got(app: App, path: str) -> Any:
    answer = app.enter().ask("GET", f"/api/v1/{path}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    return json.loads(answer.body, parse_float=lambda number: pytest.fail(f"money as a number: {number}"))


def refused(answer: Answer, status: int, code: str) -> str:
    """The detail of an error, which is told as RFC 9457 has it."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = json.loads(answer.body)
    assert (answer.status, told["status"], told["type"]) == (status, status, f"urn:tallyglass:problem:{code}")
    assert told["title"]
    assert told["fix"]
    return str(told["detail"])


def test_it_tells_what_the_commands_tell(app: App) -> None:
    session = app.service.session()
    day = session.now().date() - timedelta(30)

    now, then = got(app, "worth"), got(app, f"worth?at={day}")
    assert {**now, "as_of": ""} == {**worth.worth_view(session), "as_of": "", "sources": now["sources"]}
    assert then == worth.worth_view(session, worth_at(session, str(day)))

    past = got(app, f"worth/history?from={day}&to={day + timedelta(9)}&every=week&by=asset")
    assert past == worth_history.history(session, Asked(day, day + timedelta(9), "week", "asset"))
    assert past["points"][0]["by"]
    assert got(app, "worth/history?every=hour") == worth_history.hours(session, None, None)

    last = day + timedelta(20)
    measured = got(app, f"performance?from={day}&to={last}&benchmark=BTC&by=asset")
    assert measured == performance.performance(session, performance.Asked("", day, last, "BTC", by_asset=True))

    assert got(app, f"prices?at={day}") == pricing.prices(session, day=day)
    assert [each["asset"] for each in got(app, "prices")] == [each["asset"] for each in pricing.prices(session)]


@pytest.mark.parametrize(
    "path",
    [
        "worth?at=yesterday",
        "worth?at=2999-01-01",
        "worth/history?every=minute",
        "worth/history?from=31.1.2026",
        "worth/history?by=colour",
        "performance?period=soon",
        "performance?benchmark=BTC:60",
        "performance?by=kind",
        "prices?at=2999-01-01",
        "prices?day=2026-01-01",
        "worth?at=2026-01-01&at=2026-01-02",
    ],
)
def test_what_cannot_be_asked_is_told_so(app: App, path: str) -> None:
    assert refused(app.enter().ask("GET", f"/api/v1/{path}"), 400, "usage")


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_told_without_a_session_or_to_another_page(app: App, address: str) -> None:
    path, visitor = f"/api/v1/{address}", app.enter()
    refused(app.ask("GET", path), 401, "no_session")
    refused(app.ask("GET", path, {"Cookie": f"{app.gate.cookie}=made-up"}), 401, "no_session")
    assert visitor.ask("GET", path, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert visitor.ask("GET", path, {"Host": "evil.example"}).status == 421
    refused(visitor.press(path), 405, "no_such_address")


def test_an_address_that_is_none_is_told_as_json(app: App) -> None:
    refused(app.enter().ask("GET", "/api/v1/secrets"), 404, "no_such_address")


def test_a_program_that_asks_keeps_no_session_alive(app: App) -> None:
    visitor = app.enter()
    try:
        app.clock.ahead += 11 * 3600
        assert visitor.ask("GET", "/api/v1/worth").status == 200
        app.clock.ahead += 2 * 3600
        refused(visitor.ask("GET", "/api/v1/worth"), 401, "no_session")
    finally:
        app.clock.ahead = 0.0


def test_locked_tells_no_number(app: App) -> None:
    visitor, keeper = app.enter(), Keeper(app.service.home.socket)
    keeper.lock()
    try:
        wait(lambda: visitor.ask("GET", "/api/v1/worth").status == 503)
        for address in ADDRESSES:
            refused(visitor.ask("GET", f"/api/v1/{address}"), 503, "locked")
    finally:
        keeper.unlock(PASSPHRASE)
        wait(lambda: visitor.ask("GET", "/api/v1/worth").status == 200)
