"""What an exchange has not told while it repeated itself is asked for again by the next sync."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.dump import entries
from support.inmemory import Exchange
from tallyglass.keeper.client import Answer
from tallyglass.store import lease
from tallyglass.store.sqlcipher import open_store
from tallyglass.sync import engine
from tallyglass.sync.job import Job

DAY = 86_400


class Repeating:
    """The door of that exchange; while `repeats`, its conversions are for ever the first that it has told."""

    def __init__(self, world: Exchange) -> None:
        self.world, self.repeats = world, True
        self.told: Answer | None = None

    def read(self, connection: str, read_id: str, params: Mapping[str, str] | None = None) -> Answer:
        answer = self.world.read(connection, read_id, params)
        if read_id != "conversions" or not self.repeats:
            return answer
        self.told = self.told or answer
        return self.told


def test_windows_that_an_exchange_told_the_same_of_are_asked_for_again(tmp_path: Path) -> None:
    world = Exchange("binance")
    world.happen("deposit", amount="50000")
    for _ in range(12):
        world.now += 35 * DAY
        world.happen("convert")
    world.now += DAY
    store, door = open_store(tmp_path / "portfolio.db", bytes(32)), Repeating(world)

    def synced() -> dict[str, str]:
        held = lease.claim(store, "binance", "me", world.clock())
        assert held is not None
        report = engine.sync(Job("binance", "binance", door, store, held, now=world.clock, pace=1e9))
        return {part.stream: part.fault for part in report.failed}

    assert synced() == {"conversions": "repeats"}
    door.repeats = False
    assert synced() == {}
    ours = {each.entry.id for each in entries(store)}
    assert {name for name in world.truth() if name.startswith("convert:")} <= ours
