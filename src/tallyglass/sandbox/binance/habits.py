"""What the owner of the main account does on the side, with money of its own, so that every history has rows.

The world knows nothing of it and counts on none of it: what these moves spend, the stash brought in before.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from tallyglass.sandbox.binance import own
from tallyglass.sandbox.binance.account import Account, micros, moment
from tallyglass.sandbox.binance.happen import happen
from tallyglass.sandbox.model import Act, ActKind, Prices

_STASH: Final = (("USDT", "1500"), ("BNB", "2.5"), ("XRP", "1.7"), ("TRX", "9.25"))
_FEE_PURSE: Final = Decimal(1)
_DAY: Final = 86_400_000_000
_FIRST_SERIAL: Final = 700_000_000
"""Far from the world's serials: ids and hashes are made of them."""


def live(account: Account, prices: Prices, now: int) -> None:
    """Fill the account before the world begins with it; `now` in microseconds."""
    serial = _FIRST_SERIAL
    for at, (asset, figure) in enumerate(_STASH):
        serial += 17
        _act(account, prices, ("deposit", asset, figure), now - 300 * _DAY + at * 3_600_000_000, serial)
    account.fee_purse, account.fee_purse_since = _FEE_PURSE, now - 299 * _DAY
    own.subscribe(account, "USDT", Decimal(800), now - 200 * _DAY)
    own.subscribe(account, "BNB", Decimal("0.75"), now - 150 * _DAY)
    for month in range(6, 0, -1):
        serial += 17
        _act(account, prices, ("reward", "USDT", f"1.{month}4"), now - (month * 30 - 3) * _DAY, serial)
    own.redeem(account, "USDT", Decimal(200), now - 61 * _DAY)
    own.transfer(account, "USDT", Decimal(150), now - 100 * _DAY, ("MAIN", "FUNDING"))
    own.dust(account, [("XRP", Decimal("1.7")), ("TRX", Decimal("9.25"))], now - 90 * _DAY, prices)
    own.transfer(account, "USDT", Decimal("40.5"), now - 31 * _DAY, ("FUNDING", "MAIN"))
    own.transfer(account, "USDT", Decimal(25), now - 3 * _DAY, ("MAIN", "FUNDING"))


def _act(account: Account, prices: Prices, what: tuple[ActKind, str, str], us: int, serial: int) -> None:
    kind, asset, figure = what
    time = moment(us) + timedelta(milliseconds=serial % 997)
    happen(account, Act(kind, time, asset, Decimal(figure), fee_asset=asset, serial=serial), prices)
    account.updated = max(account.updated, micros(time))
