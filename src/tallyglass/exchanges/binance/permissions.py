"""What a Binance key may do, from `GET /sapi/v1/account/apiRestrictions`; and Binance's errors, told apart.

https://developers.binance.com/docs/wallet/account/api-key-permission
https://developers.binance.com/docs/binance-spot-api-docs/errors
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tallyglass.exchanges.grants import DANGEROUS, Fault, FaultCode, Grants, Right, State

_FLAGS: Final[Mapping[Right, tuple[str, ...]]] = {
    "read": ("enableReading",),
    "trade": (
        *("enableSpotAndMarginTrading", "enableMargin", "enableFutures", "enableVanillaOptions"),
        *("enablePortfolioMarginTrading", "enableFixApiTrade"),
    ),
    "withdraw": ("enableWithdrawals",),
    "transfer": ("permitsUniversalTransfer", "enableInternalTransfer", "enableMargin"),
    # No box of a Binance key lets it change keys or the account: absent, if nothing strange is on.
    "manage": (),
}
#: Names that give no dangerous right.
_PLAIN: Final = frozenset(("ipRestrict", "createTime", "tradingAuthorityExpirationTime", "enableFixReadOnly"))
_KNOWN: Final = _PLAIN.union(*_FLAGS.values())
_REQUIRED: Final = _KNOWN - {"tradingAuthorityExpirationTime"}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGE: Final = 4 * 1024 * 1024
_SECRETIVE: Final = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
_RETRY: Final = frozenset(("clock", "rate_limited", "banned", "down", "not_json"))

_CODES: Final[Mapping[str, FaultCode]] = {
    **dict.fromkeys(("-2008", "-2014", "-4004"), "bad_key"),
    **dict.fromkeys(("-1022", "400002"), "bad_secret"),
    "-1021": "clock",
    **dict.fromkeys(("-2015", "-1002", "-1099"), "ambiguous"),
    **dict.fromkeys(("-1003", "-1015", "-4005"), "rate_limited"),
    **dict.fromkeys(("-1000", "-1001", "-1004", "-1006", "-1007", "-1008", "-3000", "-3044"), "down"),
    "-4006": "missing_permission",
    **dict.fromkeys(("-1016", "-1020", "-1013", "-3003", "-3011", "-3025", "-3026", "-4001", "-4002"), "bad_request"),
    **dict.fromkeys(("-4047", "-6016", "-6020", "-6021", "-7001", "-7002", "-21001", "-21015"), "bad_request"),
}
#: Errors that say of one read that there is nothing to be read: the account has no margin, a market is not on margin,
#: or is listed no more (it was when we learnt of it).
_NOT_OPENED: Final[Mapping[str, tuple[str, ...]]] = {
    "-3003": ("balances.margin", "balances.isolated", "ledger.margin", "ledger.isolated", "trades.margin"),
    "-1121": ("trades", "trades.others", "trades.margin", "trades.isolated"),
    **dict.fromkeys(("-3021", "-3028"), ("trades.margin", "trades.isolated")),
}
_STATUSES: Final[Mapping[int, tuple[FaultCode, int | None]]] = {
    418: ("banned", 120),
    429: ("rate_limited", 60),
    451: ("wrong_region", None),
}
_CAUSES: Final[Mapping[str, tuple[FaultCode, ...]]] = {
    "-2015": ("bad_key", "key_expired", "ip_refused", "missing_permission", "banned"),
    "-1002": ("bad_key", "missing_permission"),
    "-1099": ("bad_key", "missing_permission"),
}
#: A key sees no futures account that was opened after it was made.
_FUTURES: Final = frozenset(("balances.usdm", "balances.coinm", "ledger.usdm", "ledger.coinm"))


class _Twice(ValueError):
    """A name stands twice in one object."""


def grants(answers: Mapping[str, bytes]) -> Grants:
    """The rights, from the bodies of `key_info` and `balances` (only its `uid` is used)."""
    account_id = _account(answers.get("balances", b""))
    told = _object(answers.get("key_info", b""))
    if told is None or "code" in told:
        return Grants(account_id=account_id)
    strange = tuple(sorted(name for name, value in told.items() if name not in _KNOWN and value is not False))
    whole = told.keys() >= _REQUIRED and not strange and _time(told["createTime"]) is not None
    whole = whole and all(isinstance(told[name], bool) for name in ("ipRestrict", "enableFixReadOnly"))
    states: dict[Right, State] = {}
    words: dict[Right, tuple[str, ...]] = {}
    for right, flags in _FLAGS.items():
        states[right] = _state(told, flags)
        if states[right] == "absent" and right in DANGEROUS and not whole:
            states[right] = "unknown"
        words[right] = _words(told, flags, states[right]) or strange
    restricted = told.get("ipRestrict")
    return Grants(
        read=states["read"],
        trade=states["trade"],
        withdraw=states["withdraw"],
        transfer=states["transfer"],
        manage=states["manage"],
        ip_bound=() if restricted is False else None,
        ip_restricted=restricted if isinstance(restricted, bool) else None,
        created_at=_time(told.get("createTime")),
        account_id=account_id,
        words={right: each for right, each in words.items() if each},
        strange=strange,
    )


def fault(read_id: str, status: int, headers: Mapping[str, str], body: bytes) -> Fault | None:
    """The refusal that an answer holds, or None. Binance's errors mean the same for every read, but a few."""
    told, readable = _peek(body)
    if status < 300 and readable and not _is_error(told):
        return None
    if status in _STATUSES:
        code, wait = _STATUSES[status]
        return _fault(code, _said(told), headers, wait=wait)
    if read_id in _NOT_OPENED.get(str(told.get("code")), ()):
        return _fault("not_opened", _said(told), headers)
    if "code" in told:
        found = _refused(told, status, headers)
        younger = found.code == "ambiguous" and read_id in _FUTURES
        return replace(found, causes=("wrong_product", *found.causes)) if younger else found
    if status == 403:  # the firewall in front of Binance answers in HTML and lets go after some minutes
        return _fault("banned", "", headers, wait=300)
    return _fault("down" if status >= 500 or status == 408 else "not_json", "", headers)


