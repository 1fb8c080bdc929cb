"""Answers of the API: JSON, and problems as RFC 9457 writes them."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.responses import Response

from tallyglass.app.problems import Problem, Trouble
from tallyglass.keeper.client import Locked, Unreachable


def problem(status: int, code: str, detail: str, fix: str = "") -> Response:
    """An error as RFC 9457 writes it; `fix` is the next step."""
    told = {
        "type": f"urn:tallyglass:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"fix": fix} if fix else {}),
    }
    return as_json(told, status, "application/problem+json")


def refusal(error: Trouble) -> Response:
    """The answer for what the house could not do."""
    code = getattr(error, "code", "internal")
    if isinstance(error, Locked | Unreachable) or code in ("locked", "keeper_down"):
        return problem(503, code, error.text, error.fix)
    return problem(400 if isinstance(error, Problem) else 500, code, error.text, error.fix)


def as_json(value: object, status: int = 200, kind: str = "application/json") -> Response:
    """An answer that nobody keeps."""
    content = json.dumps(value, ensure_ascii=False)
    return Response(content, status, {"Cache-Control": "no-store"}, media_type=kind)
