"""What a Kraken key may do, as Kraken tells it; and Kraken's refusals, told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tallyglass.exchanges.grants import DANGEROUS, Fault, FaultCode, Grants, Right, State

#: The words that the manifest's reads need.
_NEEDED = ("query-funds", "query-open-trades", "query-closed-trades", "query-ledger")
#: These read too, or open a way to what was granted otherwise.
_HARMLESS = ("export-data", "create-ws-token")
_GRANTS: Mapping[str, tuple[Right, ...]] = {
    "modify-trades": ("trade",),
    "close-trades": ("trade",),
    "withdraw-funds": ("withdraw", "transfer"),
    "earn-funds": ("transfer",),
    "add-funds": ("manage",),
    "add-withdraw-address": ("manage",),
    "update-withdraw-address": ("manage",),
}
_FIELDS = {
    *("apiKeyName", "apiKey", "nonce", "nonceWindow", "permissions", "iban", "validUntil", "queryFrom", "queryTo"),
    *("createdTime", "modifiedTime", "ipAllowlist", "lastUsed"),
}
#: Without these the answer does not tell all that the key may do, when and from where.
_TELLING = ("permissions", "validUntil", "ipAllowlist")
_AGAIN: frozenset[FaultCode] = frozenset(("nonce", "rate_limited", "banned", "down", "not_json"))
#: Beginnings of error strings, without blanks and in lower case, the longer before the shorter.
#: https://docs.kraken.com/api/docs/guides/spot-errors
_FAULTS: tuple[tuple[str, FaultCode], ...] = (
    ("eapi:invalidsignature", "bad_secret"),
    ("eapi:invalidnonce", "nonce"),
    ("eapi:ratelimitexceeded", "rate_limited"),
    ("eapi:", "bad_request"),
    ("eauth:ratelimitexceeded", "rate_limited"),
    ("eauth:toomanyrequests", "rate_limited"),
    ("eauth:failed", "bad_key"),
    ("eauth:account", "key_disabled"),
    ("eaccount:invalidpermissions", "wrong_region"),
    ("egeneral:permissiondenied", "missing_permission"),
    ("egeneral:temporarylockout", "banned"),
    ("egeneral:toomanyrequests", "rate_limited"),
    ("egeneral:internalerror", "down"),
    ("egeneral:invalidarguments", "bad_request"),
    ("egeneral:unknownmethod", "bad_request"),
    ("edatabase:", "down"),
    ("eservice:throttled", "rate_limited"),
    ("eservice:", "down"),
    ("esession:", "bad_request"),
    ("equery:", "bad_request"),
    ("eorder:", "bad_request"),
    ("etrade:", "bad_request"),
    ("efunding:", "bad_request"),
)
#: Kraken has one string for several causes.
_MIXED: Mapping[str, tuple[FaultCode, ...]] = {
    "eapi:invalidkey": ("bad_key", "key_expired", "ip_refused", "wrong_product"),
}
#: The read of the key's rights needs no right itself and exists everywhere but in some regions.
_MIXED_INFO: Mapping[str, tuple[FaultCode, ...]] = {
    "egeneral:permissiondenied": ("ip_refused", "missing_permission"),
    "egeneral:unknownmethod": ("wrong_region", "bad_request"),
}
_LOCKOUT_SECONDS = 900


class _Twice(ValueError):
    pass


def grants(answers: Mapping[str, bytes]) -> Grants:
    """The rights from GetApiKeyInfo, whose fields are spelled in camel or in snake case.

    https://docs.kraken.com/api-reference/account-data/get-api-key-info
    """
    info = _info(answers.get("key_info", b""))
    given = info.get("permissions")
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        return Grants()
    known = {*_NEEDED, *_HARMLESS, *_GRANTS}
    strange = [word[:80] for word in given if word not in known]
    # A new field that says anything at all may be a right that this version does not know.
    strange += [name[:80] for name, value in info.items() if name not in _FIELDS and not _empty(value)]
    doubtful = bool(strange) or any(name not in info for name in _TELLING)
    words: dict[Right, tuple[str, ...]] = {
        right: tuple(word for word in _GRANTS if word in given and right in _GRANTS[word]) for right in DANGEROUS
    }
    missing = tuple(word for word in _NEEDED if word not in given)
    words["read"] = missing or tuple(word for word in (*_NEEDED, *_HARMLESS) if word in given)
    addresses = _addresses(info.get("ipAllowlist"))
    since, until = _time(info.get("queryFrom")), _time(info.get("queryTo"))
    return Grants(
        read="absent" if missing else "granted",
        trade=_state(words["trade"], doubtful=doubtful),
        withdraw=_state(words["withdraw"], doubtful=doubtful),
        transfer=_state(words["transfer"], doubtful=doubtful),
        manage=_state(words["manage"], doubtful=doubtful),
        ip_bound=addresses,
        ip_restricted=None if addresses is None else bool(addresses),
        created_at=_time(info.get("createdTime")),
        expires_at=_time(info.get("validUntil")),
        account_id=_text(info.get("iban")),
        label=_text(info.get("apiKeyName")),
        window=(since, until) if since or until else None,
        words={right: found for right, found in words.items() if found},
        strange=tuple(dict.fromkeys(strange)),
    )


def fault(read_id: str, status: int, headers: Mapping[str, str], body: bytes) -> Fault | None:
    """The refusal in an answer. Kraken's own errors have status 200; others come from what stands in front of it."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return _not_json(status, headers, body)
    errors = answer.get("error") if isinstance(answer, dict) else None
    told = errors if isinstance(errors, list) and all(isinstance(each, str) for each in errors) else None
    said = next((each for each in told or () if not each.startswith("W")), "")
    if said:
        return _told(read_id, said, headers)
    if status in (418, 429) or status >= 500:
        return _make("down" if status >= 500 else "rate_limited", "", _seconds(headers))
    if status != 200 or told is None:
        return _make("unknown", f"status {status}, without an error of Kraken")
    return None


