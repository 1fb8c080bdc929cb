"""Addresses as mails write them: found in a text, and whether there is one that cannot be read for certain. Pure.

What stands right beside an address decides whether it is whole: only what is known to end one does. Everything else,
and all that merely looks like an address, is a doubt, and with a doubt nobody is told that it was us.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address

#: Stands where a page has a tag within a line, which shows as nothing or as a gap.
TAG: Final = "\ue000"

_LINK: Final = re.compile(r"\bhttps?://\S+", re.IGNORECASE)
#: `192[.]0[.]2[.]9`, `192(dot)0`, `2001[:]db8`, `192\.0`.
_DEFANGED: Final = re.compile(r"\s?[\[({<]\s?(\.|:|dot)\s?[\])}>]\s?|\\(\.|:)", re.IGNORECASE)
_V6: Final = re.compile(r"(?<![0-9a-f:.])[0-9a-f:.]*:[0-9a-f.]*:[0-9a-f:.]*", re.IGNORECASE)
_V4: Final = re.compile(r"(?<!\d)(?<!\d\.)\d+(?:\.\d+){3,}")
#: What may follow an address: the end, a gap, a bracket, a port, words.
_AFTER: Final = re.compile(
    rf"$|[\s,;)\]}}>\"'`|(<{TAG}”’]|\.(?:\W|$)|\s?[–—]|-[^\W\d]|/(?:32|128)\b|:(?:\d{{1,5}}(?![\w:.])|\D|$)|%\w"
)
_BEFORE: Final = re.compile(rf"(?:^|[\s,;([{{<\"'`|:=/@>{TAG}“‘–—]|[^\W\d]|[^\W\d]-)$")
_CLOCK: Final = re.compile(r"\d{1,2}(?::\d\d){1,2}(?:[.,]\d+)?")
#: A group of digits, or what hides one.
_GROUP = r"(?:(?:25[0-5]|2[0-4]\d|[01]?\d?\d)(?!\d)|[*xX#•?…]{1,3})"
_LOOSE: Final = re.compile(
    rf"{_GROUP}\s{{0,2}}(?P<by>[^\w\s]{{1,3}}|dot)\s{{0,2}}{_GROUP}(?:\s{{0,2}}(?P=by)\s{{0,2}}{_GROUP}){{2}}"
    r"|\d{1,3}\.\d{1,3}\.[*xX#•…]|\d+(?:\.\d+){3}",
    re.IGNORECASE,
)
_BESIDE_A_TAG: Final = re.compile(r"[0-9a-f.:]*", re.IGNORECASE)
#: `Chrome 120.0.0.0`, `Version 17.1.2.3`.
_PROGRAM: Final = re.compile(
    r"(?:chrome|safari|firefox|edge?|opera|opr|version|android|ios|windows|mac ?os|app)[ /:]{0,2}v?$", re.IGNORECASE
)
#: `120.0.0.0`, `120.0.6099.71`: what browsers call themselves, and nobody's address.
_VERSION: Final = re.compile(r"\d+\.0\.0\.0|\d+\.\d+\.\d{4,}\.\d+")
#: The first groups of an address that is in use, in a link.
_V6_IN_LINK: Final = re.compile(r"[23][0-9a-f]{3}:[0-9a-f]{0,4}:", re.IGNORECASE)
_IP = r"(?<![a-z])ip(?:[ -]?v[46])?(?![a-z])"
_IP_NAME = rf"{_IP}(?:[ -]?(?:addr\w*|adres\w*|number|nummer))?"
#: What stands before the address that a mail is about.
_LABEL: Final = re.compile(
    rf"(?:{_IP_NAME}\s?(?:\([^)\n]{{0,20}}\))?|(?<![a-z])(?:from|where|location|von|ort|wo|standort|lieu|ubicación))"
    r"\W{0,6}(?:(?:is|was|ist|war)\b)?\W{0,4}$",
    re.IGNORECASE,
)
#: An address that is called so must follow.
_CALLED: Final = re.compile(
    rf"{_IP_NAME}\s?(?:\([^)\n]{{0,20}}\)\s?)?{TAG}*[ ]?{TAG}*[:=](?!:)"
    rf"|^[^\w\n]*(?:[^\W\d]+ ){{0,2}}{_IP_NAME}[^\w\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
#: Not where it happened.
_ELSEWHERE: Final = re.compile(
    r"\b(usual(ly)?|known|trusted|registered|normal|regular|saved|allow\w*|whitelist\w*|previous(ly)?|last|earlier|before"
    r"|not|other than|old)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """The addresses that a text names."""

    #: What may be the one that is meant; None among them: perhaps none of these is.
    meant: tuple[Address | None, ...] = ()
    #: The others.
    beside: tuple[Address, ...] = ()
    #: It names one that cannot be read, or not for certain, or not whole.
    doubt: bool = False
    #: Those beside of which no word says that they are another's or of another time.
    perhaps: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    at: int
    end: int
    #: None: it cannot be read.
    address: Address | None


def address(text: str) -> Address | None:
    """An address, however it is written; an IPv4 address within IPv6 is that IPv4 address. None: it is none."""
    try:
        found = ip_address(text.strip().strip("[]()<>,;.").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def named(text: str, times: Iterable[str]) -> Named:
    """What a text names. `times`: what stands in it of times, which are no addresses."""
    for each in times:
        written = rf"[\s{TAG}]+".join(map(re.escape, each.split()))
        text = re.sub(rf"(?<![\d.]){written}(?!\.?\d)", lambda found: re.sub(r"[^\n]", "\t", found[0]), text)
    candidates = list(_found(text))
    found = [each for each in candidates if not _is_version(text, each)]
    read = [(each, each.address) for each in found if each.address is not None]
    about = [(each, label) for each, _ in read if _LABEL.search(label := _label(text, each.at))]
    about = [(each, label) for each, label in about if not _ELSEWHERE.search(label)]
    elsewhere = any(_ELSEWHERE.search(_label(text, each.at)) for each, _ in read)
    called = {each.at for each, _ in about}
    meant: list[Address | None] = [told for each, told in read if each.at in called]
    if not meant and read:
        meant = [*(told for _, told in read), None]
    doubt = (
        len(read) < len(found) or _is_missed(text, read) or _is_loose(text, candidates) or (elsewhere and not called)
    )
    beside = [(each, told) for each, told in read if told not in meant]
    perhaps = [told for each, told in beside if not _ELSEWHERE.search(_label(text, each.at))]
    doubt = doubt or (not read and _speaks(text))
    others = dict.fromkeys(told for _, told in beside)
    return Named(tuple(dict.fromkeys(meant)), tuple(others), doubt, tuple(dict.fromkeys(perhaps)))


def plain(text: str) -> str:
    """The text in the signs that addresses are written in, without what cannot be seen, and of links what they name."""
    text = unicodedata.normalize("NFKC", text).translate({0x3002: ".", 0xFF61: ".", 0x066B: "."})
    kept = (
        str(unicodedata.decimal(each)) if each.isdecimal() else each
        for each in text
        if each in "\n\t\r" or _shown(each)
    )
    told = _DEFANGED.sub(lambda found: ":" if ":" in found[0] else ".", "".join(kept))
    return _LINK.sub(_of_link, told)


def _shown(sign: str) -> bool:
    return sign == TAG or (unicodedata.category(sign) not in ("Cc", "Cf", "Co") and sign != "\u034f")


def _of_link(link: re.Match[str]) -> str:
    """Only what must be an address: the codes of links look like some."""
    told = link[0].replace(TAG, "")
    parts = [address(each) for each in re.split(r"[/?=&#@]", told)]
    hosts = [str(each) for each in parts if each and (each.version == 4 or each in ip_network("2000::/3"))]
    odd = [] if hosts or not (_LOOSE.search(told) or _V6_IN_LINK.search(told)) else ["*.*.*.0"]
    begun = re.search(r"/(\d{1,3}[,-]?)$", told)  # `…/192, 0, 2, 9`
    return " ".join(["", *hosts, *odd, begun[1] if begun and not hosts else ""])


def _found(text: str) -> Iterator[_Found]:
    rest = text
    for match in _V6.finditer(text):
        each = _v6(text, match)
        if each is not None:
            rest = rest[: each.at] + " " * (each.end - each.at) + rest[each.end :]
            yield each
    for match in _V4.finditer(rest):
        yield _Found(match.start(), match.end(), _whole(text, match.start(), match.end()))


def _v6(text: str, match: re.Match[str]) -> _Found | None:
    """None: it is something else, such as a time, or an IPv4 address between two colons."""
    at, end = match.span()
    word = re.match(r"[a-z]+(?=:)", match[0], re.IGNORECASE)
    if word:  # `Date:2001:db8::9`
        at += word.end()
    if text.startswith(":", at) and not text.startswith("::", at):
        at += 1
    while end > at and (text[end - 1] == "." or (text[end - 1] == ":" and text[end - 2 : end - 1] != ":")):
        end -= 1
    told = text[at:end]
    if told.count(":") < 2 and not (match[0].endswith(":") and ":" in told and not _CLOCK.fullmatch(told)):
        return None
    if not re.search(r"[0-9a-f]", told, re.IGNORECASE) or _CLOCK.fullmatch(told):
        return None
    port = re.fullmatch(r"((?:::ffff:)?\d+(?:\.\d+){3}):\d{1,5}", told)
    return _Found(at, end, address(port[1]) if port else _whole(text, at, end))


def _whole(text: str, at: int, end: int) -> Address | None:
    """The address, if nothing beside it can be a part of it."""
    if not (_BEFORE.search(text[max(0, at - 2) : at]) and (_AFTER.match(text, end) or _words(text, at, end))):
        return None
    before, after = text[:at].rstrip(TAG), text[end:].lstrip(TAG)
    if len(before) < at and re.search(r"(?:^|[^0-9a-z])[0-9a-f.:]*[0-9a-f.]$", before[-12:], re.IGNORECASE):
        return None
    if len(text) - len(after) > end:
        beside = re.match(r"[0-9a-z.:]*", after, re.IGNORECASE)
        told = beside[0].rstrip(".:") if beside else ""
        if (told and _BESIDE_A_TAG.fullmatch(told)) or re.match(r"[.:-]\w", after):
            return None
    return address(text[at:end])


def _words(text: str, at: int, end: int) -> bool:
    """Whether letters follow, which no IPv4 address has."""
    return ":" not in text[at:end] and text[end : end + 1].isalpha()


def _is_version(text: str, found: _Found) -> bool:
    """Whether it is a program's version: the line calls it so, and no user has such an address."""
    line = text[max(0, found.at - 40) : found.at].rpartition("\n")[2].rpartition(TAG)[2]
    return _PROGRAM.search(line) is not None and _VERSION.fullmatch(text, found.at, found.end) is not None


