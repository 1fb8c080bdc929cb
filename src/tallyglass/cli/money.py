"""Commands about what is owned: sync, replay, holdings, orders, unparsed, set-currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tallyglass.app import history as ledger
from tallyglass.app import worth as valuing
from tallyglass.app.views import SyncPartView
from tallyglass.cli import main, show
from tallyglass.cli.main import app
from tallyglass.cli.options import options
from tallyglass.sync.report import PartReport, Remaining, Watcher, nobody, remaining

if TYPE_CHECKING:  # loading it takes longer than most commands
    from rich.progress import Progress, TaskID

#: How long `sync` waits for the sync of another process, in seconds, before it says that the connection is busy.
PATIENCE = 60.0


@app.command()
def sync(
    connection: Annotated[str, typer.Argument(help="One connection; all of them when left out.")] = "",
    full: Annotated[bool, typer.Option(help="Read the whole history again.")] = False,
) -> None:
    """Read everything new: balances, history, prices."""
    from tallyglass.app import alerting, syncing

    with options.session() as session:
        with watching() as watch:
            found = syncing.sync(session, *filter(None, [connection]), full=full, watch=watch, patience=PATIENCE)
        if not found and options.nothing_yet(session.keeper):
            return
        alerting.tell(session)  # a key that was frozen now may be thawed before anybody else looks
    _print_parts(found)


@app.command()
def replay(connection: Annotated[str, typer.Argument()] = "") -> None:
    """Parse the stored answers again: after an upgrade. Asks no exchange."""
    from tallyglass.app import syncing

    with options.session() as session, watching() as watch:
        found = syncing.replay(session, connection, watch=watch)
    _print_parts(found)


class watching:  # noqa: N801  (used as a function)
    """A line per connection while it works: what is read, how far back, how long it will take; silent without eyes."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._parts: dict[str, dict[str, PartReport]] = {}

    def __enter__(self) -> Watcher:
        if options.json or not show.err.is_terminal:
            return nobody
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(16),
            TextColumn("{task.fields[left]}"),
        )
        self._progress = Progress(*columns, console=show.err, transient=True)
        self._progress.start()
        return self._show

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
        if kind is not None and issubclass(kind, KeyboardInterrupt) and not options.json:
            show.err.print("Stopped. What was read is kept; the next sync goes on from there.")

    def _show(self, part: PartReport) -> None:
        assert self._progress is not None  # noqa: S101  (it is shown only once it has begun)
        parts = self._parts.setdefault(part.connection, {})
        parts[part.stream] = part
        found, items = remaining(parts.values()), sum(each.entries for each in parts.values())
        text = f"{part.connection}: {part.stream[:24]}" + (f" ({items:,} items)" if items else "")
        if part.connection not in self._tasks:
            self._tasks[part.connection] = self._progress.add_task(text, total=None, left="")
        # How much there is to read is known only when every stream can tell: until then the bar just moves.
        total = None if found.at_least else found.made + found.left
        self._progress.update(
            self._tasks[part.connection], description=text, total=total, completed=found.made, left=_left(part, found)
        )


def _left(part: PartReport, found: Remaining) -> str:
    """How long it will still take, as honestly as the streams can tell."""
    if part.waiting > 0:
        return f"waits {part.waiting:.0f} s, as told"
    if found.seconds < 1:
        return ""
    minutes, seconds = divmod(round(found.seconds), 60)
    words = f"{minutes} min" if minutes > 1 else f"{60 * minutes + seconds} s"
    return f"at least {words} left" if found.at_least else f"about {words} left"


def _print_parts(found: list[SyncPartView]) -> None:
    if options.json:
        show.as_json(found)
    else:
        rows = show.table(
            "connection", "streams", ("pages", "right"), ("entries", "right"), ("new", "right"), ("seconds", "right")
        )
        for connection in dict.fromkeys(part["connection"] for part in found if part["stream"] != "all"):
            parts = [part for part in found if part["connection"] == connection]
            rows.add_row(
                connection,
                str(len(parts)),
                *(f"{sum(part[name] for part in parts):,}" for name in ("pages", "entries", "new")),
                f"{sum(part['seconds'] for part in parts):.1f}",
            )
        show.print_table(rows)
        unknown = sum(part["unparsed"] for part in found)
        if unknown:
            show.out.print(f"{unknown} pieces were not understood; kept. See: tallyglass unparsed", style="yellow")
        _print_faults(found)
        for part in found:
            if part["text"] and not part["fault"]:
                words = f"{part['connection']} {part['stream']}: {part['text']} {part['fix']}".strip()
                show.out.print(words, style="yellow", markup=False)
    if any(part["fault"] for part in found):
        ours = all(part["fault"] in (None, "frozen", "busy") for part in found)
        raise typer.Exit(main.PARTIAL if ours or any(not part["fault"] for part in found) else main.EXCHANGE)


def _print_faults(found: list[SyncPartView]) -> None:
    """What many parts of a connection have in common stands once, and what to do about it too."""
    alike: dict[tuple[str, str, str], list[SyncPartView]] = {}
    for part in found:
        if part["fault"]:
            said = part["text"].replace(part["stream"], "…")
            alike.setdefault((part["connection"], part["fault"], said), []).append(part)
    told = ""
    for (connection, _, said), parts in alike.items():
        stream, text = parts[0]["stream"], parts[0]["text"]
        if len(parts) > 1:
            every = sum(each["connection"] == connection for each in found)
            text = f"{connection}: {len(parts)} of {every} parts not read: {said}"
        elif stream != "all":
            text = f"{connection} {stream}: {text}"
        fix = parts[0]["fix"]
        show.problem(text, "" if fix == told else fix)
        told = fix


@app.command()
def unparsed() -> None:
    """What was kept raw because no parser knows it."""
    with options.session() as session:
        found = ledger.unparsed(session)
    if options.json:
        show.as_json(found)
        return
    if not found:
        show.out.print("Everything was understood.")
    for piece in found:
        show.out.print(f"{piece['connection']} {piece['stream']} {piece['id']}: {piece['reason']}", markup=False)
        show.out.print(f"  {(piece['raw'] or '')[:300]}", style="dim", markup=False)


@app.command("set-currency")
def set_currency(code: Annotated[str, typer.Argument(help="USD, EUR, GBP, BTC …")]) -> None:
    """Count everything in another currency."""
    wanted = valuing.currency_named(code)
    with options.session() as session:
        valuing.set_currency(session, code)
    if options.json:
        show.as_json({"currency": wanted})
    else:
        show.out.print(f"From now on everything is counted in {wanted}.")
