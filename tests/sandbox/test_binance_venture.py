"""A venture ordered in the very second in which a world began: what the account has grown with stays as it was."""

from __future__ import annotations

import pytest

from support.inmemory import BEGIN, Exchange
from tallyglass.sandbox.binance.venture import Venture
from tallyglass.sandbox.binance.venue import Binance

DAY = 86_400


@pytest.mark.parametrize("later", [0.0, 0.5, 3.0])
def test_a_second_venture_leaves_the_first_alone(later: float) -> None:
    world, begin = Exchange("binance"), BEGIN["binance"]
    assert isinstance(world.venue, Binance)
    world.now = begin - 800 * DAY
    world.venue._agendas = []  # kept by hand below, when there is something in earn
    world.happen("deposit", amount="50000")
    world.special("earn")
    end = int(begin) * 1_000_000
    Venture(world.venue.accounts["main"], world.prices, end).agenda.keep(end)
    before = world.truth()

    world.now = begin + later
    world.special("venture")
    after = world.truth()
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)
