"""Every endpoint that ccxt knows of Kraken, Binance and Coinbase, as a client of `.venv-peers` tells it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Read

ROOT = Path(__file__).parents[2]
EXCHANGES = ("binance", "coinbase", "kraken")


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One call that an exchange knows."""

    exchange: str
    method: str
    host: str
    path: str

    @property
    def filled(self) -> str:
        """The path with a plain segment in place of each placeholder."""
        return "/".join("a1" if part.startswith("{") else part for part in self.path.split("/"))

    @property
    def url(self) -> str:
        return f"https://{self.host}{self.filled}"

    @property
    def listed(self) -> bool:
        """Compared with the page as text, not with the code under test."""
        return any(
            (self.method, self.host, self.filled) == (read.method, read.host, filled(read))
            for read in registry.manifest(self.exchange).reads.values()
        )


def filled(read: Read) -> str:
    """The path of a read with the same plain segment in place of each placeholder."""
    return re.sub(r"\{[a-z_]+\}", "a1", read.path)


@cache
def walked() -> list[Endpoint]:
    """All of them."""
    command = [str(ROOT / ".venv-peers/bin/python"), str(ROOT / "tests/peers/ccxt_endpoints.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [Endpoint(*each) for each in json.loads(done.stdout)]
