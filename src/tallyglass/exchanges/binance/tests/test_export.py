"""Binance's transaction history: lines without ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from tallyglass.exchanges.binance.export import rows
from tallyglass.exchanges.streams import NotReadable
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.imports import entries, united
from tallyglass.money import text

HEADER = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark"
NEWER = "User ID,Time,Account,Operation,Coin,Change,Remark"


def file(*lines: str, header: str = HEADER) -> str:
    return "".join(f"{line}\n" for line in (header, *lines))


def made(*lines: str) -> list[Entry]:
    found = rows(file(*lines), None)
    assert found.pieces == ()
    return entries(united([found.rows]).values())


def legs(entry: Entry) -> list[tuple[str, str, str, str]]:
    return [(leg.account, leg.asset, text(leg.amount), leg.role) for leg in entry.legs]


def test_the_lines_of_a_trade_are_one_entry_with_its_fee() -> None:
    [entry] = made(
        "7,2024-03-04 05:06:07,Spot,Transaction Buy,BTC,0.01000000,",
        "7,2024-03-04 05:06:07,Spot,Transaction Fee,BNB,-0.00012000,",
        "7,2024-03-04 05:06:07,Spot,Transaction Spend,USDT,-650.5,",
    )

    assert (entry.kind, entry.time) == ("trade", datetime(2024, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert sorted(legs(entry)) == [
        ("spot", "BNB", "-0.00012", "fee"),
        ("spot", "BTC", "0.01", "principal"),
        ("spot", "USDT", "-650.5", "principal"),
    ]


def test_equal_fills_of_one_second_stay_two() -> None:
    [entry] = made(*["7,2024-03-04 05:06:07,Spot,Buy,BTC,0.01,", "7,2024-03-04 05:06:07,Spot,Buy,EUR,-400,"] * 2)

    assert sorted(legs(entry)) == [
        *[("spot", "BTC", "0.01", "principal")] * 2,
        *[("spot", "EUR", "-400", "principal")] * 2,
    ]


def test_equal_rewards_of_one_second_are_two_entries() -> None:
    found = made(*["7,2024-03-04 05:06:00,Spot,Distribution,ABC,0.5,"] * 2)

    assert [entry.kind for entry in found] == ["reward", "reward"]
    assert len({entry.id for entry in found}) == 2


def test_earn_has_both_sides_whether_the_file_tells_one_or_both() -> None:
    spot = "7,2024-03-04 05:06:07,Spot,Simple Earn Flexible Subscription,USDT,-100,"
    earn = "7,2024-03-04 05:06:07,Earn,Simple Earn Flexible Subscription,USDT,100,"
    both = [("earn", "USDT", "100", "principal"), ("spot", "USDT", "-100", "principal")]

    for told in ((spot,), (spot, earn), (earn, spot)):
        [entry] = made(*told)
        assert entry.kind == "transfer"
        assert legs(entry) == both


@pytest.mark.parametrize(
    ("line", "kind", "leg"),
    [
        ("Spot,Deposit,EUR,245.25", "deposit", ("spot", "EUR", "245.25", "principal")),
        ("Spot,Withdraw,KNC,-0.16", "withdrawal", ("spot", "KNC", "-0.16", "principal")),
        ("Spot,Launchpool Interest,DAR,1.15E-5", "reward", ("spot", "DAR", "0.0000115", "principal")),
        ("USD-MFutures,Funding Fee,USDT,-0.07", "fee", ("futures-usd-m", "USDT", "-0.07", "fee")),
        ("USD-MFutures,Funding Fee,USDT,0.07", "fee", ("futures-usd-m", "USDT", "0.07", "principal")),
        ("USD-M Futures,Realized Profit and Loss,USDT,3", "trade", ("futures-usd-m", "USDT", "3", "principal")),
        ("Spot,Buy Crypto With Fiat,USDT,325.9", "conversion", ("spot", "USDT", "325.9", "principal")),
        ("Funding,Transfer Between Main and Funding Wallet,USDT,5", "transfer", ("funding", "USDT", "5", "principal")),
        ("USD-MFutures,Fee,USDT,-0.4", "fee", ("futures-usd-m", "USDT", "-0.4", "fee")),
        ("Coin-MFutures,Insurance Fund Compensation,BTC,-0.1", "fee", ("futures-coin-m", "BTC", "-0.1", "fee")),
        ("Isolated Margin,Transaction Revenue,USDC,9", "trade", ("margin-isolated", "USDC", "9", "principal")),
        ("Isolated Margin,Fee,THETA,-0.0007", "trade", ("margin-isolated", "THETA", "-0.0007", "fee")),
        ("Spot,BNB Fee Deduction,BNB,-0.0001", "fee", ("spot", "BNB", "-0.0001", "fee")),
        ("Spot,Simple Earn Locked - Rewards Income,ADA,2", "reward", ("spot", "ADA", "2", "principal")),
        ("Funding,P2P Trading,USDT,50", "deposit", ("funding", "USDT", "50", "principal")),
        ("Funding,P2P Trading,USDT,-50", "withdrawal", ("funding", "USDT", "-50", "principal")),
        ("Spot,Distribution,LDBNB,5", "reward", ("earn", "BNB", "5", "principal")),
        ("Spot,Distribution,LDO,5", "reward", ("spot", "LDO", "5", "principal")),
    ],
)
def test_what_moved(line: str, kind: str, leg: tuple[str, str, str, str]) -> None:
    [entry] = made(f"7,2024-03-04 05:06:07,{line},")
    assert (entry.kind, legs(entry)) == (kind, [leg])


def test_what_came_by_pay_came_from_outside_and_any_other_transfer_is_not_guessed_at() -> None:
    [entry] = made("7,2024-03-04 05:06:07,Funding,Transfer,USDC,109.61,Binance Pay - P_A1")
    assert (entry.kind, legs(entry)) == ("deposit", [("funding", "USDC", "109.61", "principal")])
    assert made("7,2024-03-04 05:06:07,Funding,Transfer,USDC,-9,Binance Pay - P_A1")[0].kind == "withdrawal"
    [piece] = rows(file("7,2024-03-04 05:06:07,Funding,Transfer,USDC,9,"), None).pieces
    assert "unknown operation: 'transfer'" in piece.unparsed.reason


def test_a_loan_moves_nothing_of_what_is_left_when_it_is_paid() -> None:
    loan = "7,2024-03-04 05:06:07,Isolated Margin,Isolated Margin Loan,USDC,1000,"
    back = "7,2024-03-05 05:06:07,CrossMargin,Margin Repayment,USDC,-1000,"
    found = rows(file(loan, back), None)
    assert (found.rows, found.pieces, found.skipped) == ((), (), 2)

    elsewhere = rows(file("7,2024-03-04 05:06:07,Spot,Margin Loan,USDC,1000,"), None)
    assert len(elsewhere.pieces) == 1, "spot would really have it"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",Spot,Deposit,EUR,1,", "not a time"),
        ("2024-03-04 05:06:07,Spot,Deposit,,,", "no asset is named"),
        ("2024-03-04 05:06:07,Spot,Deposit,EUR,,", "no amount is told"),
        ("2024-03-04 05:06:07,Spot,Teleport,EUR,1,", "unknown operation: 'teleport'"),
        ("2024-03-04 05:06:07,Moon,Deposit,EUR,1,", "unknown account: 'Moon'"),
        ('2024-03-04 05:06:07,Spot,Deposit,"=HYPERLINK(""x"")",1,', "not the name of an asset"),
        ("2024-03-04 05:06:07,Spot,Deposit,EUR,@SUM(1),", "not an exact amount"),
    ],
)
def test_what_is_not_understood_is_kept_with_its_number(line: str, reason: str) -> None:
    found = rows(file("7,2024-03-04 05:06:07,Spot,Deposit,EUR,9,", f"7,{line}"), None)

    assert len(found.rows) == 1
    assert [piece.line for piece in found.pieces] == [3]
    assert found.pieces[0].unparsed.reason.startswith(f"line 3: {reason}")


def test_two_equal_lines_that_are_not_understood_are_two() -> None:
    found = rows(file(*["7,2024-03-04 05:06:07,Spot,Teleport,EUR,1,"] * 2), None)
    assert len({piece.unparsed.id for piece in found.pieces}) == 2


@pytest.mark.parametrize(
    ("zone", "hour"), [(UTC, 5), (timezone(timedelta(hours=9)), 20), (timezone(-timedelta(hours=6)), 11)]
)
def test_newer_files_tell_local_times_with_two_digits_of_the_year(zone: tzinfo, hour: int) -> None:
    content = file("7,26-03-04 05:06:07,Spot,Deposit,EUR,1,", header=NEWER)
    [row] = rows(content, zone).rows

    assert (row.entry.time.year, row.entry.time.hour) == (2026, hour)


def test_local_times_of_nobody_knows_where_are_refused() -> None:
    with pytest.raises(NotReadable, match="--utc-offset"):
        rows(file("7,26-03-04 05:06:07,Spot,Deposit,EUR,1,", header=NEWER), None)


def test_another_file_is_refused_with_the_reason() -> None:
    with pytest.raises(NotReadable, match=r"not a transaction history of Binance.*operation"):
        rows("txid,refid,time,type,asset,amount,fee\n", UTC)
