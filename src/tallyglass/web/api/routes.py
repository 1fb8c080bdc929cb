"""The API over HTTP: each address a route, tags that tell whether anything changed, errors that programs can read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response

from tallyglass.app.problems import Problem, Told
from tallyglass.app.session import Session
from tallyglass.web.api import openapi
from tallyglass.web.api.addresses import ADDRESSES, Address
from tallyglass.web.api.pages import Part
from tallyglass.web.api.parameters import given
from tallyglass.web.api.problems import as_json, problem, refusal

#: Everything of the API stands below this.
BELOW: Final = "/api/"
ENTER: Final = "Open the link that `tallyglass up` prints, and send the cookie that it gives."

#: Members that only say when it was asked.
_PASSING: Final = frozenset(("as_of", "age_seconds"))


def add_to(app: FastAPI, session: Callable[[], Session], cookie: str) -> None:
    """Put the addresses of the API among the routes. `cookie`: the name of the session's."""
    document = openapi.document(cookie)

    def described(request: Request) -> Response:
        return _tagged(request, document)

    for path, address in ADDRESSES.items():
        where = path.replace("{id}", "{id:path}")
        app.get(f"{BELOW}v1/{where}", name=path)(_route(session, address))
    app.get(f"{BELOW}v1/openapi.json", name="openapi")(described)
    app.add_exception_handler(Exception, _unexpected)


def _route(session: Callable[[], Session], address: Address) -> Callable[[Request], Response]:
    """A plain function: it runs in a thread, as it asks the keeper and the store."""

    def answer(request: Request) -> Response:
        try:
            pairs = [*request.path_params.items(), *request.query_params.multi_items()]
            told = given(pairs, address.params)
            found = address.tell(_unlocked(session()), told)
        except Told as error:
            return refusal(error)
        if not isinstance(found, Part):
            return _tagged(request, found)
        reply = _tagged(request, found.answer)
        if found.next:
            more = urlencode({**told, "after": found.next})
            reply.headers["Link"] = f'<{request.url.path}?{more}>; rel="next"'
        return reply

    return answer


def _unlocked(session: Session) -> Session:
    """Locked from another terminal a moment ago, too: what the store alone can tell is told no more."""
    if session.keeper.health().state != "unlocked":
        raise Problem("locked", "The keeper is locked.", "Unlock it with: tallyglass unlock")
    return session


def _tagged(request: Request, found: object) -> Response:
    """The answer with its tag; no body where the program has it already."""
    tag = hashlib.sha256(json.dumps(_lasting(found), sort_keys=True).encode()).hexdigest()[:32]
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    unchanged = known & {f'"{tag}"', "*"}
    reply = Response(status_code=304, headers={"Cache-Control": "no-store"}) if unchanged else as_json(found)
    reply.headers["ETag"] = f'W/"{tag}"'
    return reply


def _lasting(found: object) -> object:
    """Without what passes by itself: the same facts have the same tag at every time."""
    if isinstance(found, dict):
        return {name: _lasting(each) for name, each in found.items() if name not in _PASSING}
    return [_lasting(each) for each in found] if isinstance(found, list) else found


def _unexpected(request: Request, error: Exception) -> Response:
    """A mistake of ours. The server logs it; nothing of it is told outside."""
    del error
    if not request.url.path.startswith(BELOW):
        return PlainTextResponse("Internal Server Error", 500)
    return problem(500, "internal", "Something here went wrong: a mistake of ours.", "See the log; report it.")
