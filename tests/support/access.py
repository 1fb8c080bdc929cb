"""Getting in, as tests of access try it: by a passphrase that is sealed as a browser would."""

from __future__ import annotations

import re
from collections.abc import Iterator

from support.app import PASSPHRASE, App, Visitor
from support.sandbox import Answer
from tallyglass.app import second_factor

HERE = "/settings/access"


def as_it_was(house: App) -> Iterator[App]:
    """The same house for each test, as it was at first."""
    yield house
    house.gate.pace.right()
    if house.service.state != "unlocked":
        house.service.unlock(PASSPHRASE)
    second_factor.remove(house.service.session())


def own(app: App) -> dict[str, str]:
    return {"Origin": app.url, "Sec-Fetch-Site": "same-origin"}


def try_passphrase(app: App, passphrase: str, code: str = "", **headers: str) -> Answer:
    form = {"sealed": app.seal(old=passphrase), "code": code, "back": "/orders"}
    return app.ask("POST", "/enter", own(app) | headers, form)


def let_in(app: App, answer: Answer) -> Visitor:
    assert answer.status == 303, answer
    return Visitor(app, answer.headers["set-cookie"].split(";")[0])


def state(app: App) -> str:
    return app.service.state


def said(answer: Answer) -> str:
    found = re.search(rb'<p[^>]*role="alert"[^>]*>([^<]*)', answer.body)
    return found[1].decode() if found else ""
