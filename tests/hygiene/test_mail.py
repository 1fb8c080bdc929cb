"""Reading mails: what is no time and no address is taken for none, and no mail, however spoiled, is a fault."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from support.letters import SENDERS, Post
from tallyglass.hygiene import mail

NOON = datetime(2025, 5, 5, 12, 0, tzinfo=UTC)


def read(text: str) -> tuple[list[str], list[str]]:
    """The times of a mail, in UTC, and its addresses."""
    found = mail.read(text.encode())
    times = [each.begin.astimezone(UTC).isoformat() for each in found.spans()]
    return times, [str(each) for each in found.named.meant]


@pytest.mark.parametrize(
    ("text", "times", "addresses"),
    [
        ("Device: Chrome V120.0.0.0 (Windows) Time: 2025-05-05 12:00:00(UTC) IP: 192.0.2.1", ["12:00"], ["192.0.2.1"]),
        ("Time: 2025-05-05 12:00 UTC\nThe link expires 2025-05-05 13:00 UTC", ["12:00"], []),
        ("Time: 2025-05-05 12:00 UTC\nLast sign-in: 2025-05-04 10:00 UTC", ["12:00"], []),
        ("IP: 192.0.2.1, previously 192.0.2.9\nWhen: 05/05/2025 12:00 UTC", ["12:00"], ["192.0.2.1"]),
        ("When: 5 May 2025 12:00 UTC https://example.org/2001:db8::9?t=10:00", ["12:00"], ["2001:db8::9", "None"]),
        ("When: 5 May 2025 12:00 UTC https://example.org/code=1f0c::9?t=10:00", ["12:00"], []),
        ("Time (UTC): 2025-05-05 12:00", ["12:00"], []),
        ("It was 12:00 PM on May 5th, 2025 UTC, from 192.0.2.1.", ["12:00"], ["192.0.2.1"]),
        ("No time on 2025-05-05, and version 1.2.3.4.5", [], []),
        ("2025-02-30 12:00 UTC and 2025-05-05 25:00 UTC and 13:00 PM", [], []),
    ],
)
def test_what_a_mail_tells(text: str, times: list[str], addresses: list[str]) -> None:
    assert read(text) == ([f"2025-05-05T{each}:00+00:00" for each in times], addresses)


def test_a_part_of_an_address_is_none() -> None:
    found = mail.read(b"Time: 2025-05-05 12:00 UTC IP: 49.36.*.*")
    assert found.named.doubt
    assert found.named.meant == ()


def test_no_mail_however_spoiled_is_a_fault() -> None:
    dice, post = random.Random(7), Post(7)  # noqa: S311 - repeatable, protects nothing
    whole = [post.letter(each, NOON, "192.0.2.1").raw for each in SENDERS for _ in range(5)]
    odd = (b"charset=nonsense", b"=?x?q?=ff?=", b"\r\n\r\n", b"\xff\xfe", b"2099-12-31 23:59:59 -1400", b"Date: 99 Foo")
    for _ in range(300):
        spoiled = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(1, 10)):
            at = dice.randrange(len(spoiled) + 1)
            spoiled[at : at + dice.randrange(20)] = dice.choice((*odd, dice.choice(whole)[at : at + 30], b""))
        found = mail.read(bytes(spoiled))
        assert all(each.begin < each.end for each in found.spans())
        assert set(found.named.beside).isdisjoint(found.named.meant)
