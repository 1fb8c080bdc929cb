"""Shapes of mails that people paste: ours is known again, another's is never ours, what is not read is no answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallyglass.hygiene import mail, was_it_me
from tallyglass.hygiene.was_it_me import Question, Record, Use

AT = datetime(2026, 11, 26, 9, 14, 5, tzinfo=UTC)
OURS = ("203.0.113.7", "2001:db8:5::7")
THEIRS = ("192.0.2.9", "203.0.113.70", "8.8.8.8", "2001:db8:ffff::7", "2001:db8:5::77")
WHEN = "2026-11-26 09:14:05 UTC"

#: All that a mail says is plain: one time, one address.
PLAIN = (
    "We noticed a new sign-in.\n\nTime       : {when}\nIP address : {ip}\nDevice     : Firefox on Linux",
    "• Date: 26 Nov 2026 09:14:05 UTC\n• IP: {ip}\n• Location: Berlin, Germany",
    "Your account was accessed from the IP address {ip} on November 26, 2026 at 09:14 (UTC). Was it you?",
    "Am 26.11.2026 um 09:14 UTC wurde Ihr API-Schlüssel verwendet.\nIP-Adresse: {ip}\nStandort: Berlin",
    '{{"event":"api_key_used","time":"2026-11-26T09:14:05Z","ip":"{ip}"}}',
    "**Time:** {when}\n**IP:** `{ip}`",
    "*IP address:* {ip}\n*Time:* {when}",
    "Time: {when}\nIP: {ip} (https://lookup.example/ip/{ip})",
    "Zeitpunkt: 2026-11-26T10:14:05+01:00\nIP Address: {ip}",
    "When: 26 November 2026, 09:14:05 UTC\nWhere: {ip} (AS3320 Some Telecom AG)",
    "<dl><dt>When</dt><dd>{when}</dd><dt>IP</dt><dd>{ip}</dd></dl>",
    "<p>Your API key was used from <b>{ip}</b> at <b>{when}</b>.</p>",
    "Time: {when}\nX-Originating-IP: [{ip}]",
    "> Time: {when}\n> IP: {ip}\n> Location: Berlin",
    "At 9:14 AM Coordinated Universal Time on November 26, 2026\nIP Address: {ip}",
    "Time: {when}\nIP: {ip}\nCall us 9 am - 5 pm PT, Monday to Friday 9:00 to 17:00. © 2026 Some Ltd. Case 1234567890.",
    "An API key of yours was used from IP {ip}.\n© 2026 Some Ltd.",
)
#: Whichever of the two was meant: never a yes for the other, and never a no for ours.
BOTH = (
    "IP changed from {other} to {ip}\nTime: {when}",
    "Seen at {ip} instead of your IP {other}\nTime: {when}",
    "Key bound to IP {other} was used at {when} by {ip}.",
    "Time: {when}\nClient {ip}\nThis mail was requested from IP {other}",
    "Your current IP: {other}. Somebody signed in with {ip}.\nTime: {when}",
    "Your primary IP address is {other}.\nSign-in: {ip}\nTime: {when}",
    "An API request from {ip} was made.\nYour API key allows IP: {other}\nTime: {when}",
    "{other} - 2026-11-25 08:00 UTC - ok\n{ip} - {when} - new",
)
#: From our address, and at another time than the mail was sent: in ways that are not all understood.
ANOTHER_TIME = (
    "Today at 05:02 UTC",
    "Yesterday, 09:14 UTC",
    "26.11.26 05:02 UTC",
    "le 26 novembre 2026 à 05:02 UTC",
    "el 26 de noviembre de 2026 a las 05:02 UTC",
    "26 listopada 2026 05:02 UTC",
    "26.11.2026 05.02 UTC",
    "26/11/2026 05h02 UTC",
    "时间：2026年11月26日 05:02:11 (UTC)",
    "timestamp: 1795669331",
    "20261126T050211Z",
    "5 am UTC",
    "On 25 November 2026",
    "2026/11/26 05:02:11 UTC",
    "Code valid until 2026-11-26 09:14:05 UTC. Signed in today at 05:02",
    "le 26 novembre 2026 à 05:02 UTC\nGenerated 2026-11-26 09:14:05 UTC",
    "2026-11-26 09:14:05 (Pacific)",
    "2026-11-26 09:14:05 Hong Kong Time",
    "2026-11-26 09:14:05\nTime zone: PST",
    "All times are in Pacific Time.\nTime: 2026-11-26 09:14:05",
)


def verdict(text: str, ours: str) -> str:
    """The answer to a mail that was sent at once, where a key was used then from our address; "" = it has no time."""
    page = "</" in text
    head = (
        "From: Kraken <noreply@kraken.com>\nDate: Thu, 26 Nov 2026 09:14:50 +0000\nSubject: New device\n"
        f"MIME-Version: 1.0\nContent-Type: text/{'html' if page else 'plain'}; charset=utf-8\n\n"
    )
    told = mail.read(f"{head}{text}\n".encode())
    named, spans = told.named, told.spans()
    if not spans:
        return ""
    uses = tuple(Use(AT + timedelta(seconds=each), "kraken", "balances", "200", ours) for each in (0, 4, 9))
    asked = Question(spans, named.meant, named.beside, named.doubt, perhaps=named.perhaps)
    return was_it_me.answer(asked, Record(uses), AT + timedelta(days=2)).verdict


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize("shape", PLAIN)
def test_ours_is_a_yes_and_anothers_a_no(shape: str, ours: str) -> None:
    assert verdict(shape.format(ip=ours, when=WHEN), ours) == "yes"
    for ip in (*THEIRS, *(each for each in OURS if each != ours)):
        assert verdict(shape.format(ip=ip, when=WHEN), ours) == "no", ip


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize("shape", BOTH)
def test_beside_another_address_ours_is_never_a_no_and_anothers_never_a_yes(shape: str, ours: str) -> None:
    for ip in THEIRS:
        assert verdict(shape.format(ip=ip, other=ours, when=WHEN), ours) != "yes", ip
        assert verdict(shape.format(ip=ours, other=ip, when=WHEN), ours) != "no", ip


def test_a_tag_that_was_never_closed_hides_no_digit() -> None:
    assert verdict(f"Time: {WHEN}\n<IP{OURS[0]}<i>0</i>", OURS[0]) == "cannot_tell"


@pytest.mark.parametrize("told", ANOTHER_TIME)
def test_a_time_that_is_not_understood_is_not_taken_for_when_the_mail_was_sent(told: str) -> None:
    assert verdict(f"{told}\nIP address: {OURS[0]}", OURS[0]) != "yes"
