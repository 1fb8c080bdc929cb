"""The REST API: what the commands tell of worth, prices and performance, as the same JSON. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request
from starlette.responses import Response

from tallyglass.app import performance as measuring
from tallyglass.app import pricing, worth_history
from tallyglass.app import worth as valuing
from tallyglass.app.asking import day_of, history_asked, one_of, performance_asked
from tallyglass.app.past_worth import worth_at
from tallyglass.app.problems import Problem, Told
from tallyglass.app.session import Session
from tallyglass.web.api.problems import as_json, refusal

#: Everything of the API stands below this.
BELOW = "/api/"
ENTER = "Open the link that `tallyglass up` prints, and send the cookie that it gives."

Given = Mapping[str, str]
Tell = Callable[[Session, Given], object]


def add_to(app: FastAPI, session: Callable[[], Session]) -> None:
    """Put the addresses of the API among the routes."""
    for path, (names, tell) in ADDRESSES.items():
        app.get(f"{BELOW}v1/{path}", name=path)(_route(session, names, tell))


def _route(session: Callable[[], Session], names: tuple[str, ...], tell: Tell) -> Callable[[Request], Response]:
    """A plain function: it runs in a thread, as it asks the keeper and the store."""

    def answer(request: Request) -> Response:
        try:
            return as_json(tell(session(), _given(request, names)))
        except Told as error:
            return refusal(error)

    return answer


def _given(request: Request, names: tuple[str, ...]) -> Given:
    """The parameters, each once; one that is not known is a mistake that must not pass for an answer."""
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    for name in given:
        one_of("parameter", name, names)
    if len(given) < len(pairs):
        raise Problem("usage", "A parameter is given twice.", "Say it once.")
    return given


def _worth(session: Session, given: Given) -> object:
    at = given.get("at", "")
    return valuing.worth_view(session, worth_at(session, at) if at else None)


def _history(session: Session, given: Given) -> object:
    first, last, every = given.get("from", ""), given.get("to", ""), given.get("every", "day")
    asked = history_asked(first, last, every, given.get("by", ""))
    if every == "hour":
        return worth_history.hours(session, asked.first, asked.last)
    return worth_history.history(session, asked)


def _performance(session: Session, given: Given) -> object:
    asked = performance_asked(*(given.get(name, "") for name in ("period", "from", "to", "benchmark", "by")))
    return measuring.performance(session, asked)


def _prices(session: Session, given: Given) -> object:
    return pricing.prices(session, day=day_of(given.get("at", "")))


#: Each address with the parameters that it takes. Nobody outside is asked: prices that are missing stay missing.
ADDRESSES: Mapping[str, tuple[tuple[str, ...], Tell]] = {
    "worth": (("at",), _worth),
    "worth/history": (("from", "to", "every", "by"), _history),
    "performance": (("period", "from", "to", "benchmark", "by"), _performance),
    "prices": (("at",), _prices),
}
