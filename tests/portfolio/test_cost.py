"""Cost: moving averages that can be checked by hand, gains that add up, and costs that are not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyglass.ledger.entries import Entry, Kind, Leg, Role, Status
from tallyglass.ledger.transfers import Movement, Transfer
from tallyglass.money import ZERO, Amount, Asset, amount, multiply, subtract, text, total
from tallyglass.portfolio.cost import Basis, Unknown, bases
from tallyglass.portfolio.moves import moves

CHF, EUR, USD, BTC, ETH, BNB, MOON = (Asset(name) for name in ("CHF", "EUR", "USD", "BTC", "ETH", "BNB", "MOON"))
START = datetime(2022, 3, 1, 12, tzinfo=UTC)

Told = tuple[int, Kind, str, str]
"""Day, kind, what moved, fees: `+2 NOVN, -151.6 CHF`."""


def entry(number: int, told: Told, status: Status = "done") -> Entry:
    offset, kind, moved, fees = told
    legs = (*_legs(moved, "principal"), *_legs(fees, "fee"))
    return Entry(f"{kind}:{number}", START + timedelta(days=offset), kind, legs, status=status)


def _legs(told: str, role: Role) -> tuple[Leg, ...]:
    parts = [each.split() for each in told.split(", ") if each]
    return tuple(Leg(f"{role}:{name}", "spot", Asset(name), amount(figure), role) for figure, name in parts)


def booked(*told: Told, prices: Mapping[str, str] | None = None, currency: Asset = CHF) -> dict[Asset, Basis]:
    """The bases after these entries, at prices that stand still."""
    known = {Asset(name): amount(price) for name, price in (prices or {}).items()}
    entries = [("kraken", entry(number, each)) for number, each in enumerate(told, 1)]
    return bases(moves(entries), currency, lambda asset, _day: known.get(asset))


def earned(found: Basis, price: str) -> Amount:
    """All that an asset brought."""
    value = found.unrealised(multiply(found.quantity, amount(price)))
    assert value is not None
    return total((value, found.realised, found.earned, found.carried_out))


def shown(value: Amount | None) -> str:
    assert value is not None
    return text(value)


def test_buy_two_sell_one() -> None:
    """Ghostfolio's Novartis: 2 for 75.80, one sold for 85.73, fees 1.30 and 2.95, price 87.80: 17.68 in all."""
    found = booked(
        (6, "trade", "+2 NOVN, -151.6 CHF", "-1.3 CHF"),
        (38, "trade", "-1 NOVN, +85.73 CHF", "-2.95 CHF"),
    )[Asset("NOVN")]

    assert (shown(found.cost), shown(found.average), shown(found.realised)) == ("76.45", "76.45", "6.33")
    assert shown(found.unrealised(amount("87.8"))) == "11.35"
    assert earned(found, "87.8") == amount("17.68")


def test_sell_in_two_goes() -> None:
    """Ghostfolio's Bâloise: all sold, nothing left, 15.80 lost."""
    found = booked(
        (0, "trade", "+2 BALN, -285.8 CHF", "-1.55 CHF"),
        (8, "trade", "-1 BALN, +136.6 CHF", "-1.65 CHF"),
        (8, "trade", "-1 BALN, +136.6 CHF", ""),
    )[Asset("BALN")]

    assert (found.quantity, found.cost, found.average) == (ZERO, ZERO, None)
    assert found.realised == amount("-15.8")


def test_the_average_moves_when_bought_and_not_when_sold() -> None:
    """Ghostfolio's case of partial sales: 137.60 lost, however it is split."""
    found = booked(
        (0, "trade", "+10 NOVN, -1000 CHF", ""),
        (6, "trade", "-4 NOVN, +480 CHF", ""),
        (13, "trade", "+6 NOVN, -1200 CHF", ""),
        (38, "trade", "-4 NOVN, +880 CHF", ""),
    )[Asset("NOVN")]

    assert (shown(found.quantity), shown(found.average), shown(found.realised)) == ("8", "150", "360")
    assert earned(found, "87.8") == amount("-137.6")


def test_a_dividend_is_earned_and_is_no_part_of_the_price() -> None:
    """Ghostfolio's Microsoft: 298.58 and a fee of 19, price 331.83, dividend 0.62."""
    found = booked((0, "trade", "+1 MSFT, -298.58 USD", "-19 USD"), (61, "reward", "+0.62 USD", ""), currency=USD)

    assert shown(found[Asset("MSFT")].average) == "317.58"
    assert earned(found[Asset("MSFT")], "331.83") == amount("14.25")
    assert found[USD].earned == amount("0.62")


