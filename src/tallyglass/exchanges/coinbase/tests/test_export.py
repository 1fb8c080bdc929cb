"""Coinbase's transaction report in its ages, and the account statement of Pro."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallyglass.exchanges.coinbase.export import rows
from tallyglass.exchanges.streams import NotReadable
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.imports import entries, united
from tallyglass.money import text

COLUMNS = (
    "Quantity Transacted,Price Currency,Price at Transaction,Subtotal,Total (inclusive of fees and/or spread),"
    "Fees and/or Spread,Notes"
)
NEW = f"\nTransactions\nUser,Some One,11111111-2222-3333\nID,Timestamp,Transaction Type,Asset,{COLUMNS}\n"
MIDDLE = f"Timestamp,Transaction Type,Asset,{COLUMNS.replace('Price', 'Spot Price')}\n"
OLDEST = (
    "You can use this transaction report to inform your likely tax obligations.\n\n"
    "Timestamp,Transaction Type,Asset,Quantity Transacted,EUR Spot Price at Transaction,EUR Subtotal,"
    "EUR Total (inclusive of fees),EUR Fees,Notes\n"
)
PRO = "portfolio,type,time,amount,balance,amount/balance unit,transfer id,trade id,order id\n"


def made(content: str) -> list[Entry]:
    found = rows(content, None)
    assert found.pieces == ()
    return entries(united([found.rows]).values())


def legs(entry: Entry) -> list[tuple[str, str, str, str]]:
    return [(leg.id, leg.asset, text(leg.amount), leg.role) for leg in entry.legs]


def test_a_fill_of_advanced_trade_has_both_sides_and_the_fee_in_what_was_paid() -> None:
    [buy, sell] = made(
        NEW + 'b1,2025-02-01 10:00:00 UTC,Advanced Trade Buy,BTC,0.5,CAD,"CA$61,000.00",CA$1,CA$1,CA$1,'
        '"Bought 0.5 BTC for 20,050 USDC on BTC-USDC at 40,000.00 USDC/BTC"\n'
        "s1,2025-02-02 10:00:00 UTC,Advanced Trade Sell,BTC,-0.5,EUR,€60000,-€30000.00,-€29925.00,€75.00,"
        "Sold 0.5 BTC for 29925 EUR on BTC-EUR at 60000 EUR/BTC\n"
    )

    assert (buy.id, buy.kind, buy.time) == ("tx:b1", "trade", datetime(2025, 2, 1, 10, tzinfo=UTC))
    assert legs(buy) == [
        ("b1", "BTC", "0.5", "principal"),
        ("b1:fee", "USDC", "-50", "fee"),
        ("b1:quote", "USDC", "-20000", "principal"),
    ]
    assert legs(sell) == [
        ("s1", "BTC", "-0.5", "principal"),
        ("s1:fee", "EUR", "-75", "fee"),
        ("s1:quote", "EUR", "30000", "principal"),
    ]


def test_a_conversion_is_one_entry_whether_one_line_tells_it_or_two() -> None:
    note = "Converted 0.5 ETH to 1200.5 USDC"
    given = f"c1,2025-02-01 10:00:00 UTC,Convert,ETH,-0.5,EUR,€1,€1,€1,€0.00,{note}\n"
    got = f"c1,2025-02-01 10:00:00 UTC,Convert,USDC,1200.5,EUR,€1,€1,€1,€0.00,{note}\n"
    sides = [("c1", "ETH", "-0.5", "principal"), ("c1:quote", "USDC", "1200.5", "principal")]

    for told in (given, got, given + got, got + given):
        [entry] = made(NEW + told)
        assert (entry.kind, legs(entry)) == ("conversion", sides)


def test_older_reports_have_no_ids_and_no_signs() -> None:
    [bought, sent] = made(
        MIDDLE + "2021-04-01T12:00:00Z,Buy,BTC,0.01,EUR,49000,490.00,500.00,10.00,Bought 0.01 BTC for €500.00 EUR\n"
        "2021-04-02T12:00:00Z,Send,BTC,0.005,EUR,49000,,,,Sent 0.005 BTC to bc1qexample\n"
    )

    assert {leg[1:] for leg in legs(bought)} == {
        ("BTC", "0.01", "principal"),
        ("EUR", "-490", "principal"),
        ("EUR", "-10", "fee"),
    }
    assert bought.kind == "conversion"
    assert [leg[1:] for leg in legs(sent)] == [("BTC", "-0.005", "principal")]
    assert sent.kind == "withdrawal"


def test_the_oldest_reports_name_the_currency_in_the_header() -> None:
    [entry] = made(
        OLDEST + '2018-04-01T12:00:00Z,Sell,LTC,2,100,200.00,197.00,3.00,"Sold 2 LTC for €197.00 EUR.\n\nThanks"\n'
    )

    assert {leg[1:] for leg in legs(entry)} == {
        ("EUR", "200", "principal"),
        ("EUR", "-3", "fee"),
        ("LTC", "-2", "principal"),
    }


@pytest.mark.parametrize(
    ("word", "quantity", "kind", "amount"),
    [
        ("Receive", "0.5", "deposit", "0.5"),
        ("Deposit", "100", "deposit", "100"),
        ("Withdrawal", "-100", "withdrawal", "-100"),
        ("Withdrawal", "100", "withdrawal", "-100"),
        ("Staking Income", "0.000001", "reward", "0.000001"),
        ("Learning Reward", "3", "reward", "3"),
        ("Pro Deposit", "3", "transfer", "-3"),
        ("Pro Withdrawal", "3", "transfer", "3"),
        ("Subscription", "-29.99", "fee", "-29.99"),
    ],
)
def test_what_moved(word: str, quantity: str, kind: str, amount: str) -> None:
    [entry] = made(NEW + f"x1,2025-02-01 10:00:00 UTC,{word},ETH,{quantity},EUR,€1,€1,€1,€0.00,\n")
    assert (entry.id, entry.kind, legs(entry)) == ("tx:x1", kind, [("x1", "ETH", amount, "principal")])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Retail Staking Transfer,ETH,0.5,EUR,€1,€1,€1,€0.00,", "unknown type of transaction"),
        ("Advanced Trade Buy,ETH,0.5,EUR,€1,€1,€1,€0.00,", "what was paid or got for it is not told"),
        ("Buy,ETH,0.5,EUR,€1,€1,€1,€0.00,Bought 0.5 ETH for 900 USDC", "what was paid or got for it is not told"),
        ("Convert,ETH,0.5,EUR,€1,€1,€1,€0.00,", "what it was converted to is not told"),
        ("Convert,BTC,0.5,EUR,€1,€1,€1,€0.00,Converted 0.5 ETH to 9 USDC", "the notes tell another conversion"),
        ("Receive,+cmd,0.5,EUR,€1,€1,€1,€0.00,", "not the name of an asset"),
        ("Receive,ETH,half,EUR,€1,€1,€1,€0.00,", "not an exact amount"),
        (
            "Advanced Trade Buy,BTC,1,EUR,€1,€1,€1,€0.00,Bought 1 BTC for 9 EUR on BTC-EUR at 10 EUR/BTC",
            "the notes contradict themselves",
        ),
    ],
)
def test_what_is_not_understood_is_kept_with_its_number_and_id(line: str, reason: str) -> None:
    found = rows(NEW + f"x1,2025-02-01 10:00:00 UTC,{line}\n", None)

    assert found.rows == ()
    [piece] = found.pieces
    assert (piece.line, piece.name) == (5, "x1")
    assert piece.unparsed.reason.startswith(f"line 5: {reason}")


def test_the_statement_of_pro_joins_the_lines_of_a_trade() -> None:
    order = "11111111-2222-3333-4444-555555555555"
    found = {
        entry.id: entry
        for entry in made(
            PRO + f"default,match,2019-07-01T22:14:18.762Z,0.5,0.5,ETH,,305441,{order}\n"
            f"default,match,2019-07-01T22:14:18.762Z,-100,900,EUR,,305441,{order}\n"
            f"default,fee,2019-07-01T22:14:18.762Z,-0.25,899.75,EUR,,305441,{order}\n"
            "default,deposit,2019-06-30T22:14:18.762Z,1000,1000,EUR,99999999-0000-0000-0000-000000000000,,\n"
        )
    }

    trade = found[f"pro:trade:{order}:305441"]
    assert trade.time == datetime(2019, 7, 1, 22, 14, 18, 762000, tzinfo=UTC)
    assert {leg.account for leg in trade.legs} == {"pro"}
    assert {leg[1:] for leg in legs(trade)} == {
        ("EUR", "-0.25", "fee"),
        ("EUR", "-100", "principal"),
        ("ETH", "0.5", "principal"),
    }
    assert found["pro:transfer:99999999-0000-0000-0000-000000000000"].kind == "transfer"


def test_another_file_is_refused_with_the_reason() -> None:
    with pytest.raises(NotReadable, match="not a transaction report of Coinbase or an account statement"):
        rows("User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n", None)
