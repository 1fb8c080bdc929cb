"""The verdict on a key, row by row, as the wizard shows it; and the words for every way in which it can end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from tallyglass.app import format as shown
from tallyglass.app.admission import Judged, for_page
from tallyglass.app.exchanges import exchange
from tallyglass.app.key_views import ReasonView
from tallyglass.app.problems import Trouble

Tone = Literal["good", "bad", "warn", "quiet"]
#: How it ended: nothing was asked yet, there is a verdict, or there could be none.
End = Literal["none", "accepted", "refused", "unproven", "trouble"]
_RIGHTS: Final = {"read": "Read", "trade": "Trade", "withdraw": "Withdraw", "transfer": "Transfer", "manage": "Manage"}
_SIGNS: Final[dict[Tone, str]] = {"good": "✓", "bad": "✕", "warn": "!", "quiet": "–"}
#: Why a key is refused that may do this, the worst last.
_WHY: Final = {
    "manage": "A key that may change keys, addresses or settings can give itself everything else.",
    "transfer": "A key that may move funds between accounts can bring them where others reach them.",
    "trade": "A key that can trade can be used to empty an account, even without the right to withdraw.",
    "withdraw": "A key that can withdraw can empty the account with one request.",
}
#: What went wrong, in a few words. `{name}`: the exchange.
_TROUBLES: Final = {
    "bad_key": "{name} does not know this key.",
    "bad_secret": "The secret does not belong to this key.",
    "ip_refused": "The key is bound to other addresses.",
    "clock": "Your computer's clock is off.",
    "nonce": "Another program uses this key.",
    "key_expired": "The key has expired.",
    "key_disabled": "The key is switched off.",
    "wrong_region": "This account belongs to another site of {name}.",
    "wrong_product": "This is a key of another product of {name}.",
    "missing_permission": "The key may not read what it must.",
    "not_active_yet": "The key is not active yet.",
    "ambiguous": "{name} refused, for one of several causes.",
    "rate_limited": "{name} asks us to wait.",
    "banned": "{name} has shut out this computer for a while.",
    "down": "{name} cannot be reached.",
    "not_json": "Something other than {name} answered.",
    "malformed_key": "This cannot be a key of {name}.",
    "no_made_key": "No key pair waits here.",
    "not_sealed": "The keeper could not open what the browser sealed.",
    "locked": "The keeper is locked.",
    "unreachable": "The keeper does not answer.",
    "keeper_down": "The keeper does not run.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a verdict. `note` may quote the exchange's labels in “”."""

    title: str
    chip: str
    tone: Tone
    note: str = ""

    @property
    def sign(self) -> str:
        """For those who see no colour."""
        return _SIGNS[self.tone]

    @property
    def colour(self) -> str:
        """Of its chip: what is as it should be needs none, unless it is what was asked for."""
        loud = self.tone in ("bad", "warn") or self.chip in ("granted", "bound")
        return self.tone if loud else "quiet"


@dataclass(frozen=True, slots=True)
class Card:
    """What the page shows of a verdict."""

    end: End
    title: str
    text: str
    rows: tuple[Row, ...] = ()
    #: The exchange's label of the page where its keys are made.
    page: str = ""
    #: Next steps, one a line.
    fixes: tuple[str, ...] = ()
    #: The user's word is needed that the account is the same.
    asks_account: bool = False
    #: The connection that has this account already.
    holder: str = ""
    #: Its rights are in the way, which no word of the user's can change.
    strict: bool = False
    #: What the last press does.
    store: str = ""
    #: A new connection, that may be given a name.
    named: bool = False
    #: Where the reader proves who he is.
    prove: str = ""
    #: The exchange.
    name: str = ""

    @property
    def said(self) -> str:
        """For who does not see it: the end, and what stands in its way."""
        wrong = "; ".join(f"{row.title}: {row.chip}" for row in self.rows if row.tone in ("bad", "warn"))
        return " ".join(filter(None, (self.title, f"{wrong}." if wrong else self.text)))


def empty(name: str) -> Card:
    """Before anything was asked."""
    return Card("none", "", "", _unasked(name), name=exchange(name).name)


def _unasked(name: str) -> tuple[Row, ...]:
    titles = [*_RIGHTS.values(), *(["Bound to our address"] if name and _lists(name) else []), "Expires", "The account"]
    return tuple(Row(title, "not asked", "quiet") for title in titles)


def card(judged: Judged, store: str) -> Card:
    """The verdict as the page shows it; `store`: what its last press does."""
    verdict, name = judged.verdict, exchange(judged.verdict["exchange"]).name
    rows = tuple(_rows(judged))
    page = str(exchange(verdict["exchange"]).labels.get("page", "the page of your API keys"))
    base = Card("refused", f"Refused. {_done(judged)}", _why(judged), rows, page, name=name)
    untold = judged.replaces and judged.account == "untold"
    if verdict["verdict"] == "refused" and not (untold and _only(verdict["reasons"], "account_not_told")):
        return replace(base, strict=True)
    if not judged.fits:
        free = "" if judged.replaces or judged.account == "same_key" else judged.holder
        return replace(base, title=f"{_NOT_THIS[judged.account]} {_done(judged)}", holder=free)
    base = replace(base, store=store, named=not judged.replaces, asks_account=untold)
    if verdict["verdict"] == "unproven":
        text = f"{name} does not tell all of what this key may do. It is taken on your word alone, or not at all."
        return replace(base, end="unproven", title=f"Not proven. {_done(judged)}", text=text)
    yet = "Nothing is changed yet." if judged.replaces else "Nothing is stored yet."
    text = f"{name} says that this key can read and do nothing else. {yet}"
    return replace(base, end="accepted", title="Read-only, by proof.", text=text)