def test_a_reward_enters_at_its_value() -> None:
    found = booked(
        (0, "trade", "+1 ETH, -1000 EUR", ""), (1, "reward", "+1 ETH", ""), prices={"ETH": "2000"}, currency=EUR
    )[ETH]

    assert (shown(found.cost), shown(found.average), shown(found.earned)) == ("3000", "1500", "2000")


def test_a_fee_in_a_third_coin_makes_dearer_what_is_bought_and_earns_less_on_what_is_sold() -> None:
    bought = booked((0, "trade", "+1 BTC, -100 EUR", "-0.5 BNB"), prices={"BNB": "4"}, currency=EUR)
    sold = booked(
        (0, "trade", "+1 BTC, -100 EUR", ""),
        (1, "trade", "-1 BTC, +150 EUR", "-0.5 BNB"),
        prices={"BNB": "4"},
        currency=EUR,
    )

    assert shown(bought[BTC].cost) == "102"
    assert shown(sold[BTC].realised) == "48"


def test_a_fee_in_what_is_bought_is_in_its_cost() -> None:
    found = booked((0, "trade", "+1 BTC, -100 EUR", "-0.2 BTC"), currency=EUR)[BTC]

    assert (shown(found.quantity), shown(found.average), shown(found.realised)) == ("0.8", "125", "0")


def test_change_of_currency() -> None:
    """1,000 USD came when the dollar was 0.80 EUR; half bought ETH at 0.90: 50 gained with dollars, none with ETH."""
    prices = {0: "0.8", 1: "0.9"}
    entries = [
        ("coinbase", entry(1, (0, "deposit", "+1000 USD", ""))),
        ("coinbase", entry(2, (1, "trade", "+1 ETH, -500 USD", ""))),
    ]
    found = bases(moves(entries), EUR, lambda asset, day: _dollar(asset, day, prices))

    assert (shown(found[USD].realised), shown(found[USD].cost), shown(found[USD].brought)) == ("50", "400", "1000")
    assert shown(found[ETH].cost) == "450"


def _dollar(asset: Asset, day: date, prices: Mapping[int, str]) -> Amount | None:
    return amount(prices[(day - START.date()).days]) if asset == USD else None


def test_the_side_nearer_to_money_says_what_a_swap_was_worth() -> None:
    prices = {"BTC": "100", "ETH": "9", "MOON": "2", "BNB": "3"}
    swaps: Iterable[tuple[str, str, str]] = (
        ("+5 ETH, -1 BTC", "ETH", "100"),
        ("+1 BTC, -5 ETH", "BTC", "100"),
        ("+5 MOON, -1 BNB", "MOON", "3"),
        ("+7 EUR, -1 BNB", "EUR", "7"),
    )
    for moved, name, cost in swaps:
        assert shown(booked((0, "conversion", moved, ""), prices=prices, currency=EUR)[Asset(name)].cost) == cost


def test_where_one_side_has_no_price_the_other_tells() -> None:
    bought = booked((0, "conversion", "+5 ETH, -1 BTC", ""), prices={"ETH": "9"}, currency=EUR)
    sold = booked((0, "conversion", "-5 MOON, +2 BNB", ""), prices={"BNB": "3"}, currency=EUR)

    assert shown(bought[ETH].cost) == "45"
    assert shown(sold[BNB].cost) == "6"
    assert "price_missing" not in [each.code for found in (*bought.values(), *sold.values()) for each in found.unknown]


def test_many_small_ones_for_one() -> None:
    """Dust for BNB: 10 are split as 4 and 6."""
    found = booked(
        (0, "deposit", "+1 ETH, +1 MOON", ""),
        (1, "conversion", "-1 ETH, -1 MOON, +5 BNB", ""),
        prices={"ETH": "4", "MOON": "6", "BNB": "2"},
        currency=EUR,
    )

    assert [(shown(found[each].realised), found[each].unknown) for each in (ETH, MOON)] == [("0", ()), ("0", ())]
    assert shown(found[BNB].cost) == "10"


def test_without_a_price_a_cost_is_unknown_and_told_until_all_is_gone() -> None:
    told: list[Told] = [(0, "deposit", "+5 MOON", ""), (1, "trade", "+5 MOON, -10 EUR", "")]
    gone: list[Told] = [*told, (2, "trade", "-10 MOON, +30 EUR", ""), (3, "trade", "+1 MOON, -4 EUR", "")]
    held, after = booked(*told, currency=EUR)[MOON], booked(*gone, currency=EUR)[MOON]

    assert (held.quantity, held.cost, held.average, held.unrealised(amount(9))) == (amount(10), None, None, None)
    assert held.unknown == (Unknown("price_missing", START.date(), "deposit:1"),)
    assert (shown(after.cost), shown(after.realised)) == ("4", "0")
    assert after.unknown == held.unknown


