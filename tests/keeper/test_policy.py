"""The verdict: what is accepted, refused, unproven, and whether the user is told what to do."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import DANGEROUS, RIGHTS, Fault, FaultCode, Grants, Right, State
from tallyglass.keeper import policy

KRAKEN = registry.manifest("kraken")
STATES: tuple[State, ...] = get_args(State)
SAFE: Mapping[str, Any] = {"read": "granted", **dict.fromkeys(DANGEROUS, "absent")}


def grants(states: Mapping[Any, Any], **more: Any) -> Grants:
    return Grants(**{**states, **more})


def test_every_combination_of_rights_gets_the_verdict_of_the_contract() -> None:
    for combination in product(STATES, repeat=5):
        states = dict(zip(RIGHTS, combination, strict=True))
        decision = policy.decide(KRAKEN, grants(states)).decision
        if any(states[each] == "granted" for each in DANGEROUS) or states["read"] == "absent":
            assert decision == "refused", states
        elif states == SAFE:
            assert decision == "accepted"
        else:
            assert decision == "unproven", states


@given(st.fixed_dictionaries({each: st.one_of(st.sampled_from(STATES), st.text(max_size=9)) for each in RIGHTS}))
def test_nothing_is_accepted_that_is_not_proven(states: dict[Right, str]) -> None:
    verdict = policy.decide(KRAKEN, grants(states))
    assert (verdict.decision == "accepted") == (states == SAFE)
    assert verdict.decision == "accepted" or verdict.reasons


@pytest.mark.parametrize("right", DANGEROUS)
def test_a_refusal_names_the_box_in_the_words_of_the_exchange_and_how_to_check_again(right: Right) -> None:
    verdict = policy.decide(KRAKEN, grants(SAFE, **{right: "granted"}, words={right: ("withdraw-funds", "brand-new")}))
    [reason] = verdict.reasons
    assert reason.code == f"{right}_granted"
    for part in ("untick “Funds: Withdraw”, “brand-new”", "Settings → API", "check again", "Kraken"):
        assert part in reason.fix


def test_each_granted_right_has_a_reason_of_its_own() -> None:
    everything = dict.fromkeys(RIGHTS, "granted")
    codes = [each.code for each in policy.decide(KRAKEN, grants(everything)).reasons]
    assert codes == ["trade_granted", "withdraw_granted", "transfer_granted", "manage_granted"]


def test_a_key_that_cannot_read_is_told_what_to_tick() -> None:
    [reason] = policy.decide(KRAKEN, grants(SAFE, read="absent")).reasons
    assert reason.code == "read_missing"
    assert "tick “Funds: Query”" in reason.fix


def test_strange_permissions_are_named_as_they_are() -> None:
    told = grants(SAFE, manage="unknown", strange=("launch-rockets",))
    verdict = policy.decide(KRAKEN, told)
    assert verdict.decision == "unproven"
    assert [each.code for each in verdict.reasons] == ["unknown_permission"]
    assert "“launch-rockets”" in verdict.reasons[0].text


def test_an_unbound_key_is_accepted_with_advice_and_a_refused_one_gets_none() -> None:
    unbound = grants(SAFE, ip_bound=())
    assert [each.code for each in policy.decide(KRAKEN, unbound).reasons] == ["ip_unbound"]
    assert policy.decide(KRAKEN, grants(SAFE, ip_bound=("203.0.113.9",))).reasons == ()
    refused = grants(SAFE, trade="granted", ip_bound=())
    assert "ip_unbound" not in [each.code for each in policy.decide(KRAKEN, refused).reasons]


@pytest.mark.parametrize(
    ("bound", "restricted", "told"),
    [
        (("203.0.113.9",), None, "yes"),
        ((), None, "no"),
        (None, True, "yes"),
        (None, False, "no"),
        (None, None, "unknown"),
    ],
)
def test_the_binding_says_no_more_than_the_exchange(
    bound: tuple[str, ...] | None,
    restricted: bool | None,  # noqa: FBT001 - three-valued, as the exchange tells it
    told: str,
) -> None:
    assert policy.binding(Grants(ip_bound=bound, ip_restricted=restricted)).bound == told


@pytest.mark.parametrize("code", get_args(FaultCode))
def test_every_fault_has_a_text_and_something_to_do(code: FaultCode) -> None:
    reason = policy.explain(KRAKEN, Fault(code, said="EAPI:Something."))
    assert reason.code == code
    assert "Kraken said: “EAPI:Something”." in reason.text
    assert len(reason.fix) > 10
    assert "{" not in reason.text + reason.fix


def test_mixed_causes_are_each_named_with_their_check() -> None:
    reason = policy.explain(KRAKEN, Fault("ambiguous", causes=("bad_key", "ip_refused", "key_expired")))
    assert reason.fix.count("(") == 3
    for part in ("does not know this key", "other IP addresses", "has expired"):
        assert part in reason.text


def test_a_wrong_clock_is_told_by_how_much_and_a_right_one_is_ruled_out() -> None:
    behind = policy.explain(KRAKEN, Fault("clock"), 3_600_000)
    assert "3600 s behind Kraken's" in behind.text
    ahead = policy.explain(KRAKEN, Fault("clock"), -42_000)
    assert "42 s ahead of Kraken's" in ahead.text
    mixed = policy.explain(KRAKEN, Fault("ambiguous", causes=("bad_key", "clock")), 300)
    assert "clock" not in mixed.text


def test_a_clock_so_wrong_that_it_explains_all_is_the_only_cause_told() -> None:
    mixed = Fault("ambiguous", causes=("bad_key", "clock", "ip_refused"))
    assert policy.narrow(mixed, 900_000) == Fault("clock", retry=True)
    assert policy.narrow(mixed, 60_000) == policy.narrow(mixed, None) == mixed
    assert policy.narrow(mixed, 100).causes == ("bad_key", "ip_refused")
    assert policy.narrow(Fault("bad_key"), 900_000) == Fault("bad_key")
