"""Commands that run the program or look after it: init, up, demo, unlock, lock, status, doctor, journal, sandbox."""

from __future__ import annotations

import shlex
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from tallyglass.app import demo, secrets, unlocking
from tallyglass.app import format as shown
from tallyglass.app import journal as uses
from tallyglass.app import status as standing
from tallyglass.app import worth as valuing
from tallyglass.app.home import Home, find_home
from tallyglass.app.problems import Problem
from tallyglass.app.service import Service
from tallyglass.app.session import check_home, create_home, no_home
from tallyglass.cli import main, prompt, show
from tallyglass.cli.main import app
from tallyglass.cli.money import watching
from tallyglass.cli.options import options, read_passphrase
from tallyglass.cli.worth import print_worth
from tallyglass.keeper.client import Keeper, Unreachable

if TYPE_CHECKING:
    from tallyglass.web.where import Where

Port = Annotated[int, typer.Option(help="Where the dashboard listens, on this machine only.", min=0, max=65535)]


@app.command()
def init() -> None:
    """Make a home: a vault under a passphrase of yours."""
    home = options.place()
    check_home(home)
    create_home(home, options.new_passphrase(), log_level=options.log_level)
    if options.json:
        show.as_json({"home": str(home.path)})
    else:
        show.out.print(f"Your home is {home.path}.", markup=False)
        show.out.print("The passphrase is not stored anywhere: without it, nothing here can be opened.")
        show.out.print("Next: tallyglass guide kraken (or binance, coinbase), then tallyglass connect.")


@app.command()
def unlock() -> None:
    """Unlock the keeper that runs (`tallyglass up`)."""
    keeper = _running()
    if keeper.health().state != "unlocked":
        options.unlock(keeper.unlock)
    _fetch(keeper)
    _said("unlocked", "The keeper is unlocked.")


def _fetch(keeper: Keeper) -> None:
    """The keys that a password manager keeps, now that somebody is there whom it may ask; what fails is told."""
    for name, trouble in secrets.supply(keeper):
        show.problem(f"{name}: {trouble.text}", trouble.fix)


@app.command()
def lock() -> None:
    """Lock the keeper that runs: it forgets every secret."""
    keeper = Keeper(options.place().socket)
    try:
        keeper.lock()
    except Unreachable:
        _said("down", "Nothing is running, so nothing is unlocked.")
    else:
        _said("locked", "The keeper is locked.")


def _running() -> Keeper:
    home = options.place()
    if not home.exists:
        raise no_home(home)
    keeper = Keeper(home.socket)
    try:
        keeper.health()
    except Unreachable:
        raise Problem("keeper_down", "No keeper is running.", "Start the program with: tallyglass up") from None
    return keeper


def _said(state: str, text: str) -> None:
    if options.json:
        show.as_json({"keeper": state})
    else:
        show.out.print(text)


@app.command()
def status() -> None:
    """How things stand: home, keeper, sources."""
    home = options.place()
    view = standing.status(home)
    if view["keeper"] == "unlocked":
        with options.session() as session:
            view = standing.status(home, session)
    if options.json:
        show.as_json(view)
        return
    options.say_sandbox(view["sandbox"])
    show.out.print(f"Tallyglass {view['version']}, home {view['home']}", markup=False)
    words = {"none": "no home yet: tallyglass init", "down": "not running", "locked": "locked", "unlocked": "unlocked"}
    show.out.print(f"keeper: {words[view['keeper']]}")
    rows = show.table("source", "part", "fresh", "trouble")
    for source in view["sources"]:
        trouble = f"{source['text']}" if source["fault"] else ""
        rows.add_row(source["source"], source["part"], shown.age(source["fresh_at"]), trouble)
    if view["sources"]:
        show.print_table(rows)
    if view["gaps"]:
        found = "1 asset does" if view["gaps"] == 1 else f"{view['gaps']} assets do"
        show.out.print(f"{found} not add up: tallyglass reconcile", style="yellow")
    if view["unparsed"]:
        found = "1 piece was" if view["unparsed"] == 1 else f"{view['unparsed']} pieces were"
        show.out.print(f"{found} not understood, and kept: tallyglass unparsed", style="yellow")


@app.command()
def doctor() -> None:
    """Look for what could be wrong, and say what to do."""
    home = options.place()
    if home.exists and (options.passphrase_file or standing.status(home)["keeper"] == "unlocked"):
        with options.session() as session:
            found = standing.doctor(home, session)
    else:
        found = standing.doctor(home, None)
    if options.json:
        show.as_json(found)
    else:
        for each in found:
            mark = ("ok  ", "green") if each["ok"] else ("look", "red")
            show.out.print(Text.assemble(mark, f" {each['check']}: {each['text']}"))
            if each["fix"]:
                show.out.print(f"     {each['fix']}", markup=False)
    if not all(each["ok"] for each in found):
        raise typer.Exit(main.FAILED)


