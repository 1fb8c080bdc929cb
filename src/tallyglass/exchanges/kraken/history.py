"""Kraken's history: the ledger, which tells every movement, and four lists that tell more of them."""

from __future__ import annotations

from collections.abc import Iterable

from tallyglass.exchanges.kraken import fundings, trades
from tallyglass.exchanges.kraken.ledger import ledger
from tallyglass.exchanges.kraken.orders import closed_orders
from tallyglass.exchanges.kraken.rows import Listing
from tallyglass.exchanges.kraken.walk import Chained, Counted
from tallyglass.exchanges.streams import Known, Stream


def streams(known: Known) -> Iterable[Stream]:  # noqa: ARG001 - the same for every account
    """The ledger holds deposits, trades and rewards with all that they moved. The others' entries have the ids of the
    ledger's and no legs, but for deposits and withdrawals on their way: so nothing is told twice.
    """
    return (LedgerStream(), TradesStream(), OrdersStream(), DepositsStream(), WithdrawalsStream())


class LedgerStream(Counted):
    """All rows of all types."""

    name = "ledger"
    enriches = False

    def listing(self, body: bytes, known: Known) -> Listing:  # noqa: ARG002 - it tells all by itself
        return ledger(body)


class TradesStream(Counted):
    """Market, price, side and order of every fill; of one on margin also its volume, which the ledger has not."""

    name = "trades"

    def listing(self, body: bytes, known: Known) -> Listing:
        return trades.told(trades.trades(body, known))


class OrdersStream(Counted):
    """What the orders behind the fills had asked for, by the time when they were done."""

    name = "trades.orders"

    def listing(self, body: bytes, known: Known) -> Listing:  # noqa: ARG002 - it tells all by itself
        return closed_orders(body)


class DepositsStream(Chained):
    """Transaction and address of every deposit, and those on their way."""

    name = "deposits"

    def listing(self, body: bytes, known: Known) -> Listing:  # noqa: ARG002 - it tells all by itself
        return fundings.told(fundings.fundings("deposit", body))


class WithdrawalsStream(Chained):
    """Transaction and address of every withdrawal, and those on their way."""

    name = "withdrawals"

    def listing(self, body: bytes, known: Known) -> Listing:  # noqa: ARG002 - it tells all by itself
        return fundings.told(fundings.fundings("withdrawal", body))
