"""What the wizard says: six steps and all boxes of every exchange; of a verdict each row, its fix, and how it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyglass.app.admission import Judged, for_page
from tallyglass.app.exchanges import exchange, exchanges
from tallyglass.app.key_views import ReasonView, VerdictView
from tallyglass.app.problems import Problem
from tallyglass.keeper.client import AGAIN
from tallyglass.web.pages import verdict
from tallyglass.web.rendering import strong

NAMES = [each["id"] for each in exchanges()]
ABSENT = dict.fromkeys(("trade", "withdraw", "transfer", "manage"), "absent")


def judged(name: str = "kraken", *, granted: str = "", **more: object) -> Judged:
    """A good key of a new account, but for what is said."""
    grants = {"read": "granted", **ABSENT, **({granted: "granted"} if granted else {})}
    reasons: list[ReasonView] = []
    if granted:
        reasons = [{"code": f"{granted}_granted", "text": "It may.", "fix": f"Untick “The box”. {AGAIN}"}]
    view: VerdictView = {
        "exchange": name,
        "verdict": "refused" if granted else "accepted",
        "grants": grants,
        "ip": {"bound": "no", "addresses": []},
        "expires_at": None,
        "account": "AA11 BB22 CC33 DD44",
        "reasons": reasons,
        "connection": None,
        "state": None,
    }
    return replace(Judged(view, "new", "", replaces=False), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_every_exchange_has_six_steps_in_its_own_words_a_link_and_a_reach(name: str) -> None:
    manifest = exchange(name)
    labels = manifest.labels
    for steps in filter(None, (labels["steps"], labels.get("own_steps"))):
        assert len(steps) == 6
        assert sum("{name}" in step for step in steps) == 1
        assert "exactly like this" in steps[3], "the boxes are drawn below it"
    assert bool(labels.get("own_steps")) == bool(manifest.self_generated)
    assert labels["link"].startswith("https://")
    assert labels["link"].split("/")[2].endswith(manifest.home.split(".", 1)[1])
    assert labels["reach"].endswith(".")
    assert labels["tick"]
    assert labels["leave"]


@pytest.mark.parametrize("right", ABSENT)
def test_a_right_too_many_is_red_with_its_fix_and_nothing_can_be_stored(right: str) -> None:
    card = verdict.card(judged(granted=right), "Store this key")
    (red,) = [row for row in card.rows if row.tone == "bad"]
    assert (red.title, red.chip, red.sign) == (right.capitalize(), "granted", "✕")
    assert red.note == "Untick “The box”. Then check again."
    assert (card.end, card.title, card.store, card.strict) == ("refused", "Refused. Nothing was stored.", "", True)
    assert card.said == f"Refused. Nothing was stored. {right.capitalize()}: granted; Bound to our address: not bound."


def test_a_green_card_has_one_button() -> None:
    card = verdict.card(judged(), "Store this key")
    assert (card.end, card.store, card.named, card.asks_account) == ("accepted", "Store this key", True, False)
    assert [row.chip for row in card.rows if row.title == "A new account"] == ["AA11…DD44"]


@pytest.mark.parametrize(
    ("account", "replaces", "words"),
    [
        ("same", False, "Connected already. Nothing was stored."),
        ("same_key", False, "This key is in use already. Nothing was stored."),
        ("same_key", True, "This key is in use already. Nothing was changed."),
        ("other", True, "Another account. Nothing was changed."),
    ],
)
def test_an_account_in_the_way_is_told_and_nothing_can_be_stored(account: str, words: str, *, replaces: bool) -> None:
    card = verdict.card(judged(account=account, replaces=replaces, holder="kraken"), "Store this key")
    assert (card.end, card.title, card.store) == ("refused", words, "")


def test_an_account_that_is_not_told_wants_the_users_word_in_a_rotation_alone() -> None:
    assert verdict.card(judged(account="untold", replaces=True, holder="kraken"), "Use it").asks_account
    assert not verdict.card(judged(account="untold"), "Store this key").asks_account


def test_every_trouble_has_words_of_its_own() -> None:
    codes = ("bad_secret", "ip_refused", "clock", "key_expired", "wrong_region", "down", "malformed_key", "locked")
    cards = [verdict.trouble("kraken", Problem(code, f"It is {code}.", f"Do this. {AGAIN}")) for code in codes]
    assert len({card.title for card in cards}) == len(codes)
    assert all(card.title.endswith("Nothing was stored.") for card in cards)
    assert all(card.fixes == ("Do this. Then check again.",) for card in cards)


def test_no_command_is_named_where_the_page_can_say_it() -> None:
    told = for_page(
        "Put your addresses (`tallyglass egress`) into it; add the addresses that `tallyglass egress` shows."
    )
    assert told == "Put your addresses (step 4) into it; add the addresses of step 4."


def test_what_is_quoted_stands_out_and_nothing_else_is_markup() -> None:
    assert strong("Untick “A <b>” and **C & D**") == "Untick <b>A &lt;b&gt;</b> and <b>C &amp; D</b>"