def test_a_fee_without_a_price_makes_the_cost_unknown() -> None:
    found = booked((0, "trade", "+1 BTC, -100 EUR", "-1 MOON"), currency=EUR)

    assert found[BTC].cost is None
    assert [each.code for each in found[BTC].unknown] == ["price_missing"]


def test_what_never_came_in_has_no_cost() -> None:
    found = booked((0, "trade", "-1 BTC, +100 EUR", ""), (1, "trade", "-1 BTC, +100 EUR", ""), currency=EUR)[BTC]

    assert (found.quantity, found.cost, found.realised) == (amount(-2), None, ZERO)
    assert found.unknown == (Unknown("not_there", START.date(), "trade:1", 2),)


def test_half_a_swap_is_told() -> None:
    found = booked((0, "trade", "+1 BTC", ""), (1, "deposit", "+1 ETH", ""), (2, "trade", "-1 ETH", ""), currency=EUR)

    assert [each.code for each in found[BTC].unknown] == ["one_sided"]
    assert [each.code for each in found[ETH].unknown] == ["price_missing", "one_sided"]
    assert found[BTC].cost is None


def test_what_goes_to_outside_carries_its_gain_out_of_the_count() -> None:
    found = booked(
        (0, "trade", "+2 BTC, -200 EUR", ""), (1, "withdrawal", "-1 BTC", ""), prices={"BTC": "130"}, currency=EUR
    )[BTC]

    assert (shown(found.cost), shown(found.realised), shown(found.carried_out)) == ("100", "0", "30")


def test_pending_and_failed_count_nothing_and_moves_inside_an_account_neither() -> None:
    inside = entry(3, (0, "transfer", "-1 BTC, +1 BTC", ""))
    entries = [
        ("kraken", entry(1, (0, "deposit", "+1 BTC", ""), "pending")),
        ("kraken", entry(2, (0, "deposit", "+1 BTC", ""), "failed")),
        ("kraken", inside),
    ]

    assert moves(entries) == []


def test_what_came_is_there_before_it_is_given_away_in_the_same_second() -> None:
    found = booked((0, "trade", "+1 BTC, -100 EUR", ""), (0, "deposit", "+100 EUR", ""), currency=EUR)

    assert found[EUR].unknown == ()


def transferred(sent: tuple[str, str], received: tuple[str, str], *, fee: str = "") -> dict[Asset, Basis]:
    """1 BTC for 100 EUR on one account; then so much leaves it and arrives on another."""
    left = entry(2, (1, "withdrawal", f"-{sent[0]} {sent[1]}", fee))
    arrived = entry(3, (2, "deposit", f"+{received[0]} {received[1]}", ""))
    told = [
        ("kraken", entry(1, (0, "trade", f"+1 {sent[1]}, -100 EUR", ""))),
        ("kraken", left),
        ("binance", arrived),
    ]
    one = Transfer(_side("kraken", left), _side("binance", arrived), "user")
    return bases(moves(told, [one]), EUR, lambda asset, _day: amount(7) if asset == ETH else None)


def _side(connection: str, each: Entry) -> Movement:
    leg = each.legs[0]
    return Movement(connection, each.id, each.time, leg.asset, leg.amount)


def test_a_transfer_carries_its_cost_and_realises_only_what_the_network_kept() -> None:
    fee = transferred(("0.5", "BTC"), ("0.5", "BTC"), fee="-0.01 BTC")[BTC]
    short = transferred(("0.5", "BTC"), ("0.49", "BTC"))[BTC]

    for found in (fee, short):
        assert (shown(found.quantity), shown(found.cost), shown(found.realised)) == ("0.99", "99", "-1")
        assert (found.unknown, found.carried_out, found.brought) == ((), ZERO, ZERO)


def test_a_fee_in_another_coin_on_a_transfer_is_paid_too() -> None:
    found = transferred(("0.5", "BTC"), ("0.5", "BTC"), fee="-1 ETH")

    assert shown(found[BTC].cost) == "100"
    assert shown(found[ETH].quantity) == "-1"


def test_what_changed_its_name_on_the_way_keeps_its_cost() -> None:
    found = transferred(("1", "MATIC"), ("1", "POL"))

    assert (found[Asset("MATIC")].quantity, found[Asset("MATIC")].realised) == (ZERO, ZERO)
    assert (shown(found[Asset("POL")].cost), found[Asset("POL")].unknown) == ("100", ())


