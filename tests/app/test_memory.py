"""Memory: what is kept is what would be made now, made once; what takes long is counted aside, and told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tallyglass.app.memory import LongMemory, Memory
from tallyglass.app.problems import Problem
from tallyglass.store import present
from tallyglass.store.sqlcipher import open_store


def numbers() -> Callable[[], int]:
    return count(1).__next__


def test_it_is_made_once_for_each_stamp_whoever_asks_at_the_same_time() -> None:
    memory, make = Memory(), numbers()

    def slowly() -> int:
        threading.Event().wait(0.05)
        return make()

    with ThreadPoolExecutor(8) as pool:
        assert {each.result() for each in [pool.submit(memory.keep, "a", 1, slowly) for _ in range(8)]} == {1}
    assert memory.keep("a", 2, slowly) == 2
    assert memory.keep("b", 2, make) == 3
    assert memory.keep("a", 2, slowly) == 2


def test_what_a_command_asks_for_is_counted_at_once() -> None:
    counted = Memory().aside("a", 1, numbers())
    assert (counted.value, counted.current) == (1, True)


def test_what_takes_long_keeps_nobody_waiting_and_is_told_when_it_is_done() -> None:
    told, go_on = threading.Event(), threading.Event()
    memory, make = LongMemory(told.set), numbers()

    def long() -> int:
        go_on.wait(60)
        return make()

    first = memory.aside("a", 1, long)
    assert (first.value, first.current) == (None, False)
    go_on.set()
    assert told.wait(60)
    assert memory.aside("a", 1, long).value == 1

    go_on.clear()
    told.clear()
    older = memory.aside("a", 2, long)
    assert (older.value, older.current) == (1, False), "the last one stands until the new one is there"
    go_on.set()
    assert told.wait(60)
    newer = memory.aside("a", 2, long)
    assert (newer.value, newer.current) == (2, True)


def test_what_is_done_in_a_moment_is_waited_for() -> None:
    counted = LongMemory(lambda: None).aside("a", 1, numbers())
    assert (counted.value, counted.current) == (1, True)


def test_what_cannot_be_counted_is_told_to_who_asks() -> None:
    def fails() -> int:
        raise Problem("usage", "That cannot be.")

    memory = LongMemory(lambda: None)
    for _ in range(2):
        with pytest.raises(Problem, match="That cannot be"):
            memory.aside("a", 1, fails)
    assert memory.aside("a", 2, numbers()).value == 1


def test_at_its_end_it_begins_nothing_more_and_forgets() -> None:
    memory = LongMemory(lambda: None)
    assert memory.keep("a", 1, numbers()) == 1
    memory.end(wait=5)
    assert memory.last("a") is None
    assert memory.aside("b", 1, numbers()).value is None


def test_it_holds_no_more_than_a_few_things() -> None:
    memory, make = Memory(), numbers()
    for name in range(1000):
        memory.keep(name, 1, make)
    assert memory.last(999) == 1000
    assert memory.last(0) is None
    assert sum(memory.last(name) is not None for name in range(1000)) <= 64


def test_the_store_has_another_version_after_every_change_whoever_made_it(tmp_path: Path) -> None:
    ours, other = (open_store(tmp_path / "portfolio.db", bytes(32)) for _ in range(2))
    try:
        before = ours.version()
        with ours.read() as db:
            present.setting(db, "any", "")
        assert ours.version() == before, "nothing has changed"
        for store in (ours, other, ours):
            with store.write() as db:
                present.set_setting(db, "any", str(before))
            after = ours.version()
            assert after != before
            before = after
        seen = [ours.version() for _ in range(3)]
        assert seen == [before] * 3
    finally:
        ours.close()
        other.close()
