"""An exchange's mail, as a file or as pasted: who sent it, when, and which times and addresses it tells. Pure.

Binance writes `2024-03-06 17:24:16(UTC)` and the address, in the subject too; the others write dates in words, mostly
with a zone. What a mail does not tell for certain stays open here: every reading of it is given.
"""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Final

from tallyglass.hygiene import addresses
from tallyglass.hygiene.addresses import TAG, Named
from tallyglass.hygiene.moments import Span, find, unread, zone_in_words

#: A mail is one when it has one of these; a pasted text may begin with `Date:` too.
_PROOF: Final = ("From", "Received", "MIME-Version", "Message-ID", "Subject")
_HEADER: Final = re.compile(r"[>\s]*(from|to|date|sent|subject|cc|reply-to):\s?(.*)", re.IGNORECASE)
#: Gives away a page, however it is sent.
_PAGE: Final = re.compile(r"</(?:[a-z]|[a-z]\w{1,9})>|<w?br ?/?>", re.IGNORECASE)
#: Not the moment that the mail is about.
_ELSEWHEN: Final = re.compile(
    r"\b(expir(es?|y)|valid|until|before|previous(ly)?|last|next|since|earlier)\b", re.IGNORECASE
)
_WHEN: Final = re.compile(r"\b(when|time|timestamp|date|at|on)\b\W*$|\b(when|time|date)\b.{0,20}$", re.IGNORECASE)
#: Between what happened and the mail about it, where the mail does not tell when it happened.
DELAY: Final = timedelta(minutes=15)
#: The same where it tells, but not in which zone.
_LATE: Final = timedelta(minutes=45)
#: By so much two clocks may differ.
_CLOCKS: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail tells."""

    #: The domain of the sender; empty when it is not there.
    sender: str
    subject: str
    text: str
    #: When it was sent.
    sent: datetime | None
    #: The addresses that it tells.
    named: Named

    @property
    def is_encrypted(self) -> bool:
        """Whether there is nothing to read: Kraken encrypts to those who gave it a key."""
        return "-----BEGIN PGP MESSAGE-----" in self.text

    @property
    def speaks_of_sign_in(self) -> bool:
        """Whether it seems to be about somebody at the website, which Tallyglass never is."""
        return (
            re.search(r"\b(log|sign)(ged|ging|ned|ning)?[ -]?(in|into|on)\b|\bnew device\b", self._all, re.IGNORECASE)
            is not None
        )

    @property
    def _all(self) -> str:
        return f"{self.subject}\n{self.text}"

    def spans(self) -> tuple[Span, ...]:
        """Every moment that it can be about: of a time without a zone, those that fit to when it was sent.

        None where it seems to tell one that cannot be read: then nothing is to be taken for it.
        """
        times = find(self._all)
        found = [(each, _context(self._all, each.at)) for each in times]
        about = [(each, label) for each, label in found if not _ELSEWHEN.search(label)]
        about = [pair for pair in about if _WHEN.search(pair[1])] or about
        if unread(self._all, times, alone=not about):
            return ()
        if not about and self.sent is not None:
            return (Span(self.sent - DELAY, self.sent + timedelta(seconds=1)),)
        spans = (
            span
            for written, _ in about
            for span in written.spans
            if self._fits(span, sure=written.has_zone or zone_in_words(self._all, written))
        )
        return tuple(dict.fromkeys(spans))

    def _fits(self, span: Span, *, sure: bool) -> bool:
        """No mail tells of what came after it; and soon after it happened."""
        if self.sent is None:
            return True
        return span.begin <= self.sent + _CLOCKS and (sure or span.begin >= self.sent - _LATE)


def read(raw: bytes) -> Mail:
    """A mail: the file of one, or what was pasted of one."""
    message = email.message_from_bytes(raw)
    if not any(message[name] for name in _PROOF):
        message = Message()
        message.set_payload(raw.decode("utf-8", "replace"))
    text, told = _beginning("\n".join(_texts(message)))
    head = {name: str(message[name] or "") for name in ("From", "Date", "Subject")}  # odd bytes make no text of it
    sender = parseaddr(_decoded(head["From"]) or told.get("from", ""))[1]
    sent = _sent(head["Date"]) or _sent(told.get("date") or told.get("sent"))
    subject = _decoded(head["Subject"]) or told.get("subject", "")
    marked = _clean(f"{subject}\n{text}")
    words = _spaced(marked)
    named = addresses.named(marked, [each.text for each in find(words)])
    return Mail(sender.rpartition("@")[2].lower(), _spaced(_clean(subject)), _spaced(_clean(text)), sent, named)


def _beginning(text: str) -> tuple[str, dict[str, str]]:
    """The text without a mail's head that was pasted or forwarded with it, and what that head told."""
    kept: list[str] = []
    told: dict[str, str] = {}
    head: list[tuple[str, re.Match[str] | None]] = []
    for line in [*text.splitlines(), ""]:
        match = _HEADER.fullmatch(line.replace(TAG, " ").strip())
        if match is not None:
            head.append((line, match))
            continue
        names = {each[1].lower() for _, each in head if each}
        if len(head) >= 3 and "from" in names and names & {"subject", "to"}:
            told = {each[1].lower(): each[2].strip() for _, each in head if each}
        else:
            kept += [each for each, _ in head]
        head = []
        kept.append(line)
    return "\n".join(kept), told