@app.command()
def journal(
    what: Annotated[Literal["list", "verify", "restart"], typer.Argument()] = "list",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    connection: Annotated[str, typer.Option()] = "",
) -> None:
    """Every use of every key.

    list: the last ones; verify: proof that no line is changed or gone; restart: begin anew.
    """
    if what == "verify":
        _verify_journal()
    elif what == "restart":
        _restart_journal()
    else:
        _list_journal(limit, connection)


def _verify_journal() -> None:
    with options.keeper() as keeper:
        report = uses.verify(keeper)
    if options.json:
        show.as_json(report)
    else:
        show.out.print(report["text"], style="green" if report["intact"] else "bold red", markup=False)
    if not report["intact"]:
        raise typer.Exit(main.FAILED)


def _restart_journal() -> None:
    with options.keeper() as keeper:
        told = uses.restart(keeper)
    if options.json:
        show.as_json(told)
    else:
        where = (
            f"The broken journal now lies in {told['aside']}" if told["aside"] else "Nothing was left of the old one"
        )
        show.out.print(f"{where}; a new one has begun.", markup=False)


def _list_journal(limit: int, connection: str) -> None:
    with options.keeper() as keeper:
        found = uses.journal(keeper, limit=limit, connection=connection)
        if not found and options.nothing_yet(keeper):
            return
    if options.json:
        show.as_json(found)
        return
    rows = show.table(("time (UTC)", "whole"), "connection", "read", "status", "address", ("ms", "right"))
    for use in found:
        moment = use["time"][:19].replace("T", " ")
        who = use["connection"] or f"({use['exchange']})"
        ms = "" if use["ms"] is None else str(use["ms"])
        rows.add_row(moment, who, use["read"], use["status"], use["egress_ip"] or "", ms)
    show.print_table(rows)