def _told(read_id: str, said: str, headers: Mapping[str, str]) -> Fault:
    plain = "".join(said.split()).lower()
    mixed = {**_MIXED, **_MIXED_INFO} if read_id == "key_info" else _MIXED
    causes = next((causes for start, causes in mixed.items() if plain.startswith(start)), ())
    if causes:
        return Fault("ambiguous", _clean(said), causes)
    code: FaultCode = next((code for start, code in _FAULTS if plain.startswith(start)), "unknown")
    wait = _seconds(headers)
    if code == "banned" and wait is None:
        wait = _LOCKOUT_SECONDS
    return _make(code, said, wait)


def _not_json(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    title = re.search(rb"<title>([^<]{1,300})", body[:5000], re.IGNORECASE)
    said = " ".join(title[1].decode("utf-8", "replace").split()) if title else ""
    if status >= 500:
        return _make("down", said, _seconds(headers))
    if status in (418, 429):
        return _make("rate_limited", said, _seconds(headers))
    if status == 403:
        return _make("banned", said, _seconds(headers))
    return _make("not_json", said)


def _make(code: FaultCode, said: str, wait: int | None = None) -> Fault:
    again = code in _AGAIN
    return Fault(code, _clean(said), retry=again, retry_after=wait if again else None)


def _clean(said: str) -> str:
    # Kraken repeats no key in its errors; should it ever, a long word of key letters does not pass.
    return re.sub(r"[A-Za-z0-9+/=]{32,}", "…", said)[:200]


def _seconds(headers: Mapping[str, str]) -> int | None:
    told = headers.get("retry-after", "").strip()
    return int(told) if told.isdecimal() and len(told) < 6 else None


def _info(body: bytes) -> dict[str, Any]:
    """The fields in camel case; empty for what is no clean answer."""
    try:
        answer = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return {}
    result = answer.get("result") if isinstance(answer, dict) and answer.get("error") == [] else None
    if not isinstance(result, dict):
        return {}
    fields = [(re.sub(r"_([a-z])", lambda m: m[1].upper(), name), value) for name, value in result.items()]
    return dict(fields) if len({name for name, _ in fields}) == len(fields) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Twice("a field stands twice")
    return dict(pairs)


def _empty(value: Any) -> bool:
    return value in (None, False, 0, "", "0", [], {})


def _state(words: tuple[str, ...], *, doubtful: bool) -> State:
    if words:
        return "granted"
    return "unknown" if doubtful else "absent"


def _addresses(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(each.strip() for each in value if each.strip())


def _time(value: Any) -> datetime | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and 0 < len(value) <= 11 and int(value):
        return datetime.fromtimestamp(int(value), UTC)
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
