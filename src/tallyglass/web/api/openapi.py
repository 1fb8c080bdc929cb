"""The API told to programs: OpenAPI 3.1, made from the addresses and from the types that the app promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tallyglass import __version__
from tallyglass.web.api.addresses import ADDRESSES, Address
from tallyglass.web.api.parameters import Param
from tallyglass.web.api.problems import told

#: Real answers of the sandbox, with their lists cut short.
EXAMPLES: Final = Path(__file__).with_name("examples.json")
ABOUT: Final = (
    "What the commands tell with `--json`, and nothing else: it only reads. Money is text and exact. Times are"
    " RFC 3339 in UTC. Where something is missing, `complete` is false and `causes` name it. Nobody outside is asked."
)

_REF: Final = "#/components/schemas/{name}"
_ETAG: Final = {"description": "Stays as long as the facts do.", "schema": {"type": "string"}, "example": 'W/"5f2a"'}
_LINK: Final = {"description": "Where the next part is, if there is one.", "schema": {"type": "string"},
                "example": '</api/v1/transfers?after=5f2a>; rel="next"'}  # fmt: skip

#: What may come instead, with the words of one such problem; those without a code are refused before any page is asked.
_PROBLEMS: Final[Mapping[int, tuple[str, str, str, str]]] = {
    400: ("A parameter is wrong.", "usage", "'soon' is no day.", "Write it as 2026-01-31."),
    401: ("No session or token, or it has ended.", "no_session", "There is no session.", "Enter by `tallyglass up`."),
    404: ("There is none.", "no_such_entry", "No entry 'kraken/X'.", "See: tallyglass history --ids"),
    405: ("Not GET.", "no_such_address", "The API has no such address, or it is not asked so.", "See docs/api.md."),
    500: ("A mistake of ours, or a broken journal.", "internal", "Something here went wrong.", "Report it."),
    503: ("Locked, or the keeper is not there.", "locked", "The keeper is locked.", "Run: tallyglass unlock"),
}  # fmt: skip
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    403: ("Another page asks, or a token that is not for this.", "Another page may not ask this.\n"),
    411: ("A body without its length.", "Say how long it is.\n"),
    413: ("A body that is too large.", "That is too large.\n"),
    421: ("Another host's name.", "This program answers on its own address only.\n"),
}


def document(cookie: str) -> dict[str, Any]:
    """The whole document. `cookie`: the name of the session's."""
    kinds = [kind for each in ADDRESSES.values() for kind in (each.answer, each.otherwise) if kind is not None]
    _, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tallyglass", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"session": []}, {"token": []}],
        "paths": {
            f"/api/v1/{path}": {"get": _operation(path, address, examples.get(path))}
            for path, address in ADDRESSES.items()
        },
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "responses": {
                **{str(status): _problem(status, *words) for status, words in _PROBLEMS.items()},
                **{str(status): _refusal(*words) for status, words in _REFUSALS.items()},
                "403": _forbidden(),
                "304": {"description": "Nothing has changed since.", "headers": {"ETag": _ETAG}},
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "token": {"type": "http", "scheme": "bearer", "description": "Reads what it was made for: its scopes."},
            },
        },
    }


def _schema(address: Address) -> Mapping[str, Any]:
    kinds = [kind for kind in (address.answer, address.otherwise) if kind is not None]
    found, _ = msgspec.json.schema_components(kinds, ref_template=_REF)
    return found[0] if len(found) == 1 else {"anyOf": list(found)}


def _operation(path: str, address: Address, example: object) -> dict[str, Any]:
    others = (304, *_PROBLEMS, *_REFUSALS)
    headers = {"ETag": _ETAG, **({"Link": _LINK} if path in ("transfers", "unparsed") else {})}
    content = {"application/json": {"schema": _schema(address), "example": example}}
    return {
        "operationId": path.replace("/{id}", "-entry").replace("/", "-"),
        "summary": address.title,
        "tags": [address.scope],
        "security": [{"session": []}, {"token": [address.scope]}],
        "parameters": [*(_parameter(param, path) for param in address.params), _IF_NONE_MATCH],
        "responses": {
            "200": {"description": address.title, "headers": headers, "content": content},
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in others},
        },
    }


def _parameter(param: Param, path: str) -> dict[str, Any]:
    of_path = f"{{{param.name}}}" in path
    return {
        "name": param.name,
        "in": "path" if of_path else "query",
        "required": of_path or param.required,
        "description": param.text,
        "schema": param.schema,
        "example": param.example,
    }


_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an answer that is there already.",
    "schema": {"type": "string"},
    "example": 'W/"5f2a"',
}

_PROBLEM: Final = {
    "title": "Problem",
    "description": "An error as RFC 9457 writes it.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "pattern": "^urn:tallyglass:problem:[a-z_]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "fix": {"type": "string", "description": "The next step, where there is one."},
    },
    "required": ["type", "title", "status", "detail"],
}


def _problem(status: int, description: str, code: str, detail: str, fix: str) -> dict[str, Any]:
    example = told(status, code, detail, fix)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema, "example": example}}}


def _refusal(description: str, text: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}, "example": text}}}


def _forbidden() -> dict[str, Any]:
    """Refused at one of two doors, each with words of its own."""
    fix = "Make one that may, or ask for what this one may."
    by_token = _problem(403, _REFUSALS[403][0], "token_scope", "This token reads: worth.", fix)
    return {**by_token, "content": {**by_token["content"], **_refusal(*_REFUSALS[403])["content"]}}