def _refused(told: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Fault:
    code, said = str(told.get("code")), _said(told)
    if code == "0" and "restricted location" in said:
        return _fault("wrong_region", said, headers)
    found: FaultCode = _CODES.get(code, "unknown")
    if found == "unknown" and re.fullmatch(r"-11\d\d", code):
        found = "bad_request"
    if found == "unknown" and status >= 500:
        found = "down"
    return _fault(found, said, headers, _CAUSES.get(code, ()), 60 if found == "rate_limited" else None)


def _fault(
    code: FaultCode, said: str, headers: Mapping[str, str], causes: tuple[FaultCode, ...] = (), wait: int | None = None
) -> Fault:
    # Binance is known to say `Retry-After: 0` while it still refuses: then our own waiting time holds.
    told = headers.get("retry-after", "").strip()
    after = int(told) if re.fullmatch(r"[0-9]{1,7}", told) and int(told) > 0 else wait
    return Fault(code, said, causes, retry=code in _RETRY, retry_after=after if code in _RETRY else None)


def _is_error(told: Mapping[str, Any]) -> bool:
    code = told.get("code")
    if isinstance(code, str):
        return code.strip("0") != "" or told.get("success") is False
    return isinstance(code, int) and code < 0


def _said(told: Mapping[str, Any]) -> str:
    for name in ("msg", "errorMessage", "message"):
        text = told.get(name)
        if isinstance(text, str) and text:
            return _SECRETIVE.sub("…", " ".join(text.split()))[:200]
    return ""


def _peek(body: bytes) -> tuple[dict[str, Any], bool]:
    """The object that a body is, empty for anything else; and whether it is whole JSON.

    A very large body is judged by its two ends: the keeper is small and the reader will decode it anyway.
    """
    if len(body) > _LARGE:
        ends = body.strip()
        return {}, (ends[:1] + ends[-1:]) in (b"{}", b"[]")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}, False
    return (told if isinstance(told, dict) else {}), isinstance(told, dict | list)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise _Twice("a name stands twice")
    return told


def _state(told: Mapping[str, Any], flags: tuple[str, ...]) -> State:
    values = [told.get(flag) for flag in flags]
    if any(value is True for value in values):
        return "granted"
    return "absent" if all(value is False for value in values) else "unknown"


def _words(told: Mapping[str, Any], flags: tuple[str, ...], state: State) -> tuple[str, ...]:
    if state == "granted":
        return tuple(flag for flag in flags if told.get(flag) is True)
    if state == "absent":
        return flags
    return tuple(flag for flag in flags if not isinstance(told.get(flag), bool))


def _account(body: bytes) -> str | None:
    uid = (_object(body) or {}).get("uid")
    return str(uid) if isinstance(uid, int) and not isinstance(uid, bool) and uid > 0 else None


def _time(value: object) -> datetime | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**14:
        return None
    return _EPOCH + timedelta(milliseconds=value)
