"""The API over real HTTP: the numbers of the app, behind the doors of the pages, and errors that programs can read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from support.api import answers, is_of
from support.app import PASSPHRASE, App, running_app, wait
from support.sandbox import Answer, running_sandbox
from tallyglass.app import accounts, deciding, history, journal, performance, pricing, worth, worth_history
from tallyglass.app.past_worth import worth_at
from tallyglass.app.worth_history import Asked
from tallyglass.keeper.client import Keeper
from tallyglass.web.api import addresses

ADDRESSES = tuple(address.replace("{id}", "coinbase/x") for address in addresses.ADDRESSES)


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
    assert "etag" not in answer.headers
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
        "worth?at=",
        "history?search=" + "a" * 501,
        "history?limit=ten",
        "history?limit=-1",
        "history?kind=bet",
        "history?pending=no",
        "journal?limit=5000000000",
        "reconcile?all=1",
        "was-it-me?exchange=coinbase",
        "was-it-me?exchange=coinbase&at=yesterday",
        "movers?period=soon",
        "keys?limit=1",
        "history/coinbase/x?id=coinbase/y",
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


def test_what_is_not_there_is_told_as_json(app: App) -> None:
    visitor = app.enter()
    refused(visitor.ask("GET", "/api/v1/secrets"), 404, "no_such_address")
    refused(visitor.ask("GET", "/api/v1/history/coinbase/never"), 404, "no_such_entry")
    refused(visitor.ask("GET", "/api/v1/targets"), 404, "no_targets")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("history?limit=0", "limit"),
        ("history?limit=1001", "limit"),
        ("journal?limit=0", "limit"),
        ("journal?limit=1001", "limit"),
        ("unparsed?limit=0", "limit"),
        ("transfers?limit=1001", "limit"),
        ("history?after=nonsense", "cursor"),
        ("journal?after=nonsense", "cursor"),
        ("unparsed?after=nonsense", "cursor"),
        ("transfers?after=nonsense", "cursor"),
        ("history?connection=nowhere", "no_such_connection"),
        ("history?from=31.1.2026", "time"),
        ("egress?exchange=nowhere", "unknown_exchange"),
    ],
)
def test_pages_are_bounded_and_cursors_are_ours(app: App, path: str, code: str) -> None:
    refused(app.enter().ask("GET", f"/api/v1/{path}"), 400, code)


def test_lists_come_page_by_page_each_row_once(app: App) -> None:
    session = app.service.session()
    whole = history.history(session, history.Question(limit=1000))["items"]
    assert paged(app, "history", 100) == whole
    assert paged(app, "journal", 7) == journal.journal(session.keeper, limit=1000)

    moves, pieces = got(app, "transfers")["matched"], got(app, "unparsed")
    assert linked(app, "transfers?limit=1", lambda told: list(told["matched"])) == moves
    assert linked(app, "unparsed?limit=1", list) == pieces


def paged(app: App, path: str, limit: int) -> list[Any]:
    """Every row, by the cursor that each page tells."""
    found, after = list[Any](), ""
    while True:
        page = got(app, f"{path}?limit={limit}{after}")
        found += page["items"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def linked(app: App, path: str, rows: Callable[[Any], list[Any]]) -> list[Any]:
    """Every row, by the link that each page's header tells."""
    found, visitor, where = list[Any](), app.enter(), f"/api/v1/{path}"
    while where:
        answer = visitor.ask("GET", where)
        found += rows(json.loads(answer.body))
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        where = link[1] if link else ""
    return found


def test_who_has_an_answer_already_is_told_when_nothing_has_changed(app: App) -> None:
    visitor = app.enter()
    for path in ("/api/v1/worth", "/api/v1/history", "/api/v1/orders", "/api/v1/openapi.json"):
        first = visitor.ask("GET", path)
        again = visitor.ask("GET", path, {"If-None-Match": f'"another", {first.headers["etag"]}'})
        other = visitor.ask("GET", path, {"If-None-Match": '"another"'})

        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert again.headers["cache-control"] == "no-store"
        assert (other.status, other.headers["etag"]) == (200, first.headers["etag"])

    before = visitor.ask("GET", "/api/v1/accounts").headers["etag"]
    accounts.add(app.service.session(), "cold", "wallet")
    after = visitor.ask("GET", "/api/v1/accounts", {"If-None-Match": before})
    accounts.remove(app.service.session(), "cold")
    assert (after.status, after.headers["etag"] != before) == (200, True)


def test_every_real_answer_has_the_promised_shape(app: App) -> None:
    for name, told in answers(app).items():
        assert is_of(addresses.ADDRESSES[name], told), name
    described = json.loads(app.enter().page("/api/v1/openapi.json"))
    assert described["components"]["securitySchemes"]["session"]["name"] == app.gate.cookie


def test_a_mistake_of_ours_is_told_as_json_and_tells_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("the words of a fault")

    monkeypatch.setattr(deciding, "orders", breaks)

    assert "words of a fault" not in refused(app.enter().ask("GET", "/api/v1/orders"), 500, "internal")


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
            asked = "?exchange=coinbase&at=2026-01-31%2009:14%20UTC" if address == "was-it-me" else ""
            refused(visitor.ask("GET", f"/api/v1/{address}{asked}"), 503, "locked")
    finally:
        keeper.unlock(PASSPHRASE)
        wait(lambda: visitor.ask("GET", "/api/v1/worth").status == 200)
