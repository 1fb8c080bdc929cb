"""A home with a real keeper process and a real encrypted store, for tests that call the app in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from support.program import HURRY
from support.sandbox import Sandbox
from tallyglass.app import connections
from tallyglass.app.home import Home
from tallyglass.app.keeper_process import KeeperProcess
from tallyglass.app.session import Session, open_portfolio

PASSPHRASE = "four words nobody guesses"


@contextmanager
def open_home(folder: Path, sandbox: Sandbox, *exchanges: str) -> Iterator[Session]:
    """An unlocked session whose exchanges are the sandbox's, with the read-only keys of those named connected."""
    home = Home(folder / "home")
    sandbox.unlimited()
    with mock.patch.dict(os.environ, HURRY):
        process = KeeperProcess(home, sandbox=sandbox.base_url)
    try:
        keeper = process.start()
        keeper.create(PASSPHRASE)
        store = open_portfolio(home, keeper)
        try:
            for exchange in exchanges:
                view = connections.connect(keeper, exchange, sandbox.key(exchange))
                assert view["verdict"] == "accepted", view
            yield Session(home, keeper, store)
        finally:
            store.close()
    finally:
        process.stop()
