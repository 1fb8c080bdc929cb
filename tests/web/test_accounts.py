"""Own accounts on the pages: counted, apart, by their names, and never among the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.app import App, running_app
from support.text import words
from tallyglass.app import accounts
from tallyglass.app import worth as valuing


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Nothing connected; a bank account, and a wallet of a hostile name."""
    with running_app(tmp_path_factory.mktemp("web")) as running:
        session = running.service.session()
        accounts.add(session, "Giro", "bank")
        accounts.add(session, "<b>cold")
        valuing.set_currency(session, "EUR")
        accounts.balance(session, "Giro", "EUR", "1200.50", "2026-01-31")
        accounts.entry(session, "<b>cold", accounts.Typed("deposit", "EUR", "34.50", "2026-02-01"))
        yield running


def test_the_overview_counts_what_is_stated_and_shows_it_apart(app: App) -> None:
    page = app.enter().page("/")
    told = words(page)
    assert "€1,235 .00" in told
    assert "Stated by you, proven by nobody: €1,235.00 of €1,235.00" in told
    assert "Giro 31 January 2026 EUR was last stated for 2026-01-31" in told
    assert "&lt;b&gt;cold" in page
    assert "<b>cold" not in page
    assert "Giro (stated)" in told
    assert not re.search(r">[^<]*own:", page)


def test_the_history_has_its_name_and_the_connections_have_no_key_of_it(app: App) -> None:
    visitor = app.enter()
    told = words(visitor.page("/history"))
    assert "Adjustment Giro" in told
    assert "own:" not in told
    assert "Giro" not in words(visitor.page("/connections"))
