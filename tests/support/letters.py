"""Mails as exchanges write them, made up from a moment and an address: by hand, and not from what reads them.

Binance: the time in UTC with `(UTC)` at once behind it, in the subject too, in HTML. The others: dates in words, with
the letters of a zone, an offset or the name of a place.
"""

from __future__ import annotations

import base64
import quopri
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

SENDERS = {
    "binance": "Binance <do-not-reply@ses.binance.com>",
    "kraken": "Kraken <noreply@kraken.com>",
    "coinbase": "Coinbase <no-reply@coinbase.com>",
}
#: A place, and the letters its zone has in winter and in summer.
PLACES = {
    "America/Los_Angeles": ("PST", "PDT"),
    "America/New_York": ("EST", "EDT"),
    "Europe/Berlin": ("CET", "CEST"),
    "Asia/Tokyo": ("JST", "JST"),
    "UTC": ("UTC", "UTC"),
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)


#: Ways to write a mail that names its address for certain; `{ip}` is any, `{ours}` one that is usual.
CERTAIN = (
    "IP: {ip}",
    "IP:{ip}\nLocation: Paris",
    "IP-Adresse: {ip}",
    "Adresse IP : {ip}",
    "IPv4: {ip}",
    "IPv6 address: {ip}",
    "IP address (approximate): {ip}",
    "Where: {ip}",
    "New location: {ip} (Paris)",
    "From {ip} (Paris)",
    "IP address: {ip}-Paris",
    "IP address: {ip}, Chrome V120.0.0.0 (Windows)",
    "<p><strong>IP Address</strong><span>{ip}</span></p>",
    "<p><b>IP</b>:<i>{ip}</i><b>Location</b><i>Paris</i></p>",
    "<table><tr><th>IP</th><td>{ip}</td><td>Paris</td></tr></table>",
    "<div>IP&nbsp;address:<br>{ip}<br>Paris</div>",
)
#: Those that leave open which is meant, or name none that can be read.
OPEN = (
    "Seen: {ip}",
    "IP: hidden\nServer {ip}",
    "Paris. Your usual IP address: {ip}",
    "IP address: {ours}\nSigned in: {ip}",
    "IP address: {ours}\nIP address: {ip}",
    "Your IP: {ours}. New place: https://example.org/{ip}",
    "Device: Windows {ip}",
    "Device: <b>Windows</b><i>{ip}</i>",
    "IP: 0{ip}",
    "IP: {ip}.5",
    "IP: {ip}=\n7",
    "IP: {ip}*",
)
#: Certain which one is meant, though one of ours stands beside it.
BESIDE_OURS = (
    "New location: {ip} (Paris)\nYour usual IP address: {ours}",
    "<p>Where: <b>{ip}</b></p><p>Previous IP: {ours}</p>",
)


