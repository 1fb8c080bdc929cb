"""The bundled history of the ECB's daily reference rates: what is known before the first update.

The figures are the European Central Bank's euro foreign exchange reference rates
(www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates), free to reuse with the source named.
"""

from __future__ import annotations

import csv
import io
import lzma
from collections.abc import Iterator
from importlib.resources import files

from tallyglass.money import Amount, amount


def bundled_rates() -> Iterator[tuple[str, str, Amount]]:
    """Every rate there is, oldest day first: (day as YYYY-MM-DD, currency, units per euro)."""
    packed = files("tallyglass.prices").joinpath("data", "ecb.csv.xz").read_bytes()
    for row in csv.DictReader(io.StringIO(lzma.decompress(packed).decode("ascii"))):
        day = row.pop("day")
        for currency, rate in row.items():
            if rate:
                yield day, currency, amount(rate)
