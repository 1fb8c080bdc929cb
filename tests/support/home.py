"""A home with a real keeper process and a real encrypted store, for tests that call the app in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.keeper import running
from support.sandbox import Sandbox
from tallyglass.app import connections
from tallyglass.app.home import Home
from tallyglass.app.session import Session, open_portfolio
from tallyglass.keeper.client import Keeper

PASSPHRASE = "four words nobody guesses"


@contextmanager
def open_home(folder: Path, sandbox: Sandbox, *exchanges: str) -> Iterator[Session]:
    """An unlocked session whose exchanges are the sandbox's, with the read-only keys of those named connected."""
    home = Home(folder / "home")
    home.make()
    sandbox.unlimited()
    with running(home.path, sandbox=sandbox.base_url, hurried=True):
        keeper = Keeper(home.socket)
        keeper.create(PASSPHRASE)
        store = open_portfolio(home, keeper)
        try:
            for exchange in exchanges:
                view = connections.connect(keeper, exchange, sandbox.key(exchange))
                assert view["verdict"] == "accepted", view
            yield Session(home, keeper, store)
        finally:
            store.close()
