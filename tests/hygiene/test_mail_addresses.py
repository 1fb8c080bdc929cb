"""Addresses in mails, however they are written: never a yes for another's, no guess where one cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.letters import BESIDE_OURS, CERTAIN, OPEN, spellings
from tallyglass.hygiene import mail, was_it_me
from tallyglass.hygiene.was_it_me import Question, Record, Use

NOON = datetime(2025, 5, 5, 12, 0, tzinfo=UTC)
TIME = "Time: 2025-05-05 12:00:20 (UTC)"
#: One of each family; the others begin as ours do, or end so.
OURS = ("203.0.113.7", "2001:db8:5::7")
THEIRS = ("192.0.2.9", "203.0.113.70", "3.0.113.7", "2001:db8:5::78", "2001:db8::9", "198.51.100.203")


def verdict(text: str, *ours: str, at: datetime = NOON) -> str:
    """The answer to a mail about a moment at which a key was used from these addresses, or at another."""
    page = "</" in text
    head = f"Subject: a new device\nContent-Type: text/{'html' if page else 'plain'}; charset=utf-8\n\n"
    told = mail.read(f"{head}{text}".encode())
    uses = tuple(Use(at, "kraken", "balances", "200", each) for each in ours or OURS)
    named = told.named
    asked = Question(told.spans(), named.meant, named.beside, named.doubt, perhaps=named.perhaps)
    return was_it_me.answer(asked, Record(uses), NOON + timedelta(hours=1)).verdict


def letter(shape: str, ip: str, ours: str = OURS[0]) -> str:
    line = "<br>" if "</" in shape + ip else "\n"
    return f"{TIME}{line}{shape.format(ip=ip, ours=ours)}"


@pytest.mark.parametrize("shape", CERTAIN)
def test_an_address_that_is_called_so_has_its_answer(shape: str) -> None:
    for ip in (*OURS, *THEIRS):
        text = letter(shape, ip)
        assert verdict(text) == ("yes" if ip in OURS else "no"), text


@pytest.mark.parametrize("shape", BESIDE_OURS)
def test_the_address_that_is_meant_is_told_from_the_usual_one(shape: str) -> None:
    for ip in THEIRS:
        assert verdict(letter(shape, ip)) == "no", ip


@pytest.mark.parametrize("shape", OPEN)
def test_which_is_meant_or_what_it_says_cannot_be_told(shape: str) -> None:
    for ip in THEIRS:
        text = letter(shape, ip)
        assert verdict(text) == "cannot_tell", text
        assert verdict(text, at=NOON - timedelta(hours=3)) == "no", "no key was used at all"


@pytest.mark.parametrize("ip", [*OURS, *THEIRS])
def test_ports_brackets_and_defanged_forms_are_understood_and_hidden_parts_are_not_guessed(ip: str) -> None:
    for readable, written in spellings(ip).items():
        for each in written:
            expected = ("yes" if ip in OURS else "no") if readable else "cannot_tell"
            assert verdict(letter("IP address: {ip}", each)) == expected, each


@pytest.mark.parametrize(
    "told",
    [
        *("IP: 192.0.2.66:51234", "<strong>IP Address</strong><span>192.0.2.9</span>", "Seen at 192.0.2.9-Paris"),
        *(
            "<strong>IP Address</strong><span>2001:db8::9</span>",
            "Where? 192[.]0[.]2[.]9",
            "IP:192.0.2.9Location: Paris",
        ),
        *("IP: \uff11\uff19\uff12.0.2.9", "IP: 192\u3002 0.2.9", "IP: 1\u200b92.0.2.9", "IP: ::ffff:192.0.2.9:443"),
        *("Address 3221225993, IP unknown", "ip-192-0-2-9.example.org", "192 dot 0 dot 2 dot 9", "IP: 192.0.2.009"),
        *("from 49.36.*.*", "from 49.36.xxx.xxx", "Host 2001:db8:xxxx::", "2001:db8:<wbr>:9", "49.36.<b>*</b>.*"),
        *(
            "<IP 192.0.2.9> <b>Paris</b>",
            "IP: 203.0.113.7<b>0</b>",
            "see https://example.org/x2001:db8::9",
            "last 192.0.2.9",
        ),
        *("IP address:", "IP Address\nParis", "A new IP address was seen, which we do not show", "192.0.\n2.9"),
    ],
)
def test_no_shape_of_a_foreign_address_makes_it_ours(told: str) -> None:
    assert verdict(f"{TIME}\n{told}") in ("no", "cannot_tell")


def test_a_mail_that_names_none_is_answered_by_its_time() -> None:
    for told in ("Your API key was used.", "Location: Paris", "Device: Chrome V120.0.0.0 (Windows)", "at 12:00:20"):
        assert verdict(f"{TIME}\n{told}") == "yes", told
        assert verdict(f"{TIME}\n{told}", at=NOON - timedelta(hours=3)) == "no", told


ADDRESSES = [(ip, each) for ip in THEIRS for written in spellings(ip).values() for each in written if " " not in each]
AROUND = (
    *(
        "IP",
        "IP address",
        "IP-Adresse",
        "Where",
        "from",
        "Version ",
        "Chrome ",
        "App/",
        "previously ",
        "usual ",
        "on ",
        "v",
    ),
    *(
        ": ",
        ":",
        " ",
        "\n",
        "\t",
        "-",
        " - ",
        "/",
        "(",
        ")",
        "[",
        "]",
        "=",
        ",",
        ";",
        ".",
        ". ",
        "|",
        "*",
        "@",
        "#",
        "_",
        "%",
    ),
    *(
        "<b>",
        "</b>",
        "<br>",
        "<span>",
        "</span>",
        "<td>",
        "</td>",
        "<!-- x -->",
        "&nbsp;",
        "\u200b",
        "\u00ad",
        "=\n",
        "0",
        "7",
        "a",
    ),
    *(
        "Paris",
        "Location",
        "2025-05-05 12:00",
        "12:00:20",
        "UTC",
        "https://example.org/",
        "?ip=",
        "Device: Mac OS ",
        "e",
        "é",
    ),
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ADDRESSES),
    st.lists(st.sampled_from(AROUND) | st.text(max_size=3), max_size=5),
    st.lists(st.sampled_from(AROUND) | st.text(max_size=3), max_size=5),
    st.booleans(),
)
def test_whatever_is_put_around_a_foreign_address_it_is_never_a_yes(
    written: tuple[str, str],
    before: list[str],
    after: list[str],
    page: bool,  # noqa: FBT001 - drawn
) -> None:
    ip, spelt = written
    told = "".join((*before, spelt, *after))
    text = f"<p>{TIME}</p><p>{told}</p>" if page else f"{TIME}\n{told}"
    ours = [each for each in OURS if each not in told] if ip in told else OURS
    assert verdict(text, *ours) != "yes", text


OUR_OWN = [(ip, each) for ip in OURS for each in spellings(ip)[True]]
#: What cannot be taken for a part of an address.
APART = tuple(each for each in AROUND if each not in ("_", "%") and not set(each[:1] + each[-1:]) & set("0127ae"))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(OUR_OWN),
    st.lists(st.sampled_from(APART), max_size=4),
    st.lists(st.sampled_from(APART), max_size=4),
)
def test_whatever_is_put_around_ours_it_is_never_a_no(
    written: tuple[str, str], before: list[str], after: list[str]
) -> None:
    told = "".join((*before, written[1], *after))
    assert verdict(f"<p>{TIME}</p><p>{told}</p>") != "no", told
    assert verdict(f"{TIME}\n{told}") != "no", told
