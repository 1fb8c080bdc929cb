"""Tables for other programs, as CSV and Parquet: worth through time, performance, prices, the ledger."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tallyglass.app import history as ledger
from tallyglass.app import performance as measuring
from tallyglass.app import pricing, worth_history
from tallyglass.app.asking import history_asked, one_of, performance_asked
from tallyglass.app.performance import AssetView, PerformanceView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import EntryView
from tallyglass.app.visible import harmless

Cell = str | None
#: What we counted ourselves: a sign before it makes no formula of it. All other columns hold words.
FIGURES: Final = frozenset(
    ("total", "flow", "net_deposits", "fees", "rewards", "start", "end", "gain", "time_weighted", "price", "amount")
)


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns, and rows of text: money as it is, exact."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a table is wanted; what is left empty asks for nothing."""

    first: str = ""
    last: str = ""
    every: str = ""


def table(session: Session, what: str, asked: Asked) -> Table:
    """One of the tables. A `Problem` for what cannot be asked of it."""
    one_of("table", what, tuple(TABLES))
    if asked.every and what != "worth":
        raise Problem("usage", f"{what} knows no --every.", "Leave it out.")
    return TABLES[what](session, asked)


def as_csv(found: Table) -> str:
    """Comma-separated; what is not known is empty, and no word is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(found.columns)
    for row in found.rows:
        named = zip(found.columns, row, strict=True)
        writer.writerow([cell if cell is None or name in FIGURES else harmless(cell) for name, cell in named])
    return out.getvalue()


def by_column(found: Table) -> dict[str, list[Cell]]:
    """The same, a list for each column, as Parquet wants it."""
    return {name: [row[place] for row in found.rows] for place, name in enumerate(found.columns)}


def insist_on_parquet() -> None:
    """A `Problem` where nothing is installed that writes Parquet."""
    if importlib.util.find_spec("pyarrow") is None:
        text = "Parquet is written by pyarrow, which is not installed."
        raise Problem("no_pyarrow", text, "pip install 'tallyglass[parquet]', or name a file that ends in .csv")


def as_parquet(found: Table) -> bytes:
    """Every column as text: a figure is exact, however many digits it has."""
    insist_on_parquet()
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.string()) for name in found.columns])
    out = io.BytesIO()
    parquet.write_table(pa.table(by_column(found), schema=schema), out)
    return out.getvalue()


def _worth(session: Session, asked: Asked) -> Table:
    every = one_of("every", asked.every or "day", worth_history.EVERY)
    found = worth_history.history(session, history_asked(asked.first, asked.last, every))
    rows = [
        (
            *(each["day"], each["at"], found["currency"], each["total"], each["flow"], each["net_deposits"]),
            *(each["fees"], each["rewards"], _yes(each["complete"])),
            "; ".join(cause["text"] for cause in each["causes"]),
        )
        for each in found["points"]
    ]
    columns = ("day", "at", "currency", "total", "flow", "net_deposits", "fees", "rewards", "complete", "causes")
    return Table(columns, rows, all(each["complete"] for each in found["points"]))


def _performance(session: Session, asked: Asked) -> Table:
    found = measuring.performance(session, performance_asked("", asked.first, asked.last, by="asset"))
    shared = (found["after"], found["to"], found["currency"])
    rows = [(*shared, None, *_figures(found)), *((*shared, each["asset"], *_figures(each)) for each in _assets(found))]
    figures = ("start", "end", "net_deposits", "gain", "fees", "rewards", "time_weighted", "complete")
    return Table(("after", "to", "currency", "asset", *figures), rows, found["complete"])


def _assets(found: PerformanceView) -> Sequence[AssetView]:
    return found["assets"] or ()


def _figures(of: PerformanceView | AssetView) -> tuple[Cell, ...]:
    money = (of["start"], of["end"], of["net_deposits"], of["gain"], of["fees"], of["rewards"])
    return (*money, of["time_weighted"]["rate"], _yes(of["complete"]))


def _prices(session: Session, asked: Asked) -> Table:
    if asked.first or asked.last:
        raise Problem("usage", "prices are those of now: they know no --from and no --to.", "Leave them out.")
    rows = [
        (
            *(each["asset"], each["currency"], each["price"], each["source"], each["at"]),
            " ".join(f"{step['base']}/{step['quote']}@{step['source']}" for step in each["path"]),
            " ".join(each["marks"]),
        )
        for each in pricing.prices(session)
    ]
    return Table(("asset", "currency", "price", "source", "at", "path", "marks"), rows)


def _history(session: Session, asked: Asked) -> Table:
    """All entries, the newest first."""
    rows: list[tuple[Cell, ...]] = []
    after: str | None = ""
    while after is not None:
        question = ledger.Question(ledger.LONGEST_PAGE, after, since=asked.first, until=asked.last)
        page = ledger.history(session, question)
        rows += [row for entry in page["items"] for row in _legs(entry)]
        after = page["next"]
    about = ("time", "connection", "id", "kind", "status", "txid", "partner", "note")
    return Table((*about, "asset", "amount", "role", "account"), rows)


def _legs(entry: EntryView) -> list[tuple[Cell, ...]]:
    about = (entry["time"], entry["connection"], entry["id"], entry["kind"], entry["status"], entry["txid"])
    more = (entry["partner"], entry["note"])
    return [(*about, *more, leg["asset"], leg["amount"], leg["role"], leg["account"]) for leg in entry["legs"]]


def _yes(so: object) -> str:
    return "yes" if so else "no"


TABLES: Final[Mapping[str, Callable[[Session, Asked], Table]]] = {
    "worth": _worth,
    "performance": _performance,
    "prices": _prices,
    "history": _history,
}
