"""Reports to download: ordered, made after a while, fetched as a ZIP with one CSV."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tallyglass.money import ZERO, Amount, text
from tallyglass.sandbox.kraken.account import Export
from tallyglass.sandbox.kraken.house import Answer, Call
from tallyglass.sandbox.kraken.names import FIAT
from tallyglass.sandbox.kraken.params import Refused
from tallyglass.sandbox.model import Outgoing

#: Seconds after which a report is being made, and is made.
_PROCESSING, _PROCESSED = 1.0, 3.0
_KEPT = 14 * 86_400

#: As downloads of late 2025 have them.
_LEDGER = (
    *("txid", "refid", "time", "type", "subtype", "aclass", "subclass", "asset", "wallet"),
    *("amount", "fee", "balance"),
)
_TRADES = (
    *("txid", "ordertxid", "pair", "time", "type", "ordertype", "price", "cost", "fee", "vol", "margin", "misc"),
    "ledgers",
)


def add(call: Call) -> dict[str, str]:
    """docs.kraken.com add-export."""
    params, account = call.params, call.account
    report, form = params.needed("report"), params.text("format", "CSV")
    if report not in ("ledgers", "trades") or form not in ("CSV", "TSV"):
        raise Refused("EGeneral:Invalid arguments")
    description = params.needed("description")
    month = datetime.fromtimestamp(call.now, tz=UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start, end = params.bound("starttm") or month.timestamp(), params.bound("endtm") or call.now
    if isinstance(start, str) or isinstance(end, str):
        raise Refused("EGeneral:Invalid arguments")
    made = Export(
        account.ids("export").take(4).translate(str.maketrans("234567", "ABCDEF")),
        report,
        description,
        form,
        params.text("fields", "all"),
        start,
        end,
        call.now,
    )
    account.exports[made.id] = made
    return {"id": made.id}


def _state(export: Export, now: float) -> str:
    age = now - export.ordered
    return "Queued" if age < _PROCESSING else "Processing" if age < _PROCESSED else "Processed"


def status(call: Call) -> list[dict[str, str]]:
    """docs.kraken.com export-status: everything is a text."""
    report = call.params.needed("report")
    return [_shown(each, call.now) for each in call.account.exports.values() if each.report == report]


def _shown(export: Export, now: float) -> dict[str, str]:
    state, ordered = _state(export, now), int(export.ordered)
    done = str(ordered + int(_PROCESSED)) if state == "Processed" else "0"
    return {
        "id": export.id,
        "descr": export.description,
        "format": export.format,
        "report": export.report,
        "subtype": "all",
        "status": state,
        "flags": "0",
        "fields": export.fields,
        "createdtm": str(ordered),
        "expiretm": str(ordered + _KEPT),
        "starttm": str(ordered + int(_PROCESSING)) if state != "Queued" else "0",
        "completedtm": done,
        "endtm": done,
        "datastarttm": str(int(export.start)),
        "dataendtm": str(int(export.end)),
        "aclass": "currency",
        "asset": "all",
    }


def retrieve(call: Call) -> Outgoing:
    """docs.kraken.com retrieve-export: a ZIP, not JSON."""
    export = call.account.exports.get(call.params.needed("id"))
    if export is None or _state(export, call.now) != "Processed":
        raise Refused("EGeneral:Invalid arguments")
    header: Iterable[str | Amount] = _LEDGER if export.report == "ledgers" else _TRADES
    rows = _ledger(call, export) if export.report == "ledgers" else _trades(call, export)
    between = "\t" if export.format == "TSV" else ","
    lines = "".join(between.join(map(_cell, row)) + "\n" for row in (header, *rows))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(f"{export.report}.{export.format.lower()}", (2026, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, lines)
    return Outgoing(200, {"content-type": "application/octet-stream"}, packed.getvalue())


def _cell(value: str | Amount) -> str:
    """Texts are quoted, figures are not. No text here holds a quotation mark."""
    return f'"{value}"' if isinstance(value, str) else text(value)


def _ledger(call: Call, export: Export) -> Iterator[list[str | Amount]]:
    """Oldest first; assets by their modern names, the wallet in words of its own."""
    for row in call.account.ledger:
        if not export.start <= row.time <= export.end:
            continue
        symbol, wallet = call.house.names.split(row.code)
        place = {"spot": "spot / main", "earn": "earn / flexible"}.get(wallet, "earn / bonded")
        sort = "fiat" if symbol in FIAT else "stable_coin" if symbol in ("USDT", "USDC") else "crypto"
        words = (row.id, row.refid, _stamp(row.time), row.type, row.subtype, "currency", sort, symbol, place)
        yield [*words, row.amount, row.fee, row.balance]


def _trades(call: Call, export: Export) -> Iterator[list[str | Amount]]:
    for one in call.account.trades:
        if export.start <= one.time <= export.end:
            words = (one.id, one.order_id, one.pair.wsname, _stamp(one.time), one.side, one.ordertype)
            yield [*words, one.price, one.cost, one.fee, one.volume, ZERO, "", ",".join(one.ledgers)]


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def remove(call: Call) -> dict[str, bool]:
    """docs.kraken.com remove-export: `delete` what is made, `cancel` what is not yet."""
    export, word = call.account.exports.get(call.params.needed("id")), call.params.needed("type")
    if export is None or word != ("delete" if _state(export, call.now) == "Processed" else "cancel"):
        raise Refused("EGeneral:Invalid arguments")
    del call.account.exports[export.id]
    return {word: True}


EXPORTS: dict[str, Answer] = {
    "AddExport": add,
    "ExportStatus": status,
    "RetrieveExport": retrieve,
    "RemoveExport": remove,
}
