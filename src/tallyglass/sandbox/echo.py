"""Where the sandbox sees a caller from: the addresses that a test gives him, and the services that tell him."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from tallyglass.sandbox.model import Incoming, Outgoing


class BadAddress(ValueError):
    """What was given is no address of that kind."""


@dataclass(slots=True)
class Seen:
    """A caller's addresses on the internet; empty: none of that kind."""

    v4: str = ""
    v6: str = ""


class Internet:
    """As whom callers are seen. Untold, a caller is seen as he is, and has no IPv6."""

    def __init__(self) -> None:
        #: By the address that he really has; `""`: everybody else.
        self._seen: dict[str, Seen] = {}
        #: Service → what it tells in place of the truth.
        self.lies: dict[str, str] = {}

    def seen(self, caller: str) -> Seen:
        """The addresses of one who really has that one."""
        return self._seen.get(caller) or self._seen.get("") or Seen(caller)

    def change(self, given: dict[str, Any]) -> dict[str, Any]:
        """`v4`, `v6` (null: none), `of` (a real address; without it, everybody), `lies` ({service: address})."""
        unknown = set(given) - {"v4", "v6", "of", "lies"}
        if unknown:
            raise BadAddress(f"no {', '.join(sorted(unknown))}: there are v4, v6, of, lies")
        lies = given.get("lies", {})
        if not isinstance(lies, dict):
            raise BadAddress("lies is an object: service → address")
        self.lies = {str(name): _address(each) for name, each in lies.items()}
        if "v4" in given or "v6" in given:
            v4, v6 = (_address(given.get(name), version) for name, version in (("v4", 4), ("v6", 6)))
            self._seen[_address(given.get("of"))] = Seen(v4, v6)
        return self.told()

    def told(self) -> dict[str, Any]:
        """All of it."""
        seen = {caller or "everybody": {"v4": each.v4, "v6": each.v6} for caller, each in self._seen.items()}
        return {"seen": seen, "lies": self.lies}


class Echo:
    """A service that answers with the caller's address and nothing else; each kind at a host of its own."""

    def __init__(self, name: str, v4: str, v6: str, internet: Internet) -> None:
        self.id = name
        self.hosts = (v4, v6)
        self._internet = internet

    def caller(self, request: Incoming) -> str:  # noqa: ARG002
        """Nobody signs here."""
        return ""

    def handle(self, request: Incoming) -> Outgoing:
        """The address. A caller who has none of that kind would not get here: the sandbox hears him, and says 503."""
        if request.method != "GET" or request.path != "/":
            return Outgoing(404, {"content-type": "text/plain"}, b"Not found\n")
        seen = request.ip6 if request.host == self.hosts[1] else request.ip
        seen = self._internet.lies.get(self.id, seen)
        if not seen:
            return Outgoing(503, {"content-type": "text/plain"}, b"no such way\n")
        return Outgoing(200, {"content-type": "text/plain"}, f"{seen}\n".encode())


def echoes(internet: Internet) -> tuple[Echo, ...]:
    """https://www.ipify.org, https://major.io/p/a-new-future-for-icanhazip/."""
    return (
        Echo("ipify", "api.ipify.org", "api6.ipify.org", internet),
        Echo("icanhazip", "ipv4.icanhazip.com", "ipv6.icanhazip.com", internet),
    )


def _address(given: object, version: int = 0) -> str:
    if given in (None, ""):
        return ""
    try:
        found = ip_address(str(given))
    except ValueError as error:
        raise BadAddress(str(error)) from None
    if version and found.version != version:
        raise BadAddress(f"{found} is no IPv{version} address")
    return str(found)
