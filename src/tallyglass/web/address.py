"""Where the dashboard is reached: the names that it answers to, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """The origins of one dashboard. A request for any other name is refused (DNS rebinding)."""

    #: As links to it begin.
    origin: str
    #: Exactly what `Host` may say; browsers leave the usual port out.
    hosts: frozenset[str]
    #: The name of the session's cookie. Cookies know no ports: on this machine's own names, theirs does.
    cookie: str

    @property
    def secure(self) -> bool:
        """Whether readers come by TLS."""
        return self.origin.startswith("https:")

    @property
    def origins(self) -> frozenset[str]:
        """Exactly what `Origin` may say."""
        return frozenset(f"{urlsplit(self.origin).scheme}://{host}" for host in self.hosts)

    @property
    def name(self) -> str:
        """The name to which passkeys are bound; empty where there is but a number, to which none can be."""
        name = urlsplit(self.origin).hostname or ""
        try:
            ip_address(name)
        except ValueError:
            return name
        return ""


def local(port: int) -> Address:
    """On this machine alone. Links name `localhost`, since passkeys are bound to a name."""
    hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
    return Address(f"http://localhost:{port}", hosts, f"tallyglass-{port}")


def elsewhere(*origins: str) -> Address:
    """By TLS: by these origins and no other; links name the first."""
    return Address(origins[0], frozenset(urlsplit(each).netloc for each in origins), "__Host-tallyglass")
