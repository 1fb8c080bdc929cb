"""Text that others wrote: nothing unseen is left in it, JSON says the same as before, no cell is a formula."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.app.visible import LONGEST, MARK, brief, escaped, harmless, visible

TEXTS = st.one_of(st.text(), st.text("\x00\x1b\x9b\u202e\u2066\ud800\U000e0041 aé日\n\t"))


@given(TEXTS)
def test_what_orders_or_turns_is_seen_as_a_mark_and_the_rest_is_as_it_was(text: str) -> None:
    shown = visible(text)

    assert len(shown) == len(text)
    for was, now in zip(text, shown, strict=True):
        assert now in (was, MARK)
        assert now in "\n\t" or unicodedata.category(now) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(now) not in ("RLO", "LRO", "RLE", "LRE", "PDF", "LRI", "RLI", "FSI", "PDI")
        assert now == was or not was.isprintable()


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_says_the_same(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)

    assert json.loads(escaped(text)) == value
    assert visible(escaped(text)) == escaped(text)


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@A", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\x1b[2J", "a\u202eb"])
def test_no_cell_is_a_formula_or_an_order(cell: str) -> None:
    assert not harmless(cell).lstrip().startswith(("=", "+", "-", "@", "＝"))
    assert visible(harmless(cell)) == harmless(cell)


@pytest.mark.parametrize("cell", ["", "BTC", "kraken/LABC-1", "1INCH", "Grüße 日本", "family 👨\u200d👩\u200d👧"])
def test_a_plain_cell_is_as_it_was(cell: str) -> None:
    assert harmless(cell) == visible(cell) == brief(cell) == cell


def test_what_nobody_reads_to_the_end_is_cut_and_says_so() -> None:
    assert brief("A" * LONGEST) == "A" * LONGEST
    assert brief("A" * 1_000_000) == "A" * LONGEST + "… (1,000,000 characters)"
