"""What a Kraken key may do: told truly, and unknown whenever the answer leaves a doubt."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges.grants import DANGEROUS, Grants
from tallyglass.exchanges.kraken.permissions import grants

PAYLOADS = Path(__file__).parent / "payloads"
CAMEL = (PAYLOADS / "key_info.json").read_bytes()
SNAKE = (PAYLOADS / "key_info_snake.json").read_bytes()
READING = ["query-funds", "query-open-trades", "query-closed-trades", "query-ledger"]
UNKNOWN = dict.fromkeys(DANGEROUS, "unknown")


def of(**changes: Any) -> Grants:
    answer = json.loads(CAMEL)
    answer["result"].update(changes)
    return grants({"key_info": json.dumps(answer).encode()})


def dangers(found: Grants) -> dict[str, str]:
    return {right: found.state(right) for right in DANGEROUS}


def all_absent(found: Grants) -> bool:
    return set(dangers(found).values()) == {"absent"}


def test_a_read_only_key_is_proven() -> None:
    found = grants({"key_info": CAMEL})
    assert found.read == "granted"
    assert all_absent(found)
    assert found.ip_bound == ("203.0.113.9", "198.51.100.0/24")
    assert found.ip_restricted is True
    assert found.created_at == datetime.fromtimestamp(1795200000, UTC)
    assert found.expires_at == datetime.fromtimestamp(1826836000, UTC)
    assert found.account_id == "AA00 N00G MADE UPXX"
    assert found.label == "tracker-readonly-2026-11-20"
    assert found.window is None
    assert found.strange == ()


def test_the_other_spelling_of_the_fields_is_understood() -> None:
    found = grants({"key_info": SNAKE})
    assert found.read == "granted"
    assert all_absent(found)
    assert found.ip_bound == ()
    assert found.ip_restricted is False
    assert found.expires_at is None
    assert found.created_at == datetime.fromtimestamp(1795200000, UTC)
    assert found.account_id == "AA00 N00G MADE UPXX"


@pytest.mark.parametrize(
    ("word", "granted"),
    [
        ("modify-trades", {"trade"}),
        ("close-trades", {"trade"}),
        ("withdraw-funds", {"withdraw", "transfer"}),
        ("earn-funds", {"transfer"}),
        ("add-funds", {"manage"}),
        ("add-withdraw-address", {"manage"}),
        ("update-withdraw-address", {"manage"}),
    ],
)
def test_each_box_too_many_is_named(word: str, granted: set[str]) -> None:
    found = of(permissions=[*READING, word])
    assert {right for right, state in dangers(found).items() if state == "granted"} == granted
    assert {state for right, state in dangers(found).items() if right not in granted} == {"absent"}
    assert all(found.words[right] == (word,) for right in DANGEROUS if right in granted)


@pytest.mark.parametrize("word", ["export-data", "create-ws-token"])
def test_boxes_that_only_read_do_no_harm(word: str) -> None:
    assert all_absent(of(permissions=[*READING, word]))


@pytest.mark.parametrize("missing", READING)
def test_a_box_too_few_is_named(missing: str) -> None:
    found = of(permissions=[word for word in READING if word != missing])
    assert found.read == "absent"
    assert found.words["read"] == (missing,)


def test_an_unknown_permission_leaves_every_danger_open() -> None:
    found = of(permissions=[*READING, "teleport-funds"])
    assert dangers(found) == UNKNOWN
    assert found.strange == ("teleport-funds",)
    assert found.read == "granted"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("canTeleport", value) for value in (True, 1, "true", "1", ["withdraw"], {"withdraw": True}, 1795200000)),
        *(("withdrawScope", "all"), ("role", "trader"), ("accessLevel", 2), ("subaccounts", "enabled"), ("note", " ")),
    ],
)
def test_a_new_field_that_says_anything_leaves_every_danger_open(name: str, value: Any) -> None:
    found = of(**{name: value})
    assert dangers(found) == UNKNOWN
    assert found.strange == (name,)
    assert found.read == "granted"


@pytest.mark.parametrize("value", [False, None, 0, "", "0", [], {}])
def test_a_new_field_that_says_nothing_changes_nothing(value: Any) -> None:
    assert all_absent(of(note=value))


@pytest.mark.parametrize("body", [CAMEL, SNAKE])
@pytest.mark.parametrize("missing", ["permissions", "validUntil", "ipAllowlist"])
def test_an_answer_that_leaves_out_what_the_key_may_do_proves_nothing(body: bytes, missing: str) -> None:
    answer = json.loads(body)
    answer["result"] = {name: value for name, value in answer["result"].items() if _camel(name) != missing}
    assert dangers(grants({"key_info": json.dumps(answer).encode()})) == UNKNOWN


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


@pytest.mark.parametrize("words", [None, "query-funds", {}, {"query-funds": True}, [1], [["query-funds"]], [None], 7])
def test_permissions_in_another_shape_prove_nothing(words: Any) -> None:
    assert of(permissions=words) == Grants()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html></html>",
        b'{"error":["EGeneral:Permission denied"]}',
        b'{"error":[]}',
        b'{"result":{"permissions":[]}}',
        b'{"error":[],"result":[{"permissions":[]}]}',
        b'{"error":[],"result":{}}',
        CAMEL[:-20],
        CAMEL.replace(b'"nonceWindow":0', b'"permissions":["withdraw-funds"]'),
        CAMEL.replace(b'"nonceWindow":0', b'"api_key":"x"'),
        b'{"error":[],"error":["E"],"result":{"permissions":["query-funds"]}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_clean_answer_proves_nothing(body: bytes) -> None:
    assert grants({"key_info": body}) == Grants()
    assert grants({}) == Grants()


@pytest.mark.parametrize("addresses", [None, "203.0.113.9", {"203.0.113.9": True}, [1], 5])
def test_an_address_list_in_another_shape_is_not_told(addresses: Any) -> None:
    found = of(ipAllowlist=addresses)
    assert found.ip_bound is None
    assert found.ip_restricted is None


def test_a_limited_history_is_told() -> None:
    since = datetime.fromtimestamp(1700000000, UTC)
    assert of(queryFrom="1700000000").window == (since, None)
    assert of(queryTo="1700000000").window == (None, since)


@pytest.mark.parametrize("told", ["soon", "-5", "1e9", "99999999999999", 1826836000, None, ["1"]])
def test_a_time_in_another_shape_is_not_told(told: Any) -> None:
    assert of(validUntil=told).expires_at is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.sampled_from(["withdraw-funds", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A good answer with something replaced, removed or added, at any depth."""
    answer = json.loads(draw(st.sampled_from([CAMEL, SNAKE])))
    for _ in range(draw(st.integers(1, 3))):
        places: list[tuple[Any, Any]] = []

        def walk(node: Any, into: list[tuple[Any, Any]]) -> None:
            pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
            for key, value in list(pairs):
                into.append((node, key))
                walk(value, into)

        walk(answer, places)
        if not places:
            break
        node, key = draw(st.sampled_from(places))
        act = draw(st.sampled_from(["replace", "remove", "add"]))
        if act == "remove":
            del node[key]
        elif act == "replace":
            node[key] = draw(JSON)
        elif isinstance(node, list):
            node.append(draw(JSON | st.sampled_from(READING)))
        else:
            node[draw(st.text(min_size=1, max_size=10))] = draw(JSON)
    return answer


@given(mutated())
def test_no_change_of_a_good_answer_proves_more_than_it_says(answer: Any) -> None:
    if all_absent(grants({"key_info": json.dumps(answer).encode()})):
        assert answer["error"] == []
        assert set(answer["result"]["permissions"]) <= {*READING, "export-data", "create-ws-token"}
        known = json.loads(CAMEL)["result"].keys() | json.loads(SNAKE)["result"].keys()
        added = [value for name, value in answer["result"].items() if name not in known]
        assert not any(value and value != "0" for value in added)


@given(st.integers(0, len(CAMEL) - 1), st.binary(max_size=3))
def test_no_damaged_byte_proves_more_than_it_says(at: int, patch: bytes) -> None:
    body = CAMEL[:at] + patch + CAMEL[at + 1 :]
    if all_absent(grants({"key_info": body})):
        assert set(json.loads(body)["result"]["permissions"]) <= {*READING, "export-data", "create-ws-token"}
