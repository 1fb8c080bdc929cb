"""What is decided of a key, and what the user is told. Pure; the decision cannot be overridden from outside.

Accepted: it may read, and is proven unable to trade, withdraw, transfer or manage. Refused: any of those is granted, or
it cannot read. Unproven: the exchange does not say enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tallyglass.exchanges.grants import DANGEROUS, Fault, FaultCode, Grants, Reason, Right, Verdict
from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper.answers import AGAIN as _AGAIN
from tallyglass.keeper.answers import Binding

_MAY: Final[dict[Right, str]] = {
    "read": "read your account",
    "trade": "trade",
    "withdraw": "withdraw funds",
    "transfer": "move funds between accounts",
    "manage": "change keys, addresses or settings of the account",
}
#: Milliseconds: less than any exchange minds, more than the measurement is off.
_CLOCK_IS_RIGHT: Final = 2_000
#: More than any exchange bears.
_CLOCK_IS_WRONG: Final = 120_000


def decide(manifest: Manifest, grants: Grants) -> Verdict:
    """The verdict on a key with these rights, with every reason for it."""
    granted = [right for right in DANGEROUS if grants.state(right) == "granted"]
    if granted or grants.read == "absent":
        reasons = [_granted(manifest, grants, right) for right in granted]
        if grants.read == "absent":
            reasons.append(_cannot_read(manifest, grants))
        return Verdict("refused", grants, tuple(reasons))
    unknown = [right for right in ("read", *DANGEROUS) if grants.state(right) != _wanted(right)]
    if unknown:
        return Verdict("unproven", grants, tuple(_not_proven(manifest, grants, unknown)))
    return Verdict("accepted", grants, tuple(_advice(manifest, grants)))


def binding(grants: Grants) -> Binding:
    """Whether the key is bound to addresses, as far as the exchange tells."""
    if grants.ip_bound:
        return Binding("yes", grants.ip_bound)
    if grants.ip_restricted or grants.ip_bound is not None:
        return Binding("yes" if grants.ip_restricted else "no")
    return Binding("unknown" if grants.ip_restricted is None else "no")


def duplicate(manifest: Manifest, connection: str) -> Reason:
    """The same account is connected already."""
    return Reason(
        "duplicate_account",
        f"This {manifest.name} account is already connected, as {connection}: its balances would count twice.",
        f"Nothing is missing. If this key is to take the place of the one that {connection} has: `tallyglass rotate "
        f"{connection}`.",
    )


def wrong_account(manifest: Manifest, connection: str) -> Reason:
    """The key answers for another account than before."""
    return Reason(
        "wrong_account",
        f"The key of {connection} now belongs to another {manifest.name} account than the one that was connected.",
        f"Disconnect it (`tallyglass disconnect {connection}`) and connect the account that you mean.",
    )


def binding_lost(manifest: Manifest, connection: str) -> Reason:
    """The key was bound to addresses and is so no more."""
    field = manifest.labels.get("ip", "the list of trusted IP addresses")
    return Reason(
        "ip_binding_lost",
        f"The key of {connection} was bound to addresses and now works from anywhere. Who was it that changed this?",
        f"If it was not you: `tallyglass compromised {connection}`. If it was, open {_page(manifest)}, put your "
        f"addresses (`tallyglass egress`) into “{field}” of this key again, then `tallyglass thaw {connection}`.",
    )


def other_account(manifest: Manifest, connection: str) -> Reason:
    """A key that was to take the place of another belongs to another account."""
    return Reason(
        "wrong_account",
        f"This key belongs to another {manifest.name} account than {connection}, so it was not accepted.",
        f"Make one in the account of {connection}. To add the other account: `tallyglass connect {manifest.id}`.",
    )


def account_not_told(manifest: Manifest, connection: str) -> Reason:
    """Whether a key that was to take the place of another is of the same account cannot be told."""
    return Reason(
        "account_not_told",
        f"{manifest.name} does not tell whether this key belongs to the same account as {connection}.",
        "If you made it in the same account, say so: run the same command once more with --same-account.",
    )


def same_key(manifest: Manifest, connection: str) -> Reason:
    """The key that was to take the place of another is the same."""
    return Reason(
        "same_key",
        f"This is the key that {connection} uses already.",
        f"Make a new one at {_page(manifest)}: tallyglass guide {manifest.id}",
    )


def _wanted(right: Right) -> str:
    return "granted" if right == "read" else "absent"


def _granted(manifest: Manifest, grants: Grants, right: Right) -> Reason:
    boxes = _boxes(manifest, grants.words.get(right, ()))
    told = f" ({boxes})" if boxes else ""
    untick = f"untick {boxes}" if boxes else f"take away every box that lets it {_MAY[right]}"
    return Reason(
        f"{right}_granted",
        f"This key may {_MAY[right]}{told}. A tracker must never hold such a key, so it was not accepted.",
        f"At {manifest.name}, open {_page(manifest)}, edit this key (or make a new one) and {untick}. {_AGAIN}",
    )


def _cannot_read(manifest: Manifest, grants: Grants) -> Reason:
    boxes = _boxes(manifest, grants.words.get("read", ()) or tuple(manifest.labels.get("tick", ())))
    return Reason(
        "read_missing",
        "This key may not read your account, so it can show nothing.",
        f"At {manifest.name}, open {_page(manifest)}, edit this key and tick {boxes or 'what lets it read'}. {_AGAIN}",
    )


def _not_proven(manifest: Manifest, grants: Grants, unknown: list[Right]) -> Iterator[Reason]:
    if grants.strange:
        names = ", ".join(f"“{word[:60]}”" for word in grants.strange[:10])
        yield Reason(
            "unknown_permission",
            f"{manifest.name} tells of permissions that this version does not know: {names}. "
            "What they allow cannot be judged.",
            f"At {manifest.name}, open {_page(manifest)} and untick whatever is not needed for reading; "
            f"if nothing more is ticked, update Tallyglass. {_AGAIN}",
        )
    dumb = [right for right in unknown if right not in manifest.proves]
    silent = [right for right in unknown if right in manifest.proves]
    if dumb:
        yield Reason(
            "not_told",
            f"{manifest.name} does not tell a key's holder whether the key may {_list(dumb)}.",
            f"Look at {_page(manifest)} that nothing but reading is ticked. If you are sure of that, you can accept "
            "the key as unproven (`--accept-unproven`); it will be shown as unproven everywhere.",
        )
    if silent and not grants.strange:
        yield Reason(
            "answer_not_understood",
            f"{manifest.name}'s answer does not say in the known form whether this key may {_list(silent)}.",
            f"Check again in a moment, and update Tallyglass if it stays so. {_AGAIN}",
        )


def _advice(manifest: Manifest, grants: Grants) -> Iterator[Reason]:
    if manifest.ip.get("allow_list", "none") != "none":
        yield from _on_addresses(manifest, binding(grants).bound)
    if grants.window is not None and grants.window != (None, None):
        yield Reason(
            "history_limited",
            "This key reads history only within a window of time: what lies outside will be missing.",
            f"At {manifest.name}, open {_page(manifest)}, edit this key and take the limit away. {_AGAIN}",
        )


def explain(manifest: Manifest, fault: Fault, offset_ms: int | None = None) -> Reason:
    """A refusal in plain words. `offset_ms`: how far the exchange's clock is ahead of ours, when it was measured."""
    fault = narrow(fault, offset_ms)
    said = f" {manifest.name} said: “{fault.said.rstrip('.')}”." if fault.said else ""
    if fault.code == "ambiguous" and fault.causes:
        causes = [_cause(manifest, each, offset_ms) for each in fault.causes]
        told = "; or ".join(f"({number}) {_lower(text)}" for number, (text, _) in enumerate(causes, 1))
        checks = "\n".join(f"({number}) {fix}" for number, (_, fix) in enumerate(causes, 1))
        text = f"{manifest.name} gives one answer for several causes: {told}"
        return Reason(fault.code, f"{text}.{said}", f"Check one after the other:\n{checks}\n{_AGAIN}")
    text, fix = _cause(manifest, fault.code, offset_ms)
    if fault.code not in _WAITS:
        fix = f"{fix} {_AGAIN}"
    if fault.retry_after:
        fix = f"{fix} It may be asked again in {fault.retry_after} s."
    return Reason(fault.code, f"{text}.{said}", fix)