def spellings(ip: str) -> dict[bool, tuple[str, ...]]:
    """Ways to write one address: those that can be read, and those of which a part is hidden or broken off."""
    by = ":" if ":" in ip else "."
    first, _, last = ip.rpartition(by)
    short = f"[{ip}]" if by == ":" else ip
    read = (ip, f"{short}:51234", f"[{ip}]", ip.replace(by, f"[{by}]"), ip.replace(by, f"({by})"), f"({ip})", f"<{ip}>")
    hidden = (
        f"{first}{by}*",
        f"{first}{by}xxx",
        f"{first}{by}<b>{last}</b>",
        f"{ip[:-1]}<i>{ip[-1]}</i>",
        f"{ip}<b>7</b>",
    )
    odd = (ip.replace(".", " - "), ip.replace(".", ", ")) if by == "." else ()
    return {True: read, False: (*hidden, *odd, f"{ip}/17")}


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail."""

    raw: bytes
    #: How it writes its time; for a failure's message.
    time: str


class Post:
    """Writes mails, each another way; the same ones for one seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, protects nothing

    def letter(self, exchange: str, at: datetime, ip: str | None, *, zone: bool = True) -> Letter:
        """A mail of an exchange about a moment. `zone=False`: it does not tell the zone of its time."""
        time = self._time(exchange, at, zone=zone)
        address = None if ip is None else self._address(ip)
        if exchange == "binance":
            subject, body = self._binance(time, address)
        else:
            subject, body = self._other(exchange, time, address)
        sent = at + timedelta(seconds=self._dice.uniform(1, 90))
        return Letter(self._envelope(exchange, subject, body, sent), time)

    # -- what it tells

    def _time(self, exchange: str, at: datetime, *, zone: bool) -> str:
        if exchange == "binance":
            shown = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            return shown + (self._dice.choice(("(UTC)", " (UTC)", " UTC")) if zone else "")
        place = self._dice.choice(list(PLACES))
        local = at.astimezone(ZoneInfo(place))
        summer = bool(local.dst())
        offset = f"{local:%z}"
        letters = self._dice.choice((PLACES[place][summer], f"({PLACES[place][summer]})", offset, f"UTC{offset[:3]}"))
        month, short = MONTHS[local.month - 1], MONTHS[local.month - 1][:3]
        half = f"{(local.hour - 1) % 12 + 1}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"
        shown = self._dice.choice(
            (
                f"{month} {local.day}, {local.year} at {half}",
                f"{short} {local.day}, {local.year}, {half}",
                f"{local.day} {short} {local.year} {local:%H:%M:%S}",
                f"{local.day} {month} {local.year}, {local:%H:%M}",
                f"{local:%Y-%m-%d %H:%M:%S}",
                f"{local:%a}, {local.day:02} {short} {local.year} {local:%H:%M:%S}",
                f"{local:%Y-%m-%dT%H:%M:%S}",
                f"{local:%d.%m.%Y %H:%M}",
            )
        )
        return f"{shown} {letters}" if zone else shown

    def _address(self, ip: str) -> str:
        address = ip_address(ip)
        if address.version == 4:
            return self._dice.choice((ip, ip, f"::ffff:{ip}"))
        return self._dice.choice((ip, address.exploded, address.exploded.upper(), f"[{ip}]"))

    # -- how it tells it

    def _binance(self, time: str, ip: str | None) -> tuple[str, str]:
        device = "Chrome V120.0.0.0 (Windows)"
        if ip is None:
            return "[Binance] API key in use", f"<p>Your API key was used.</p><p>Time: {time} Device: {device}</p>"
        subject = f"[Binance] Login Attempted from New IP address {ip} - {time}"
        cells = (
            f"<div><strong>When </strong>: {time}</div><div><strong>IP Address </strong>: {ip}</div>",
            f"<p>Account: 8140743288 Device: {device} Time: {time} IP: {ip} If this was not you, disable it.</p>",
            f"<table><tr><td>Time</td><td>{time}</td></tr><tr><td>IP&nbsp;Address</td><td>{ip}</td></tr></table>",
        )
        return subject, f"<div>A new IP address has used your account.&nbsp;</div>{self._dice.choice(cells)}"

    def _other(self, exchange: str, time: str, ip: str | None) -> tuple[str, str]:
        name = exchange.title()
        rows = [("Device", "Chrome 120.0.6099.71 on Windows"), (self._dice.choice(("Time", "When", "Date")), time)]
        if ip is not None:
            rows.append((self._dice.choice(("IP address", "IP", "IP Address")), ip))
        self._dice.shuffle(rows)
        link = f"https://www.{exchange}.com/new-device?code=1f0c::{self._dice.randrange(10**6)}"
        told = self._dice.choice(
            (
                "".join(f"<tr><td>{each}</td><td><b>{value}</b></td></tr>" for each, value in rows),
                "".join(f"<p><span>{each}:</span>&nbsp;{value}</p>" for each, value in rows),
                "\n".join(f"{each}: {value}" for each, value in rows),
                "\n".join(f"{each}\n{value}\n" for each, value in rows),
            )
        )
        return (
            f"{name}: a new device or location",
            f"{told}\nWas it you? {link} is valid for 20 minutes.\n© 2025 {name}",
        )

    def _envelope(self, exchange: str, subject: str, body: str, sent: datetime) -> bytes:
        html = "<" in body and "</" in body
        kind = self._dice.choice(("plain", "base64", "quoted", "both", "pasted", "forwarded"))
        head = [
            f"From: {SENDERS[exchange]}",
            "To: me@example.org",
            f"Subject: {subject}",
            f"Date: {sent:%a, %d %b %Y %H:%M:%S} +0000",
        ]
        form = "text/html" if html else "text/plain"
        if kind in ("pasted", "forwarded") and html:
            kind = "plain"  # a page is not pasted as its source
        if kind == "pasted":
            return f"{subject}\n{body}\n{SENDERS[exchange]}".encode()
        if kind == "forwarded":
            return "\n".join(["look at this", "", "---------- Forwarded message ----------", *head, "", body]).encode()
        head.append("MIME-Version: 1.0")
        raw = body.encode()
        if kind == "both":
            head.append('Content-Type: multipart/alternative; boundary="=_x"')
            part = f"--=_x\nContent-Type: {form}; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
            return "\n".join([*head, "", part]).encode() + base64.encodebytes(raw) + b"\n--=_x--\n"
        coding = {"plain": "8bit", "base64": "base64", "quoted": "quoted-printable"}[kind]
        coded = base64.encodebytes(raw) if kind == "base64" else quopri.encodestring(raw) if kind == "quoted" else raw
        head += [f"Content-Type: {form}; charset=utf-8", f"Content-Transfer-Encoding: {coding}", "", ""]
        return "\n".join(head).encode() + coded