def test_a_fee_that_takes_more_than_what_came_is_paid_from_what_was_there() -> None:
    told: list[Told] = [
        (0, "deposit", "+1000 EUR, +1 BTC", ""),
        (1, "trade", "-20 EUR, +0.25 BTC", "-0.5 BTC"),
    ]
    found = booked(*told, prices={"BTC": "100"}, currency=EUR)

    assert {each.unknown for each in found.values()} == {()}
    # 20 EUR and a fee worth 50 bought 0.25: 1.25 cost 170. The fee was 0.5 of it, which had cost 68.
    assert (shown(found[BTC].quantity), shown(found[BTC].cost)) == ("0.75", "102")
    assert shown(found[BTC].realised) == "-18"


ASSETS = (EUR, USD, BTC, ETH)
quantities = st.decimals(min_value="0.0001", max_value=1000, places=4)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Entry], dict[tuple[Asset, date], Amount]]:
    """A deposit of everything, then anything that is possible with what is there."""
    held = dict.fromkeys(ASSETS, amount(1000))
    found = [entry(0, (0, "deposit", ", ".join(f"+1000 {each}" for each in ASSETS), ""))]
    for number in range(1, draw(st.integers(1, 12))):
        kind: Kind = draw(st.sampled_from(["trade", "conversion", "deposit", "withdrawal", "reward", "fee"]))
        one, other = draw(st.permutations(ASSETS))[:2]
        given, came = draw(quantities), draw(quantities)
        fee = draw(st.sampled_from(["0", "0.001", "0.5"]))
        parts = {
            "trade": (f"-{given} {one}, +{came} {other}", f"-{fee} {draw(st.sampled_from(ASSETS))}"),
            "conversion": (f"-{given} {one}, +{came} {other}", ""),
            "deposit": (f"+{came} {other}", ""),
            "withdrawal": (f"-{given} {one}", f"-{fee} {one}"),
            "reward": (f"+{came} {other}", ""),
            "fee": (f"-{given} {one}", ""),
        }
        moved, fees = parts[kind]
        told = entry(number, (number, kind, moved, "" if fee == "0" else fees))
        after = {each: total((held[each], *(leg.amount for leg in told.legs if leg.asset == each))) for each in ASSETS}
        if min(after.values()) >= ZERO and given < held[one]:
            held = after
            found.append(told)
    days = [START.date() + timedelta(days=number) for number in range(13)]
    prices = {(each, day): draw(quantities) for each in ASSETS[1:] for day in days}
    return found, prices | {(EUR, day): amount(1) for day in days}


@settings(max_examples=60, deadline=None)
@given(histories())
def test_the_parts_of_the_gain_add_up_to_it_exactly(
    history: tuple[list[Entry], dict[tuple[Asset, date], Amount]],
) -> None:
    """Unrealised + realised + earned + carried out = value - net deposits, whatever happened."""
    entries, prices = history
    found = bases(moves(("kraken", each) for each in entries), EUR, lambda asset, day: prices.get((asset, day)))
    last = max(day for _, day in prices)
    values = {name: multiply(each.quantity, prices[name, last]) for name, each in found.items()}
    flows = [
        multiply(leg.amount, prices[leg.asset, each.time.date()])
        for each in entries
        if each.kind in ("deposit", "withdrawal")
        for leg in each.legs
        if leg.role == "principal"
    ]
    parts = [
        total((each.unrealised(values[name]) or ZERO, each.realised, each.earned, each.carried_out))
        for name, each in found.items()
    ]

    assert all(each.unknown == () for each in found.values())
    assert total(parts) == subtract(total(values.values()), total(flows))


def test_a_cost_of_many_digits_loses_none() -> None:
    """A little is given away a thousand times: what is left and what was realised are what was paid, to the digit."""
    told: list[Told] = [(0, "trade", "+3 BTC, -100 EUR", "")]
    told += [(number, "fee", "", "-0.001 BTC") for number in range(1, 1000)]
    found = booked(*told, currency=EUR)[BTC]

    assert found.cost is not None
    assert subtract(found.cost, found.realised) == amount(100)
    assert float(found.cost) == pytest.approx(100 * 2.001 / 3)


@pytest.mark.parametrize("quantity", ["1", "0.1"])
def test_what_the_user_says_to_have_been_there_comes_from_outside_and_a_correction_does_not(quantity: str) -> None:
    said = Entry("opening:spot:BTC", START, "adjustment", (Leg("1", "spot", BTC, amount(quantity)),))
    found_too = Entry("adjust:1", START, "adjustment", (Leg("1", "spot", BTC, amount(quantity)),))
    price = Decimal(50)

    opening = bases(moves([("kraken", said)]), EUR, lambda _asset, _day: price)[BTC]
    corrected = bases(moves([("kraken", found_too)]), EUR, lambda _asset, _day: price)[BTC]

    assert (opening.brought, opening.earned) == (amount(quantity), ZERO)
    assert (corrected.brought, corrected.earned) == (ZERO, multiply(amount(quantity), price))