def _on_addresses(manifest: Manifest, bound: str) -> Iterator[Reason]:
    field = manifest.labels.get("ip", "the list of trusted IP addresses")
    without = str(manifest.ip.get("without", ""))
    if bound == "no":
        yield Reason(
            "ip_unbound",
            f"This key works from any address in the world. {without}".strip(),
            f"At {manifest.name}, open {_page(manifest)}, edit this key and put your addresses (`tallyglass egress`) "
            f"into “{field}”. {_AGAIN}",
        )
    elif bound == "unknown":
        yield Reason(
            "ip_not_told",
            f"{manifest.name} does not tell whether this key is bound to addresses. {without}".strip(),
            f"Look yourself: at {manifest.name}, open {_page(manifest)} and see that “{field}” of this key holds your "
            "addresses (`tallyglass egress`).",
        )


def narrow(fault: Fault, offset_ms: int | None) -> Fault:
    """The fault with fewer causes, when the clock is known to be right, or to be so wrong that it explains all."""
    if fault.code != "ambiguous" or "clock" not in fault.causes or offset_ms is None:
        return fault
    if abs(offset_ms) > _CLOCK_IS_WRONG:
        return replace(fault, code="clock", causes=(), retry=True)
    if abs(offset_ms) < _CLOCK_IS_RIGHT:
        return replace(fault, causes=tuple(each for each in fault.causes if each != "clock"))
    return fault


