"""Alerts on their page: a channel whose address is never told again, and everything that can be set."""

from __future__ import annotations

import re

from support.app import App, Visitor
from support.post import webhook
from support.text import words
from tallyglass.app import alerts, deciding


def test_a_channel_is_added_tried_and_removed_and_no_answer_holds_its_address(app: App, reader: Visitor) -> None:
    answers = []
    with webhook() as box:
        answers.append(reader.press("/alerts/add", name="phone", address=box.webhook, least="urgent"))
        assert answers[0].headers["location"] == "/alerts"
        answers.append(reader.ask("GET", "/alerts"))
        assert "phone json, json://…; only what is urgent" in words(answers[-1].body.decode()).replace("JSON", "json")
        answers.append(reader.press("/alerts/test", name="phone"))
        assert [title for title, _ in box.got] == ["Tallyglass: a test"]
        answers.append(reader.ask("GET", "/alerts"))
        assert "Tallyglass: a test phone delivered" in words(answers[-1].body.decode())
        wrong = f"nothing://{box.webhook.removeprefix('json://')}"
        answers.append(reader.press("/alerts/add", name="phone", address=wrong, least="urgent"))
        assert answers[-1].status == 400
    answers.append(reader.press("/alerts/remove", name="phone"))
    assert not alerts.overview(app.service.session())["channels"]
    for answer in answers:
        assert b"CANARY" not in answer.body
        assert not any("CANARY" in value for value in answer.headers.values())


def test_only_who_has_just_shown_who_he_is_lets_something_out(app: App) -> None:
    reader = app.enter()
    app.clock.ahead += 3600
    forms = {
        "add": {"name": "his", "address": "ntfy://ntfy.sh/his", "least": "notice"},
        "digest": {"day": "monday", "at": "08:00", "zone": "", "balances": "yes"},
        "calendar": {},
    }
    for path, form in forms.items():
        assert reader.press(f"/alerts/{path}", **form).headers["location"] == "/prove?back=/alerts"
    app.clock.ahead = 0
    found = alerts.overview(app.service.session())
    assert not found["channels"]
    assert found["digest"] is None


def test_hours_digest_prices_and_drift_are_set_and_ended(app: App, reader: Visitor) -> None:
    session = app.service.session()
    deciding.set_targets(session, "BTC:60,ETH:40")
    reader.press("/alerts/quiet", begin="22:00", end="07:00", zone="Europe/Vienna")
    reader.press("/alerts/digest", day="friday", at="09:30", zone="", balances="yes")
    reader.press("/alerts/price", asset="BTC", side="above", price="1000000", currency="USD")
    reader.press("/alerts/drift", points="7")
    found = alerts.overview(session)
    assert found["quiet"] == {"begin": "22:00", "end": "07:00", "zone": "Europe/Vienna"}
    assert found["digest"] == {"day": "friday", "at": "09:30", "zone": "", "balances": True}
    page = words(reader.page("/alerts?preview=yes"))
    assert "BTC above 1,000,000 USD" in page
    assert "22:00 to 07:00" in page
    assert "Friday, 09:30" in page

    for path in ("quiet", "digest", "drift"):
        reader.press(f"/alerts/{path}", off="yes")
    reader.press("/alerts/price", asset="BTC", side="above", price="1000000", currency="USD", off="yes")
    found = alerts.overview(session)
    assert (found["quiet"], found["digest"], found["watched"]) == (None, None, {"prices": [], "drift": None})
    assert reader.press("/alerts/quiet", begin="22", end="22", zone="").status == 400
    assert reader.press("/alerts/price", asset="BTC", side="near", price="1", currency="USD").status == 400


def test_a_link_to_the_calendar_is_shown_once(app: App, reader: Visitor) -> None:
    link = re.search(r"/calendar/[\w-]+\.ics", reader.press("/alerts/calendar").body.decode())

    assert link
    assert app.ask("GET", link[0]).status == 200
    assert link[0] not in reader.page("/alerts")
    reader.press("/alerts/calendar", off="yes")
    assert app.ask("GET", link[0]).status != 200