def _texts(message: Message) -> list[str]:
    found = []
    for part in message.walk():
        if part.get_content_maintype() != "text" or part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        charset = part.get_content_charset("utf-8")
        raw = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "replace")
        try:
            text = raw.decode(charset, "replace")
        except LookupError:
            text = raw.decode("utf-8", "replace")
        is_html = part.get_content_subtype() == "html" or _PAGE.search(text)
        found.append(_Plain.of(text) if is_html else text)
    return found


class _Plain(HTMLParser):
    """The words of a page, a line for each block, and a mark for every other tag."""

    _LINES: Final = frozenset(
        (
            *("address", "blockquote", "br", "div", "dd", "dl", "dt", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p"),
            *("table", "td", "th", "tr", "ul"),
        )
    )
    _TAG: Final = re.compile(r"[a-z][a-z:-]*[1-6]?")
    #: Another tag, in one that was never closed: `<IP192.0.2.9<i>0</i>`.
    _WITHIN: Final = re.compile(r"(?<=.)</?[a-z]+\s*/?>?", re.IGNORECASE)
    _HIDDEN: Final = frozenset(("head", "script", "style", "title"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    @classmethod
    def of(cls, page: str) -> str:
        """The words of this page."""
        parser = cls()
        parser.feed(page)
        parser.close()
        return "".join(parser.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._TAG.fullmatch(tag) or any(re.search(r"\d[.:]", name) for name, _ in attrs):  # `<IP 192.0.2.9>`
            self.words.append(self._WITHIN.sub(TAG, self.get_starttag_text() or ""))
        self._hidden += tag in self._HIDDEN
        self.words.append("\n" if tag in self._LINES else TAG)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self._HIDDEN and self._hidden > 0
        self.words.append("\n" if tag in self._LINES else TAG)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(re.sub(r"[\s\xa0]+", " ", data))


def _clean(text: str) -> str:
    """Lines without links and without what cannot be seen, none of them empty."""
    lines = (" ".join(line.split()) for line in addresses.plain(text).splitlines())
    return "\n".join(line for line in lines if line.strip(TAG))


def _spaced(text: str) -> str:
    """The same to be read as words."""
    return "\n".join(" ".join(line.replace(TAG, " ").split()) for line in text.splitlines())


def _decoded(header: str | None) -> str:
    try:
        return str(make_header(decode_header(header))) if header else ""
    except (LookupError, ValueError, MessageError):
        return header or ""


def _sent(header: str | None) -> datetime | None:
    """When a mail was sent; None unless it says so with its zone."""
    try:
        found = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    if found is None or (found.tzinfo is None and "-0000" not in (header or "")):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _context(text: str, at: int) -> str:
    """What stands before a place: on its line, or, where it begins the line, on a short one before it."""
    begin = text.rfind("\n", 0, at) + 1
    before = re.split(r"[,;()]|\. ", text[max(begin, at - 40) : at])
    if "".join(before).strip(" :") or not begin:
        return before[-1]
    above = text[text.rfind("\n", 0, begin - 1) + 1 : begin - 1]
    return above if len(above) <= 40 else ""
