"""Alerts: a real sandbox, a real keeper, real receivers on loopback; what is new is told once, and its end too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from support.app import App, running_app
from support.canary import found_in, traces
from support.closed import eventually
from support.home import open_home
from support.post import Box, mailbox, webhook
from support.program import DONE, FAILED, USAGE, Program, run, running_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.alerts import channel
from tallyglass.alerts.quiet import Quiet, Weekly
from tallyglass.app import alert_settings, alerting, alerts, hygiene, syncing
from tallyglass.app.session import Session
from tallyglass.app.worth import worth_view
from tallyglass.hygiene.findings import Finding
from tallyglass.store.alerts import Channel

FROZEN = "kraken"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Box]:
    with webhook() as box:
        yield box


@pytest.fixture(scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, "kraken", "coinbase") as session:
        syncing.sync(session)
        yield session


class Time:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def session(_home: Session) -> Iterator[Session]:
    """The home with no channel, no settings and no open alarm."""
    yield replace(_home, now=Time())
    for each in alerts.overview(_home)["channels"]:
        alerts.remove(_home, each["name"])
    alerts.set_quiet(_home, None)
    alerts.set_digest(_home, None)
    _home.keeper.thaw(FROZEN)
    alerts.check(_home)


def settled(session: Session, box: Box) -> None:
    """A channel that has heard of all that is open: what comes now is new."""
    alerts.add(session, "hook", box.webhook, "notice")
    alerts.check(session)
    box.got.clear()


# -- the whole way: a right is gained, and the user hears of it


def test_a_right_gained_is_told_within_one_check(tmp_path: Path, hook: Box, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "kraken", "coinbase") as app:
        settled(app.service.session(), hook)
        sandbox.change_key("kraken", grant=["trade"])
        asked = len(sandbox.requests("kraken"))
        try:
            _frozen_and_told(app, hook)
            private = {each["path"] for each in sandbox.requests("kraken")[asked:] if "/private/" in each["path"]}
            assert private == {"/0/private/GetApiKeyInfo"}  # nothing was read with it
        finally:
            sandbox.change_key("kraken", revoke=["trade"])
        assert hook.got[0][0].startswith("Tallyglass, urgent: ")
        found = [each for each in hygiene.findings(app.service.session()) if each.connection == "kraken"]
        urgent = [each for each in found if each.severity == "urgent"]
        assert urgent
        assert any(each.text in hook.got[0][1] for each in urgent)
        assert {each.id: each.state for each in app.service.session().keeper.connections()}["coinbase"] == "active"
        hook.got.clear()
        app.service.session().keeper.thaw("kraken")
        assert app.service.sync_now("kraken")
        eventually(lambda: any("mended" in title for title, _ in hook.got), "nobody said that it is over")


def _frozen_and_told(app: App, hook: Box) -> None:
    assert app.service.sync_now("kraken")
    eventually(lambda: bool(hook.got), "nobody was told")


def test_what_the_command_sync_sees_is_told_while_the_program_runs_and_once(
    tmp_path: Path, hook: Box, sandbox: Sandbox
) -> None:
    with running_app(tmp_path, sandbox, "kraken") as app:
        settled(app.service.session(), hook)
        sandbox.change_key("kraken", grant=["trade"])
        try:
            command = run("--home", str(app.service.home.path), "sync", url=sandbox.base_url)
        finally:
            sandbox.change_key("kraken", revoke=["trade"])
        assert "frozen" in command.words
        assert [title for title, _ in hook.got] == ["Tallyglass, urgent: The key of kraken may do more than read"]
        app.service.session().keeper.thaw("kraken")
        eventually(lambda: "Tallyglass: mended" in [title for title, _ in hook.got], "nobody said that it is over")
        assert len(hook.got) == 2


def test_whoever_freezes_a_key_the_program_tells_it_at_once(tmp_path: Path, hook: Box, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "kraken") as app:
        settled(app.service.session(), hook)
        app.service.session().keeper.freeze("kraken", "a strange mail")  # as another command does, or the keeper itself
        eventually(lambda: bool(hook.got), "nobody was told")
        assert "kraken is frozen" in hook.got[0][0]


def test_a_freeze_that_has_been_and_gone_is_told_and_once(session: Session, hook: Box) -> None:
    settled(session, hook)
    session.keeper.freeze(FROZEN, "a strange mail")
    found = next(each for each in hygiene.findings(session) if each.code == "frozen")  # by a page, or a command
    session.keeper.thaw(FROZEN)
    hygiene.findings(session)
    alerts.check(session)
    assert [title for title, _ in hook.got] == ["Tallyglass, warning: it was so, and is over"]
    assert found.text in hook.got[0][1]
    assert alerts.check(session) == []
    alerts.add(session, "later", hook.webhook, "notice")
    assert [row for row in alerts.check(session) if "over" in row["title"]] == []  # nobody was to be told there then


def test_what_was_put_off_and_ended_so_is_not_told(session: Session, hook: Box) -> None:
    settled(session, hook)
    found = _frozen(session)
    hygiene.snooze(session, found.id, session.now() + timedelta(days=2), "on holiday")
    session.keeper.thaw(FROZEN)
    assert alerts.check(session) == []


# -- once


def test_what_is_new_is_told_once_and_when_it_is_over(session: Session, hook: Box) -> None:
    settled(session, hook)
    session.keeper.freeze(FROZEN, "a strange mail")
    alerts.check(session)
    assert len(hook.got) == 1
    assert FROZEN in hook.got[0][1]
    for _ in range(3):
        assert alerts.check(session) == []
    session.keeper.thaw(FROZEN)
    alerts.check(session)
    assert [title for title, _ in hook.got[1:]] == ["Tallyglass: mended"]
    assert alerts.check(session) == []
    session.keeper.freeze(FROZEN, "again")  # and again, when it comes back
    alerts.check(session)
    assert len(hook.got) == 3


def test_a_channel_gets_what_it_wants_and_no_less(session: Session, hook: Box) -> None:
    with webhook() as calm:
        settled(session, hook)
        alerts.add(session, "calm", calm.webhook, "urgent")
        severity = _frozen(session).severity
        alerts.check(session)
        assert len(hook.got) == 1
        assert bool(calm.got) == (severity == "urgent")


def _frozen(session: Session) -> Finding:
    session.keeper.freeze(FROZEN, "a drill")
    return next(each for each in hygiene.findings(session) if each.connection == FROZEN and "froz" in each.code)


def test_what_is_put_off_is_not_told_until_its_time(session: Session, hook: Box) -> None:
    settled(session, hook)
    found = _frozen(session)
    hygiene.snooze(session, found.id, session.now() + timedelta(days=2), "on holiday")
    alerts.check(session)
    assert found.text not in "".join(text for _, text in hook.got)
    session.now.ahead = timedelta(days=2, minutes=1)  # type: ignore[attr-defined]
    alerts.check(session)
    assert found.text in "".join(text for _, text in hook.got)


# -- what goes wrong


def test_what_nobody_took_is_sent_again_and_written_down(session: Session, hook: Box) -> None:
    settled(session, hook)
    hook.status = 503
    session.keeper.freeze(FROZEN, "a drill")
    [row] = alerts.check(session)
    assert (row["state"], row["tries"], row["fault"]) == ("waiting", 1, "it answered 503")
    assert alerts.check(session) == []  # not before its time
    session.now.ahead = timedelta(minutes=2)  # type: ignore[attr-defined]
    assert [row["tries"] for row in alerts.check(session)] == [2]
    hook.status = 200
    session.now.ahead = timedelta(minutes=10)  # type: ignore[attr-defined]
    [row] = alerts.check(session)
    assert (row["state"], row["tries"], row["fault"]) == ("delivered", 3, None)
    assert len(hook.got) == 1
    assert alerts.sent(session, 1) == [row]


def test_a_channel_that_is_gone_for_days_is_given_up(session: Session, hook: Box) -> None:
    settled(session, hook)
    hook.status = 500
    session.keeper.freeze(FROZEN, "a drill")
    alerts.check(session)
    session.now.ahead = timedelta(days=3, minutes=1)  # type: ignore[attr-defined]
    states = {row["title"]: row["state"] for row in alerts.check(session) if "froz" in row["title"].lower()}
    assert set(states.values()) <= {"given_up"}
    assert "given_up" in {row["state"] for row in alerts.sent(session, 10)}


def test_a_crash_before_it_is_sent_loses_nothing(session: Session, hook: Box) -> None:
    settled(session, hook)
    session.keeper.freeze(FROZEN, "a drill")

    def die(_address: str, _message: channel.Message) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alerting.check(session, send=die)
    assert hook.got == []
    session.now.ahead = timedelta(minutes=6)  # type: ignore[attr-defined]
    alerts.check(session)
    assert len(hook.got) == 1


# -- when


def test_in_quiet_hours_only_what_is_urgent_goes_out(session: Session, hook: Box) -> None:
    settled(session, hook)
    now = session.now()
    hours = Quiet((now - timedelta(hours=1)).time(), (now + timedelta(hours=2)).time(), "UTC")
    alerts.set_quiet(session, alert_settings.read_quiet(f"{hours.begin:%H:%M}", f"{hours.end:%H:%M}", "UTC"))
    severity = _frozen(session).severity
    alerts.check(session)
    assert bool(hook.got) == (severity == "urgent")
    session.keeper.thaw(FROZEN)
    alerts.check(session)  # that it is over can wait
    assert not [title for title, _ in hook.got if "mended" in title]
    session.now.ahead = timedelta(hours=2, minutes=1)  # type: ignore[attr-defined]
    alerts.check(session)
    assert [title for title, _ in hook.got if "mended" in title] == ["Tallyglass: mended"]


def test_the_digest_comes_once_a_week_without_balances(session: Session, hook: Box) -> None:
    settled(session, hook)
    then = session.now() + timedelta(hours=1)
    when = Weekly(then.weekday(), then.time().replace(second=0, microsecond=0), "UTC")
    alerts.set_digest(session, when)
    assert alerts.check(session) == []
    session.now.ahead = timedelta(hours=1, minutes=1)  # type: ignore[attr-defined]
    alerts.check(session)
    digests = [text for title, text in hook.got if title == "Tallyglass: your keys this week"]
    assert len(digests) == 1
    assert "kraken: active, grade" in digests[0]
    assert "127.0.0.1" in digests[0]
    assert "Net worth" not in digests[0]
    alerts.check(session)
    assert len([title for title, _ in hook.got if title == "Tallyglass: your keys this week"]) == 1
    alerts.set_digest(session, replace(when, balances=True))
    assert "Net worth: " in alerts.digest(session)


# -- secrets


def test_neither_messages_nor_logs_nor_answers_hold_a_secret(
    session: Session, hook: Box, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with mailbox() as box, caplog.at_level(logging.DEBUG):
        alerts.add(session, "hook", hook.webhook, "notice")
        alerts.add(session, "mail", box.mail, "notice")
        assert {row["state"] for row in alerts.try_out(session, "")} == {"delivered"}
        session.keeper.freeze(FROZEN, "a drill")
        alerts.check(session)
        hook.status = 401
        told = str([alerts.try_out(session, "hook"), alerts.overview(session), alerts.sent(session, 100)])
        told += alerts.digest(session) + repr(Channel("x", hook.webhook, "notice", session.now()))
    assert box.got[0][0] == "Tallyglass: a test"
    assert any(FROZEN in text for _, text in box.got)
    keys = {f"{name} {part}": text for name in ("kraken", "coinbase") for part, text in sandbox.key(name).items()}
    secrets = {name: text for name, text in keys.items() if "secret" in name}
    sent = b"".join([*hook.raw, *box.raw])
    assert found_in(sent, traces(secrets)) == []
    figures = {each["amount"].encode() for each in worth_view(session)["holdings"] if len(each["amount"]) > 6}
    assert figures
    assert not [figure for figure in figures if figure in sent]
    addresses = {"password": "CANARY-webhook-password", "path": "CANARY-webhook-path"}
    assert found_in((told + caplog.text).encode(), traces({**addresses, **secrets})) == []
    assert found_in((session.home.portfolio).read_bytes(), traces(addresses)) == []


# -- the calendar and the commands


def test_the_calendar_has_every_due_date(session: Session) -> None:
    feed = Calendar.from_ical(alerts.dues(session))
    days = {str(event["uid"]): event.decoded("dtstart") for event in feed.walk("VEVENT")}
    keys = {key["connection"]: key["due_at"] for key in hygiene.keys(session)}
    assert all(keys.values())
    for connection, due in keys.items():
        assert days[f"due-{connection}@tallyglass"] == date.fromisoformat((due or "")[:10])


def test_the_calendar_is_behind_the_door(tmp_path: Path) -> None:
    with running_app(tmp_path) as app:
        assert app.ask("GET", "/calendar.ics").status != 200
        answer = app.enter().ask("GET", "/calendar.ics")
        assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/calendar")
        assert answer.body.startswith(b"BEGIN:VCALENDAR")


def test_a_calendar_program_subscribes_by_a_link_of_its_own(tmp_path: Path, sandbox: Sandbox) -> None:
    with running_app(tmp_path, sandbox, "coinbase") as app:

        def command(*more: str) -> dict[str, str]:
            home = str(app.service.home.path)
            told: dict[str, str] = run(
                "--home", home, "alerts", "calendar", *more, "--json", url=sandbox.base_url
            ).json()
            return told

        path = command("--link")["path"]
        answer = app.ask("GET", path)  # without a session
        assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/calendar")
        events = Calendar.from_ical(answer.body).walk("VEVENT")
        assert {str(each["uid"]) for each in events} == {"due-coinbase@tallyglass"}
        account = app.service.session().keeper.connections()[0].account
        assert account
        assert account.encode() not in answer.body
        amounts = [each["amount"] for each in worth_view(app.service.session())["holdings"] if len(each["amount"]) > 6]
        assert not [each for each in amounts if each.encode() in answer.body]

        assert app.ask("GET", path, {"Host": "evil.example"}).status == 421
        assert app.ask("GET", path, {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}).status == 403
        token = path.removeprefix("/calendar/").removesuffix(".ics")
        assert len(token) >= 43
        for wrong in (token[:-1], token + "a", token.swapcase(), "x", "%00"):
            assert app.ask("GET", f"/calendar/{wrong}.ics").status == 404
        assert found_in(app.service.home.portfolio.read_bytes(), traces({"token": token})) == []

        newer = command("--link")["path"]
        assert [app.ask("GET", each).status for each in (path, newer)] == [404, 200]
        assert command("--revoke")["revoked"]
        assert app.ask("GET", newer).status == 404
        assert app.ask("GET", "/calendar/.ics").status == 404


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Program]:
    with running_home(tmp_path_factory.mktemp("program"), sandbox) as running:
        yield running


NOTHING: dict[str, object] = {
    "channels": [],
    "quiet": None,
    "digest": None,
    "waiting": 0,
    "watched": {"prices": [], "drift": None},
}


def test_the_commands(program: Program, hook: Box, tmp_path: Path) -> None:
    assert program.json("alerts") == (DONE, NOTHING)
    code, view = program.json("alerts", "add", "phone", "--url-file", "-", "--least", "warning", stdin=hook.webhook)
    assert (code, view["name"], view["least"], view["address"]) == (DONE, "phone", "warning", "json://…")
    assert program.json("alerts", "test")[0] == DONE
    assert hook.got[0][0] == "Tallyglass: a test"
    hook.status = 500
    code, rows = program.json("alerts", "test", "phone")
    assert (code, rows[0]["fault"]) == (FAILED, "it answered 500")
    assert program.json("alerts", "quiet", "22:00", "07:00", "--zone", "Europe/Vienna")[1]["quiet"]["begin"] == "22:00"
    assert program.json("alerts", "digest", "--day", "mon", "--at", "8")[1]["digest"]["day"] == "monday"
    words = program.run("alerts")
    assert all(len(line) <= 80 for line in words.out.splitlines()), words.out
    assert "CANARY" not in words.out
    assert "Quiet from 22:00 to 07:00 Europe/Vienna" in words.words
    file = tmp_path / "due.ics"
    assert program.json("alerts", "calendar", "--output", str(file))[0] == DONE
    assert file.read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    for line in (
        ("add", "phone", "--url-file", "/dev/null"),
        ("remove", "nobody"),
        ("test", "nobody"),
        ("quiet", "22:00"),
        ("quiet", "late", "early"),
        ("digest", "--day", "someday"),
        ("digest", "--day", "mon", "--zone", "Nowhere/Here"),
        ("price", "BTC", "above", "0", "USD"),
        ("price", "BTC", "above", "much", "USD"),
        ("drift", "200"),
    ):
        code, answer = program.json("alerts", *line)
        assert (code, bool(answer["error"]["fix"])) == (USAGE, True), line
    assert program.json("alerts", "remove", "phone")[0] == DONE
    assert program.json("alerts", "sent")[1][0]["channel"] == "phone"


def test_an_address_is_never_an_argument(program: Program) -> None:
    assert program.json("alerts", "add", "phone", "ntfy://ntfy.sh/topic")[0] == USAGE


@pytest.mark.parametrize("address", ["", "nonsense", "https://", "file:///etc/passwd"])
def test_what_is_no_address_is_no_channel(address: str) -> None:
    with pytest.raises(channel.BadAddress):
        channel.kind(address)


def test_only_the_scheme_of_an_address_is_shown() -> None:
    assert channel.masked("tgram://123:TOKEN/chat") == "tgram://…"
    assert channel.masked("a secret without a scheme") == "…"


def test_one_message_is_sent_by_one_of_two_who_look_at_once(session: Session, hook: Box) -> None:
    settled(session, hook)
    session.keeper.freeze(FROZEN, "a drill")

    def look_too(address: str, message: channel.Message) -> None:
        assert alerting.send_due(session) == []
        channel.deliver(address, message)

    assert len(alerting.check(session, send=look_too)) == 1
    assert len(hook.got) == 1