def _cause(manifest: Manifest, code: FaultCode, offset_ms: int | None) -> tuple[str, str]:
    name, page = manifest.name, _page(manifest)
    boxes = ", ".join(f"“{box}”" for box in manifest.labels.get("tick", ())) or "what lets it read"
    if code == "clock" and offset_ms is not None:
        seconds = round(abs(offset_ms) / 1000)
        side = "behind" if offset_ms > 0 else "ahead of"
        fix = "Set it: on most systems, switch “set time automatically” on."
        return f"Your computer's clock is {seconds} s {side} {name}'s", fix
    text, fix = _CAUSES[code]
    return text.format(name=name, page=page), fix.format(name=name, page=page, boxes=boxes)


#: Here the user's hand cannot help, or only by waiting.
_WAITS: Final = frozenset(("rate_limited", "banned", "down", "not_json", "bad_request", "unknown"))
_CAUSES: Final[dict[FaultCode, tuple[str, str]]] = {
    "bad_key": (
        "{name} does not know this key: it was deleted, not copied whole, or changed places with the secret",
        "Compare it with the list at {page}; if it is not there, make a new one.",
    ),
    "bad_secret": (
        "The secret does not belong to this key, or was not copied whole",
        "The secret is shown only once: make a new key at {page} and copy both parts.",
    ),
    "ip_refused": (
        "The key is bound to other IP addresses than the one this computer uses now",
        "Open {page} and add the addresses that `tallyglass egress` shows to the key's list.",
    ),
    "clock": (
        "{name} says that the time in the request is wrong: your computer's clock is off",
        "Set it: on most systems, switch “set time automatically” on.",
    ),
    "nonce": (
        "{name} has already seen a higher request number from this key: another program uses it too",
        "Give every program a key of its own: make one at {page} for Tallyglass alone.",
    ),
    "key_expired": ("The key has expired", "Make a new one at {page} and hand that over."),
    "key_disabled": (
        "The key is switched off, or the account is locked",
        "Look at {page}: switch the key on, or ask {name}'s support about the account.",
    ),
    "wrong_region": (
        "{name} does not serve this request from your country, or the account belongs to another of its sites",
        "Check on which site of {name} the account was opened, and whether a VPN puts you elsewhere.",
    ),
    "wrong_product": (
        "The key belongs to another product of {name}, or is older than this one",
        "Make a new key at {page}, not at another of {name}'s products.",
    ),
    "not_opened": (
        "The account at {name} has no such product, or {name} lists the market no more",
        "Nothing needs to be done: there is nothing to be read. Fills of a market that is gone are in {name}'s export.",
    ),
    "gone": (
        "{name} no longer knows the row behind which reading was to go on",
        "Sync again; if it stays so: tallyglass sync --full.",
    ),
    "missing_permission": (
        "The key lacks a permission that this read needs",
        "Open {page}, edit the key and tick {boxes}, nothing more.",
    ),
    "not_active_yet": ("The key is new and not active yet", "Wait some minutes."),
    "ambiguous": (
        "{name} refused, and its answer fits several causes",
        "Check the key, its permissions and its IP list at {page}.",
    ),
    "rate_limited": ("{name} has had too many requests for now", "Wait; nothing is lost."),
    "banned": (
        "{name} has shut out this computer's address for a time",
        "Wait, and look whether another program at this address asks {name} too often.",
    ),
    "down": ("{name} cannot be reached or does not work at the moment", "Try again later; nothing is lost."),
    "not_json": (
        "Something other than {name}'s data came back: a part of an answer, or a page for people",
        "Try again later. If it stays so, look whether a proxy or a portal stands between you and {name}.",
    ),
    "bad_request": ("{name} refuses the question itself", "Update Tallyglass; if it stays so, report it."),
    "unknown": (
        "{name} refused for a reason that this version does not know",
        "Update Tallyglass; if it stays so, report it.",
    ),
}


def _boxes(manifest: Manifest, words: tuple[str, ...]) -> str:
    return ", ".join(f"“{manifest.box(word)}”" for word in words)


def _page(manifest: Manifest) -> str:
    return str(manifest.labels.get("page", "the page of your API keys"))


def _list(rights: list[Right]) -> str:
    *most, last = (_MAY[right] for right in rights)
    return f"{', '.join(most)} or {last}" if most else last


def _lower(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}" if first in ("The", "Your", "Something") else text