@app.command()
def up(
    port: Port = 8420,
    new: Annotated[bool, typer.Option("--new", help="No home yet: choose its passphrase in the browser.")] = False,
    listen: Annotated[str, typer.Option(help="Another address of this machine; then TLS is needed.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="PEM file, for TLS.")] = None,
    certificate_key: Annotated[Path | None, typer.Option(help="PEM file with its key.")] = None,
    behind: Annotated[str, typer.Option(help="https://NAME of a proxy that ends TLS before us.")] = "",
) -> None:
    """Run everything: syncing, and the dashboard. Where it runs already: a new link to it."""
    home = options.place()
    if _served_already(home):
        return
    new = not home.exists and (new or _chosen_in_browser(home))
    if not (home.exists or new):
        fix = "Make one with: tallyglass init, or in the browser with: tallyglass up --new"
        raise Problem("no_home", f"There is no Tallyglass home at {home.path}.", fix)
    from tallyglass.web.where import Where

    where = Where(port, listen, certificate, certificate_key, behind).checked()
    _check_port(port, listen)
    file = options.passphrase_file
    again = None if file is None or not file.is_file() else (lambda: read_passphrase(file))
    if file is None and unlocking.is_remembered(home):
        again = partial(unlocking.remembered, home)
    service = Service(home, passphrase=again, log_level=options.log_level)
    keeper = service.start()
    try:
        if keeper.health().state == "locked":
            options.unlock(service.unlock)
            _fetch(keeper)
        _serve(service, where)
    finally:
        service.stop()


def _chosen_in_browser(home: Home) -> bool:
    """On a terminal: whether the passphrase of a new home is left to the browser; else it is made here."""
    if not options.on_terminal or options.passphrase_file is not None:
        return False
    typer.echo(f"There is no Tallyglass home at {home.path} yet. One is made now.", err=True)
    options.fresh = prompt.new_passphrase(or_else=", or Enter to choose it in the browser")
    if options.fresh:
        create_home(home, options.fresh, log_level=options.log_level)
    return not options.fresh


def _served_already(home: Home) -> bool:
    """Whether another `up` or `demo` serves this home; if so, say its new link."""
    from tallyglass.web.line import ask_for_link

    link = ask_for_link(home)
    if link is None:
        return False
    if options.json:
        show.as_json({"link": link})
    else:
        show.out.print(f"Tallyglass already runs here. A new link: {link}", markup=False, soft_wrap=True)
    return True


def _check_port(port: int, address: str = "") -> None:
    """Refuse one that another program has, before anything is begun."""
    from tallyglass.web.port import listening

    with listening(port, address):
        pass


def _serve(service: Service, where: Where, hint: str = "") -> None:
    from tallyglass.web.server import serve

    place = "" if service.home == find_home(None) else f" --home {shlex.quote(str(service.home.path))}"
    again = f"The link works once. A new one, from another terminal: tallyglass up{place}. Stop with Ctrl-C."

    def ready(link: str) -> None:
        options.say_sandbox(service.sandbox)
        what = "Choose your passphrase" if service.state == "new" else "Dashboard"
        show.out.print(f"{what}: {link}", markup=False, soft_wrap=True)
        if hint:
            show.out.print(hint, markup=False, soft_wrap=True)
        show.out.print(again, style="dim", markup=False, soft_wrap=True)

    service.look_after()
    serve(service, where, ready=ready)


@app.command("demo")
def demo_command(
    once: Annotated[bool, typer.Option(help="Print net worth and leave.")] = False,
    seed: Annotated[int, typer.Option(help="Which made-up accounts.")] = 1,
    scale: Annotated[Literal["small", "large"], typer.Option()] = "small",
    port: Port = 8420,
) -> None:
    """Try everything on fake exchanges.

    No key, no account, no network.
    """
    if not once:
        _check_port(port)
    with demo.demo_home(options.home) as home, demo.running_sandbox(_folder(home), seed=seed, scale=scale) as sandbox:
        passphrase = demo.make_passphrase()
        service = Service(home, sandbox=sandbox.base_url, passphrase=lambda: passphrase, log_level=options.log_level)
        keeper = service.start()
        try:
            keeper.create(passphrase)
            service.unlock(passphrase)
            _fill(service, sandbox)
            if not once:
                from tallyglass.web.where import Where

                _serve(service, Where(port), f"Its passphrase, if you are asked: {passphrase}")
        finally:
            service.stop()


def _folder(home: Home) -> Path:
    if home.exists:
        raise Problem("home_exists", f"{home.path} holds a vault already.", "Remove it, or name another --home.")
    home.make()
    return home.path


def _fill(service: Service, sandbox: demo.Sandbox) -> None:
    """Connect, sync, value; and say how it compares with the truth."""
    loud = not options.json
    options.say_sandbox(sandbox.base_url)
    begun = time.monotonic()
    for view in demo.connect_all(service.session().keeper, sandbox):
        if loud:
            grants = ", ".join(f"{right} {state}" for right, state in view["grants"].items())
            show.out.print(Text.assemble(f"{view['exchange']}: ", (view["verdict"], "green"), f" ({grants})"))
        if view["verdict"] != "accepted":
            raise Problem("demo", f"{view['exchange']}: the demo's own key was {view['verdict']}.", "")
    with watching() as watch:
        parts = service.sync(watch)
    for part in parts:
        if part["fault"]:
            raise Problem("demo", f"{part['connection']} {part['stream']}: {part['text']}", part["fix"])
    found = valuing.worth_view(service.session())
    rows = demo.compare(sandbox, found)
    if options.json:
        show.as_json(
            {"worth": found, "equal": all(row.equal for row in rows), "truth": {r.asset: r.true for r in rows}}
        )
    else:
        print_worth(found)
        _print_comparison(rows, sum(part["entries"] for part in parts), time.monotonic() - begun)
    if not all(row.equal for row in rows):
        raise Problem("demo", "Our numbers are not the sandbox's own.", "This is a fault of ours: please report it.")


def _print_comparison(rows: list[demo.Comparison], entries: int, seconds: float) -> None:
    show.out.print("\nBeside the fake exchanges' own books, to the last digit:")
    table = show.table("", ("Tallyglass", "right"), ("truth", "right"), "")
    for row in rows:
        table.add_row(
            row.asset,
            row.ours,
            row.true,
            show.styled("equal", "green") if row.equal else show.styled("differs", "bold red"),
        )
    show.print_table(table)
    show.out.print(f"{entries:,} items from three exchanges in {seconds:.1f} s.", style="dim")


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 0,
    seed: Annotated[int, typer.Option()] = 1,
    scale: Annotated[Literal["small", "large"], typer.Option()] = "small",
    state: Annotated[Path | None, typer.Option(help="Where the state file goes.")] = None,
    tls: Annotated[bool, typer.Option(help="HTTPS, with a certificate of its own.")] = False,
    markets: Annotated[int, typer.Option(min=0, help="So many markets at Binance, 200 or more.")] = 0,
) -> None:
    """Run the fake exchanges alone."""
    from tallyglass.sandbox import bazaar, run

    if 0 < markets < bazaar.FEWEST:
        raise typer.BadParameter(f"{bazaar.FEWEST} or more, or 0 for the usual ones", param_hint="--markets")
    _check_port(port)
    run.serve(port, seed, scale, state or Path("sandbox.json"), tls=tls, listed=markets)
