"""The ways out: which proxy leads to which exchange, and which addresses are ours, where the operator has said so.

`egress.toml` in the home; everything in it is optional:

    addresses = ["203.0.113.7"]           # what every exchange sees: then nobody is asked for it
    echo = ["icanhazip", "ipify"]         # who may be asked for our address; [] asks nobody
    proxy = "http://10.0.0.5:3128"        # the way to everything that is not named below

    [exchange.kraken]
    proxy = "http://10.0.0.6:3128"
    addresses = ["198.51.100.4"]          # what this one sees

`egress.txt`, one address a line, is the short form of `addresses` alone. A file that is not understood stops the keeper
at its start: no request leaves by another way than the one that was meant.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tallyglass.exchanges import registry
from tallyglass.keeper.answers import Ways

_FILE = "egress.toml"
_SHORT = "egress.txt"


def read(home: Path) -> Ways:
    """What the operator has said. Raises `ValueError`, naming the file and what is wrong in it."""
    short = os.environ.get("TALLYGLASS_EGRESS") or _text(home / _SHORT)
    page = _text(home / _FILE)
    echo = tuple(each.id for each in registry.echoes())
    if not page:
        return Ways(_addresses(_SHORT, short.replace(",", " ").split()), echo=echo)
    if short:
        raise ValueError(f"addresses stand in {_FILE} and in {_SHORT} or TALLYGLASS_EGRESS: say them in one place")
    try:
        told = tomllib.loads(page)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{_FILE} is not TOML: {error}") from None
    _only(told, "addresses", "echo", "proxy", "exchange")
    sections = told.get("exchange", {})
    if not isinstance(sections, dict) or not all(isinstance(each, dict) for each in sections.values()):
        raise ValueError(f"{_FILE}: below exchange stand sections such as [exchange.kraken]")
    _known(sections, registry.manifests(), "exchange")
    for name, section in sections.items():
        _only(section, "addresses", "proxy", where=f"[exchange.{name}]")
    asked = _texts(told, "echo") if "echo" in told else echo
    _known(asked, echo, "echo")
    return Ways(
        addresses=_addresses(_FILE, _texts(told, "addresses")),
        proxy=_proxy(told["proxy"]) if "proxy" in told else "",
        echo=tuple(asked),
        own={name: _addresses(_FILE, _texts(each, "addresses")) for name, each in sections.items()},
        proxies={name: _proxy(each["proxy"]) for name, each in sections.items() if "proxy" in each},
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _texts(section: Mapping[str, Any], name: str) -> list[str]:
    value = section.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f'{_FILE}: {name} is a list of texts, such as {name} = ["…"]')
    return value


def _addresses(file: str, texts: list[str]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(str(ipaddress.ip_address(each)) for each in texts))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _proxy(value: object) -> str:
    """A proxy that takes CONNECT. Its address may be a private one; a name must lead to a public one, as any name."""
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is not None and (parts.username or parts.password):  # the text is not quoted: it holds a secret
        raise ValueError(f"{_FILE}: a proxy is given without a password; let it know this computer by its address")
    try:
        whole = parts is not None and parts.scheme == "http" and parts.hostname and parts.port
    except ValueError:
        whole = False
    if parts is None or not whole or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{_FILE}: a proxy is given as http://ADDRESS:PORT, not as {value!r}")
    return f"http://{parts.netloc}"


def _only(section: Mapping[str, Any], *names: str, where: str = "") -> None:
    extra = sorted(set(section) - set(names))
    if extra:
        raise ValueError(f"{_FILE}: {where or 'it'} knows no {', '.join(extra)}; there are: {', '.join(names)}")


def _known(names: Iterable[str], known: Collection[str], what: str) -> None:
    for each in names:
        if each not in known:
            raise ValueError(f"{_FILE}: no {what} {each!r}; there are: {', '.join(known)}")
