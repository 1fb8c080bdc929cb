"""Coinbase: what a key may do, and what a refusal means. Pure, and failing closed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tallyglass.exchanges.grants import Fault, FaultCode, Grants, State

#: The members of the answer that are documented (get-api-key-permissions): the boxes View, Trade, Transfer.
_FLAGS = ("can_view", "can_trade", "can_transfer")
_TEXTS = ("portfolio_uuid", "portfolio_type")
#: A box that the key page shows, though the documented answer has no such flag: proof only while it is false.
_BOX = "can_receive"
_TELLING = re.compile("can|perm|scope|role|right|grant|allow|access|trad|transf|withdr|send|manage", re.IGNORECASE)

_UNAUTHORIZED: tuple[FaultCode, ...] = ("bad_key", "bad_secret", "ip_refused", "clock", "not_active_yet")
_TOLD: tuple[tuple[str, FaultCode], ...] = (
    (r"key.*expired", "key_expired"),
    (r"expired|timestamp|clock|not yet valid", "clock"),
    (r"revoked|disabled", "key_disabled"),
    (r"\bips?\b", "ip_refused"),
    (r"signature", "bad_secret"),
    (r"key.*(not found|unknown|does not exist)", "bad_key"),
    (r"authentication.method", "wrong_product"),
)
_NAMES = re.compile(r"eyJ[\w.-]+|organizations/\S+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[\w+/=-]{40,}")


def grants(answers: Mapping[str, bytes]) -> Grants:
    """The rights, from the body of `key_info`. Coinbase tells no addresses, no dates and no name of the key."""
    try:
        answer = json.loads(answers.get("key_info", b""), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return Grants()
    if not isinstance(answer, dict):
        return Grants()
    strange = tuple(sorted(name for name, value in answer.items() if _strange(name, value)))
    complete = all(isinstance(answer.get(name), bool) for name in _FLAGS)
    complete = complete and all(isinstance(answer.get(name), str) and answer[name] for name in _TEXTS)
    portfolio = answer.get("portfolio_uuid")
    moves = _state(answer.get("can_transfer"), strange)
    return Grants(
        read=_state(answer.get("can_view")),
        trade=_state(answer.get("can_trade"), strange),
        withdraw=moves,
        transfer=moves,
        manage="absent" if complete and not strange else "unknown",  # nothing in this API manages keys or accounts
        account_id=portfolio if isinstance(portfolio, str) and portfolio else None,
        words={
            "read": ("can_view",),
            "trade": ("can_trade",),
            "withdraw": ("can_transfer",),
            "transfer": ("can_transfer",),
            "manage": strange,
        },
        strange=strange,
    )


def _state(flag: object, strange: tuple[str, ...] = ()) -> State:
    if flag is True:
        return "granted"
    return "absent" if flag is False and not strange else "unknown"


def _strange(name: str, value: object) -> bool:
    """Whether a member might give a right that this version does not know."""
    if name in _FLAGS or name in _TEXTS:
        return False
    if name == _BOX:
        return value is not False
    return bool(_TELLING.search(name)) or isinstance(value, bool | list | dict) or value not in (None, 0, "", "0")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def fault(read_id: str, status: int, headers: Mapping[str, str], body: bytes) -> Fault | None:
    """The refusal that an answer holds, or None when it is an answer.

    v3 errors carry `error`, `error_details`, `message`; v2 errors a list `errors` of `id` and `message`
    (coinbase-app/api-architecture/error-messages); the gate in front of both says `Unauthorized` as plain text.
    """
    answer = _object(body)
    error, said = _error(answer) if answer is not None else ("", _plain(body))
    passing = _passing(status, error)
    if passing:
        return Fault(passing, said, retry=True, retry_after=_wait(headers))
    if status == 401:
        return _unauthorized(f"{error} {said}", said)
    if answer is None:
        return Fault("not_json", said, retry=True)
    if status >= 300 or error:
        return _refused(read_id, status, error, said)
    if read_id in ("open_orders", "trades") and answer.get("proof_token_required") is True:
        return Fault("missing_permission", "proof_token_required: Coinbase wants a fresh login before it lists these.")
    return None


def _passing(status: int, error: str) -> FaultCode | None:
    """The refusals that pass by themselves."""
    if status == 429 or error in ("rate_limit_exceeded", "resource_exhausted"):
        return "rate_limited"
    if status == 418:
        return "banned"
    return "down" if status >= 500 else None


def _refused(read_id: str, status: int, error: str, said: str) -> Fault:
    if read_id == "balances.futures" and status in (400, 403, 404) and "scope" not in said.lower():
        return Fault("not_opened", said)  # it has no params: what is refused is the account
    if read_id == "ledger" and status == 404:
        return Fault("gone", said)
    if status == 403 or error in ("permission_denied", "invalid_scope"):
        return _forbidden(f"{error} {said}", said)
    if status in (400, 404) or status < 300:
        return Fault("bad_request", said, retry="not available" in said)
    return Fault("unknown", said)


def _unauthorized(text: str, said: str) -> Fault:
    for pattern, code in _TOLD:
        if re.search(pattern, text, re.IGNORECASE):
            return Fault(code, said)
    return Fault("ambiguous", said, causes=_UNAUTHORIZED)


def _forbidden(text: str, said: str) -> Fault:
    if re.search("scope", text, re.IGNORECASE):
        return Fault("missing_permission", said)
    if re.search("countr|region|jurisdiction|location", text, re.IGNORECASE):
        return Fault("wrong_region", said)
    return Fault("ambiguous", said, causes=("missing_permission", "wrong_region"))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _error(answer: Mapping[str, Any]) -> tuple[str, str]:
    """The exchange's short name of the error in lower case ('' for none), and its words."""
    errors = answer.get("errors")
    if isinstance(errors, list) and errors:
        rows = [row for row in errors if isinstance(row, dict)]
        known = str(rows[0].get("id", "")) if rows else ""
        return (known or "unknown").lower(), _clean("; ".join(str(row.get("message", "")) for row in rows) or known)
    name = str(answer.get("error") or "")
    words = [str(answer[part]) for part in ("message", "error_details") if isinstance(answer.get(part), str)]
    return name.lower(), _clean(next((each for each in words if each), name))


def _plain(body: bytes) -> str:
    text = body[:4000].decode("utf-8", "replace")
    if "<" in text:
        title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
        text = title[1] if title else ""
    return _clean(text)


def _clean(text: str) -> str:
    """At most 200 characters on one line, without anything that could name or be a key."""
    return _NAMES.sub("…", " ".join(text.split()))[:200]


def _wait(headers: Mapping[str, str]) -> int | None:
    told = headers.get("retry-after") or headers.get("x-ratelimit-reset") or ""
    return int(told) if re.fullmatch(r"\d{1,6}", told, re.ASCII) else None
