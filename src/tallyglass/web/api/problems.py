"""Answers of the API: JSON, and problems as RFC 9457 writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from tallyglass.app.problems import Problem, Trouble
from tallyglass.app.visible import escaped
from tallyglass.keeper.client import KeeperError, Locked, Unreachable

#: What was asked for is not there; any other problem is one of the question.
_NONE: Final = ("no_such_entry", "no_targets")


def told(status: int, code: str, detail: str, fix: str = "") -> dict[str, str | int]:
    """A problem as it is told."""
    return {
        "type": f"urn:tallyglass:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"fix": fix} if fix else {}),
    }


def problem(status: int, code: str, detail: str, fix: str = "") -> Response:
    """An error as RFC 9457 writes it; `fix` is the next step."""
    return as_json(told(status, code, detail, fix), status, "application/problem+json")


def unknown(status: int, headers: Mapping[str, str] | None) -> Response:
    """The answer where there is no such address, or it is not asked so."""
    text = "The API has no such address, or it is not asked so."
    answer = problem(status, "no_such_address", text, "See docs/api.md.")
    answer.headers.update(headers or {})
    return answer


def refusal(error: Trouble) -> Response:
    """The answer for what the house could not do."""
    code = getattr(error, "code", "internal")
    if isinstance(error, Locked | Unreachable) or code in ("locked", "keeper_down", "new"):
        return problem(503, code, error.text, error.fix)
    if code in _NONE:
        return problem(404, code, error.text, error.fix)
    return problem(status_of(error), code, error.text, error.fix)


def status_of(error: Trouble) -> int:
    """400 for what was asked or given wrongly (a passphrase too), 500 for what is wrong here."""
    asked = isinstance(error, Problem) or (isinstance(error, KeeperError) and error.status < 500)
    return 400 if asked else 500


def as_json(value: object, status: int = 200, kind: str = "application/json") -> Response:
    """An answer that nobody keeps but who asked for it."""
    content = escaped(json.dumps(value, ensure_ascii=False))
    return Response(content, status, {"Cache-Control": "no-store"}, media_type=kind)
