"""When an exchange tells a balance twice, nobody is richer for it: the old number stays, and says that it is old."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import syncing, worth
from tallyglass.app.session import Session
from tallyglass.app.views import WorthView
from tallyglass.exchanges import registry

READS = [
    (page.id, read.id, read.path)
    for page in registry.exchanges()
    for read in page.reads.values()
    if read.id.split(".")[0] == "balances"
]
#: Where this account has rows in a list. Kraken's balances are an object by code, and so is Coinbase's futures account:
#: the sandbox's fault cannot double what stands there once.
LISTED = {
    ("binance", "balances"),
    ("binance", "balances.funding"),
    *(("binance", f"balances.{product}") for product in ("locked", "margin", "isolated", "usdm", "coinm")),
    ("coinbase", "balances"),
    ("coinbase", "balances.wallets"),
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    names = sorted({exchange for exchange, _, _ in READS})
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *names) as opened:
        syncing.sync(opened)
        yield opened


def owned(found: WorthView) -> dict[str, str]:
    return {holding["asset"]: holding["amount"] for holding in found["holdings"]}


@pytest.mark.parametrize(("exchange", "read", "path"), READS, ids=[f"{name}-{read}" for name, read, _ in READS])
def test_a_list_of_balances_with_every_row_twice_doubles_nothing(
    session: Session, sandbox: Sandbox, exchange: str, read: str, path: str
) -> None:
    before = worth.worth_view(session)
    assert [cause for cause in before["causes"] if cause["code"] == "source_failed"] == []
    sandbox.fault("duplicate", exchange, path)
    try:
        parts = syncing.sync(session, exchange)
        after = worth.worth_view(session)
    finally:
        sandbox.calm()

    assert owned(after) == owned(before), read
    [told] = [part["fault"] for part in parts if part["stream"] == "balances"]
    failed = [cause for cause in after["causes"] if cause["code"] == "source_failed"]
    if (exchange, read) in LISTED:
        assert told == "not_readable"
        assert len(failed) == 1
        assert not after["complete"]
    else:
        assert not told
        assert not failed
    again = syncing.sync(session, exchange)
    assert [part["fault"] for part in again if part["stream"] == "balances"] == [None]
    assert owned(worth.worth_view(session)) == owned(before)
