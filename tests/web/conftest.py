"""What the tests of pages share: made-up exchanges, an app with one account read from them, its reader, a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.app import App, Visitor, running_app
from support.browser import browsing
from support.sandbox import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[App]:
    """With Kraken connected; a file that needs another has a fixture of its own."""
    with running_app(tmp_path_factory.mktemp("web"), sandbox, "kraken") as running:
        yield running


@pytest.fixture(scope="module")
def reader(app: App) -> Visitor:
    return app.enter()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened
