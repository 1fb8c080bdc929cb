"""Of what several sources say, one is taken that really says it, and no liar among honest ones moves it far."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tallyglass.money import Amount, amount, multiply
from tallyglass.prices.choose import NEAR, Choice, Rank, choose


@dataclass(frozen=True)
class Said:
    source: str
    rank: Rank
    value: Amount


def said(source: str, value: str, tier: int = 0, left: int = 0) -> Said:
    return Said(source, (tier, left, 0, "USD"), amount(value))


values = st.decimals("0.000001", "1000000", places=6)
tiers, lengths = st.integers(0, 1), st.integers(0, 2)
candidates = st.lists(st.tuples(values, tiers, lengths), min_size=1, max_size=7).map(
    lambda rows: [said(f"s{place}", str(value), tier, left) for place, (value, tier, left) in enumerate(rows)]
)


def taken(found: list[Said]) -> tuple[Said, bool, frozenset[str]]:
    choice = choose(found)
    return found[choice.place], choice.disagree, frozenset(found[place].source for place in choice.outliers)


@given(candidates, st.randoms())
def test_the_order_of_the_candidates_never_matters(found: list[Said], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert taken(shuffled) == taken(found)


@given(candidates)
def test_what_is_taken_is_no_outlier_unless_there_is_no_majority(found: list[Said]) -> None:
    value, disagree, outliers = taken(found)

    assert value in found
    assert value.source not in outliers
    if not outliers:
        assert not disagree


@given(st.lists(st.tuples(values, tiers, lengths), min_size=2, max_size=6), values, tiers, st.integers(-3, 2))
def test_one_liar_among_three_or_more_moves_the_value_no_further_than_the_tolerance(
    honest: list[tuple[Amount, int, int]], start: Amount, tier: int, power: int
) -> None:
    """The honest ones lie close together; the liar says anything, over the best path of all."""
    near = [multiply(start, amount(f"1.00{place}")) for place, _ in enumerate(honest)]
    found = [
        said(f"s{place}", str(value), tier, left)
        for place, (value, (_, tier, left)) in enumerate(zip(near, honest, strict=True))
    ]
    liar = said("a liar", str(multiply(start, amount(f"1.37e{power}"))), tier)

    value, disagree, outliers = taken([*found, liar])

    assert min(near) <= multiply(value.value, 1 + NEAR)
    assert value.value <= multiply(max(near), 1 + NEAR)
    assert "a liar" in outliers
    assert not outliers - {"a liar"}
    first, *_ = sorted(found, key=lambda each: each.rank)
    assert disagree <= (liar.rank <= first.rank or len(found) == 2)


def test_among_equals_it_is_the_median_and_of_two_in_the_middle_the_first_by_name() -> None:
    assert choose([said("b", "100"), said("a", "102"), said("c", "101")]).place == 2
    assert choose([said("b", "100"), said("a", "101")]).place == 1
    assert choose([said("b", "100"), said("a", "101", left=1)]).place == 0


def test_two_that_are_far_apart_leave_it_open_and_the_shorter_path_is_kept() -> None:
    assert choose([said("a", "100"), said("b", "106", left=1)]) == Choice(0, (1,), disagree=True)
    assert choose([said("a", "106", left=1), said("b", "100")]) == Choice(1, (0,), disagree=True)
    assert choose([said("a", "100"), said("b", "104", left=1)]) == Choice(0)


def test_the_best_path_is_outvoted_and_that_is_told() -> None:
    found = [said("kraken", "1000"), said("binance", "100", left=1), said("llama", "100.5", tier=1)]

    assert choose(found) == Choice(1, (0,), disagree=True)


def test_an_outlier_that_was_not_to_be_taken_is_shown_and_casts_no_doubt() -> None:
    found = [said("coinbase", "100"), said("kraken", "1000"), said("binance", "100.1", left=1)]

    assert choose(found) == Choice(0, (1,))