def trouble(name: str, error: Trouble) -> Card:
    """What is shown where no verdict came about."""
    called = exchange(name).name if name else "The exchange"
    title = _TROUBLES.get(error.code, "That did not work.").format(name=called)
    fixes = tuple(filter(None, (for_page(line) for line in error.fix.split("\n"))))
    return Card(
        "trouble", f"{title} Nothing was stored.", for_page(error.text), _unasked(name), fixes=fixes, name=called
    )


def unproved(prove: str) -> Card:
    """What is shown to a reader who has to prove once more who he is."""
    text = "It is a while since you proved who you are. Do it in a new tab and come back: what you pasted stays here."
    return Card("trouble", "Is it still you? Nothing was stored.", text, prove=prove)


def _done(judged: Judged) -> str:
    return "Nothing was changed." if judged.replaces else "Nothing was stored."


#: Where the key is good, and its account in the way.
_NOT_THIS: Final = {
    "same": "Connected already.",
    "other": "Another account.",
    "same_key": "This key is in use already.",
}


def _why(judged: Judged) -> str:
    grants, name = judged.verdict["grants"], exchange(judged.verdict["exchange"]).name
    worst = next((why for right, why in reversed(_WHY.items()) if grants[right] == "granted"), "")
    if worst:
        return worst
    if grants["read"] == "absent":
        return "A key that may not read shows nothing."
    return {
        "same": f"This {name} account is connected as {judged.holder}: its balances would count twice.",
        "other": f"This key belongs to another {name} account than {judged.holder}, so it cannot take its place.",
        "same_key": f"It is the key of {judged.holder}.",
    }.get(judged.account, "; ".join(for_page(each["text"]) for each in judged.verdict["reasons"]))


def _rows(judged: Judged) -> Iterator[Row]:
    reasons = {each["code"]: each for each in judged.verdict["reasons"]}
    grants = judged.verdict["grants"]
    silent = _first(reasons, "unknown_permission", "not_told", "answer_not_understood")
    for right, title in _RIGHTS.items():
        told = grants[right]
        if told == "unknown":
            yield Row(title, "not told", "warn", silent)
            silent = ""  # once is enough
        elif right == "read":
            yield (
                Row(title, told, "good")
                if told == "granted"
                else Row(title, "missing", "bad", _fix(reasons, "read_missing"))
            )
        else:
            yield (
                Row(title, "absent", "good")
                if told == "absent"
                else Row(title, "granted", "bad", _fix(reasons, f"{right}_granted"))
            )
    yield from _bound(judged)
    yield _expires(judged)
    if "history_limited" in reasons:
        yield Row("The whole history", "limited", "warn", _fix(reasons, "history_limited"))
    yield _account(judged)


def _bound(judged: Judged) -> Iterator[Row]:
    name, ip = judged.verdict["exchange"], judged.verdict["ip"]
    manifest = exchange(name)
    if not _lists(name):
        return
    field, title = manifest.labels.get("ip", "the list of trusted addresses"), "Bound to our address"
    if ip["bound"] == "yes":
        yield Row(title, "bound", "good", ", ".join(ip["addresses"]))
    elif ip["bound"] == "no":
        without = str(manifest.ip.get("without", ""))
        text = f"Works, but a stolen key could be used from anywhere. {without} To bind it: “{field}”, step 4."
        yield Row(title, "not bound", "warn", text)
    else:
        text = f"{manifest.name} does not tell. See for yourself that “{field}” holds the addresses of step 4."
        yield Row(title, "not told", "quiet", text)


def _expires(judged: Judged) -> Row:
    at = judged.verdict["expires_at"]
    if at is not None:
        return Row("Expires", shown.day(at), "good")
    return Row("Expires", "never" if exchange(judged.verdict["exchange"]).tells["expiry"] else "not told", "quiet")


def _account(judged: Judged) -> Row:
    account, name = judged.verdict["account"], exchange(judged.verdict["exchange"]).name
    if judged.replaces:
        title = "The same account"
        return {
            "same": Row(title, short(account or "yes"), "good"),
            "other": Row(title, "another one", "bad", f"Make a key in the account of {judged.holder}."),
            "same_key": Row("A new key", "the same key", "bad", f"Make a new key at {name}, and paste that."),
        }.get(judged.account, Row(title, "not told", "warn", f"{name} does not tell whether it is the same account."))
    if judged.account == "same_key":
        return Row("A new account", "the same key", "bad", f"It is the key of {judged.holder}.")
    if judged.account == "same":
        return Row("A new account", "connected already", "bad", f"It is connected as {judged.holder}.")
    return Row("A new account", short(account), "good") if account else Row("A new account", "not told", "quiet")


def short(account: str) -> str:
    """So much of an account's id as tells it apart."""
    return account if len(account) <= 12 else f"{account[:4]}…{account[-4:]}"


def _lists(name: str) -> bool:
    return bool(exchange(name).ip.get("allow_list", "none") != "none")


def _fix(reasons: dict[str, ReasonView], code: str) -> str:
    return for_page(reasons[code]["fix"]) if code in reasons else ""


def _first(reasons: dict[str, ReasonView], *codes: str) -> str:
    return next((for_page(f"{reasons[code]['text']}") for code in codes if code in reasons), "")


def _only(reasons: list[ReasonView], code: str) -> bool:
    return [each["code"] for each in reasons] == [code]
