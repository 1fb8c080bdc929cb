"""`tallyglass audit`: everything that wants the user's hand, and a report on every key."""

from __future__ import annotations

import csv
import sys
from typing import Annotated, Literal

import typer
from rich.text import Text

from tallyglass.app import audit as auditing
from tallyglass.app import hygiene
from tallyglass.app.exchanges import exchange
from tallyglass.app.key_views import AuditView, FindingView, KeyView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.cli import main, show
from tallyglass.cli.keys import print_finding, print_keys
from tallyglass.cli.main import app
from tallyglass.cli.options import options

Walked = Annotated[str, typer.Option(metavar="EXCHANGE", help="You have looked through your keys there.")]


@app.command()
def audit(
    what: Annotated[Literal["list", "snooze", "wake"], typer.Argument()] = "list",
    finding: Annotated[str, typer.Argument(help="The id of a finding, as the list shows it.")] = "",
    until: Annotated[str, typer.Option(help="Snooze: hear of it again from this day on, UTC.")] = "",
    reason: Annotated[str, typer.Option(help="Snooze: why it can wait.")] = "",
    walked: Walked = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="A line for each key, for spreadsheets.")] = False,
) -> None:
    """What wants your hand, and a report on every key.

    list: what is open; snooze: hear of one later, for a reason; wake: hear of it again.
    """
    with options.session() as session:
        if what != "list":
            _put_off(session, what, finding, (until, reason))
            return
        if walked:
            hygiene.walked(session, walked)
        found = auditing.audit(session)
    if walked and not options.json and not as_csv:
        show.out.print(f"Noted: you have looked through your keys at {exchange(walked).name}.")
    if options.json:
        show.as_json(found)
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(auditing.table(found))
    else:
        _print(found)
    if any(auditing.wants_a_hand(each) for each in found["findings"]):
        raise typer.Exit(main.FAILED)


def _put_off(session: Session, what: str, finding: str, told: tuple[str, str]) -> None:
    if not finding:
        raise Problem("usage", "Which finding?", f"tallyglass audit {what} ID; the ids: tallyglass audit")
    if what == "wake":
        known = hygiene.wake(session, finding)
        text = f"You will hear of it: {known.headline(known.connection)}."
    else:
        until, reason = told
        known = hygiene.snooze(session, finding, auditing.day(until), reason)
        text = f"Snoozed until {moment(known.snoozed_until)}: {known.headline(known.connection)}. It stays open."
    if options.json:
        show.as_json(hygiene.finding_view(known))
    else:
        show.out.print(text, markup=False)


def _print(found: AuditView) -> None:
    if found["keys"]:
        print_keys(found["keys"])
        show.out.print()
    for key in found["keys"]:
        _print_grade(key)
    awake = [each for each in found["findings"] if not each["snoozed_until"]]
    for each in awake:
        print_finding(each)
        show.out.print(f"    {each['id']}, since {each['since'][:10]}", style="dim", markup=False)
    show.out.print()
    for each in found["findings"]:
        if each["snoozed_until"]:
            words = (
                f"Snoozed until {each['snoozed_until'][:10]} ({each['snooze_reason']}): {each['title']}. {each['id']}"
            )
            show.out.print(Text(words, style="dim"))
    show.out.print(
        Text(f"The journal: {found['journal']['text']}", style="" if found["journal"]["intact"] else "bold red")
    )
    show.out.print(_summary(awake), style="bold")
    if awake:
        show.out.print("Can it wait? tallyglass audit snooze ID --until DAY --reason TEXT", style="dim", markup=False)


def _summary(awake: list[FindingView]) -> str:
    if not awake:
        return "Nothing needs you."
    urgent = sum(each["severity"] == "urgent" for each in awake)
    need = "One thing needs you" if len(awake) == 1 else f"{len(awake)} things need you"
    return f"{need}, {urgent} of them at once." if urgent else f"{need}."


def _print_grade(key: KeyView) -> None:
    weak = [point for point in key["points"] if point["letter"] != "A"]
    words = "; ".join(f"{point['text']} ({point['letter']})" for point in weak) or "nothing against it"
    if key["grade"]:
        show.out.print(Text(f"{key['connection']} {key['grade']}: {words}"))


@app.command("set-rotation")
def set_rotation(days: Annotated[int, typer.Argument(help="1 to 365.")]) -> None:
    """How old a key may get before it is to be replaced."""
    with options.session() as session:
        hygiene.set_rotation(session, days)
    if options.json:
        show.as_json({"days": days})
    else:
        show.out.print(f"From now on a key is due to be replaced after {days} days.")