def _label(text: str, at: int) -> str:
    """What stands before a place: on its line, or, where it begins the line, on a short one before it."""
    begin = text.rfind("\n", 0, at) + 1
    before = text[max(begin, at - 40) : at].replace(TAG, " ")
    if re.search(r"\w", before) or not begin:
        return re.split(r"[,;]|\. ", before.rstrip(" ,;"))[-1]
    above = text[text.rfind("\n", 0, begin - 1) + 1 : begin - 1].replace(TAG, " ")
    return f"{above}\n" if len(above) <= 40 else ""


def _is_missed(text: str, read: list[tuple[_Found, Address]]) -> bool:
    """Whether something is called an address and none stands there."""
    for match in _CALLED.finditer(text):
        gap = re.compile(r"(?:\W|(?:is|was)\b)*").match(text, match.end())
        if gap and not any(match.end() <= each.at <= gap.end() for each, _ in read):
            return True
    return False


def _is_loose(text: str, found: list[_Found]) -> bool:
    """Whether something else looks like an address: masked, with other signs between, broken off."""
    for each in found:
        text = text[: each.at] + "\t" * (each.end - each.at) + text[each.end :]
    text = text.replace(TAG, "")
    return any(re.search(r"\d", match[0]) for match in _LOOSE.finditer(text))


def _speaks(text: str) -> bool:
    return re.search(_IP, text, re.IGNORECASE) is not None
