"""No digit is lost between an exchange's answer, or its file, and the ledger; nor could one be lost elsewhere."""

from __future__ import annotations

import ast
import decimal
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tallyglass
from tallyglass.exchanges import registry
from tallyglass.exchanges.streams import Known, Unparsed
from tallyglass.ledger.entries import Entry
from tallyglass.money import magnitude, negate, text

LONG = "123456789012.345678901234567891"
"""Thirty digits: more than Python's own decimal context keeps."""
FEE = "100000000000.000000000000000009"
BEFORE_FEE = "23456789012.345678901234567882"
"""`LONG` less `FEE`, by hand."""
WITH_FEE = "223456789012.3456789012345679"
"""`LONG` and `FEE` together, by hand: …891 and …009 end on a zero."""

Case = tuple[str, str, Any, set[str]]
EUR = {"fiatCurrency": "EUR", "status": "Successful", "createTime": 1_794_000_000_000}
EARN = {"asset": "ETH", "amount": LONG, "status": "SUCCESS", "time": 1_794_000_000_000}
FILL = {"symbol": "ETHUSDT", "qty": LONG, "price": "2", "quoteQty": FEE, "time": 1_794_000_000_000}
FILL |= {"commission": FEE, "commissionAsset": "BNB"}
SENT = {
    "id": "w",
    "coin": "ETH",
    "amount": LONG,
    "transactionFee": FEE,
    "status": 6,
    "applyTime": "2026-11-02 03:04:05",
}
GIVEN = {"id": 1, "asset": "ETH", "amount": LONG, "divTime": 1_794_000_000_000}
SWAP = {
    "orderId": 1,
    "orderStatus": "SUCCESS",
    "fromAsset": "ETH",
    "fromAmount": LONG,
    "toAsset": "BTC",
    "toAmount": FEE,
}
SWAP |= {"createTime": 1_794_000_000_000}
MOVE = {"tranId": 1, "asset": "ETH", "amount": LONG, "type": "MAIN_FUNDING", "status": "CONFIRMED"}
MOVE |= {"timestamp": 1_794_000_000_000}
CARD = {"orderNo": "a", "sourceAmount": LONG, "obtainAmount": LONG, "cryptoCurrency": "BTC", "totalFee": FEE}
DUST = {"amount": LONG, "fromAsset": "ETH", "transferedAmount": FEE}

BINANCE: list[Case] = [
    ("binance", "trades", [{**FILL, "id": 1, "isBuyer": True}], {LONG, f"-{FEE}"}),
    ("binance", "trades", [{**FILL, "id": 1, "isBuyer": False}], {f"-{LONG}", FEE, f"-{FEE}"}),
    ("binance", "withdrawals", [SENT], {f"-{LONG}", f"-{FEE}"}),
    ("binance", "conversions", {"list": [SWAP]}, {f"-{LONG}", FEE}),
    ("binance", "rewards", {"rows": [GIVEN]}, {LONG}),
    ("binance", "rewards", {"rows": [{**GIVEN, "direction": -1}]}, {f"-{LONG}"}),
    ("binance", "transfers", {"rows": [MOVE]}, {f"-{LONG}", LONG}),
    ("binance", "transfers.redemptions", {"rows": [{**EARN, "redeemId": 1}]}, {f"-{LONG}", LONG}),
    (
        "binance",
        "transfers.subscriptions",
        {"rows": [{**EARN, "purchaseId": 1, "amtFromFunding": FEE}]},
        {f"-{BEFORE_FEE}", f"-{FEE}", LONG},
    ),
    (
        "binance",
        "conversions.dust",
        {"userAssetDribblets": [{"transId": 1, "operateTime": 1_794_000_000_000, "userAssetDribbletDetails": [DUST]}]},
        {f"-{LONG}", FEE},
    ),
    (
        "binance",
        "fiat.withdrawals",
        {"data": [{**EUR, "orderNo": "a", "amount": LONG, "totalFee": FEE}]},
        {f"-{LONG}", f"-{FEE}"},
    ),
    ("binance", "fiat.buys", {"data": [{**EUR, **CARD}]}, {f"-{BEFORE_FEE}", f"-{FEE}", LONG}),
]


def ledger_row(word: str, amount: str, fee: str) -> dict[str, Any]:
    row = {"refid": "R", "time": 1_794_000_000.5, "type": word, "subtype": "", "aclass": "currency", "asset": "XETH"}
    return {"error": [], "result": {"ledger": {"L1": {**row, "amount": amount, "fee": fee}}, "count": 1}}


TRADED = {"pair": "XETHZEUR", "time": 1_794_000_000.5, "price": "1", "cost": LONG, "fee": FEE, "vol": FEE}
FUNDED = {"asset": "XETH", "refid": "R", "amount": LONG, "fee": FEE, "time": 1_794_000_000, "status": "Success"}
KRAKEN: list[Case] = [
    ("kraken", "ledger", ledger_row("withdrawal", f"-{LONG}", FEE), {f"-{LONG}", f"-{FEE}"}),
    ("kraken", "ledger", ledger_row("staking", LONG, FEE), {LONG, f"-{FEE}"}),
    (
        "kraken",
        "trades",
        {"error": [], "result": {"trades": {"T1": {**TRADED, "type": "buy"}}, "count": 1}},
        {FEE, f"-{LONG}", f"-{FEE}"},
    ),
    (
        "kraken",
        "trades",
        {"error": [], "result": {"trades": {"T1": {**TRADED, "type": "sell"}}, "count": 1}},
        {LONG, f"-{FEE}"},
    ),
    ("kraken", "withdrawals", {"error": [], "result": [FUNDED]}, {f"-{LONG}", f"-{FEE}"}),
]


def wallet_row(word: str, amount: str, **more: Any) -> dict[str, Any]:
    row = {"id": "t", "type": word, "status": "completed", "created_at": "2026-11-02T03:04:05Z"}
    return {"pagination": {}, "data": [{**row, "amount": {"amount": amount, "currency": "ETH"}, **more}]}


BOUGHT = {"entry_id": "e", "order_id": "o", "product_id": "BTC-ETH", "trade_time": "2026-11-02T03:04:05Z"}
BOUGHT |= {"trade_type": "FILL", "price": "1", "size": LONG, "commission": FEE}
COINBASE: list[Case] = [
    (
        "coinbase",
        "ledger",
        wallet_row("send", f"-{LONG}", network={"transaction_fee": {"amount": FEE, "currency": "ETH"}}),
        {f"-{BEFORE_FEE}", f"-{FEE}"},
    ),
    (
        "coinbase",
        "ledger",
        wallet_row(
            "advanced_trade_fill",
            f"-{WITH_FEE}",
            advanced_trade_fill={"order_id": "o", "product_id": "BTC-ETH", "commission": FEE},
        ),
        {f"-{LONG}", f"-{FEE}"},
    ),
    ("coinbase", "ledger", wallet_row("staking_reward", LONG), {LONG}),
    ("coinbase", "trades", {"fills": [{**BOUGHT, "side": "BUY"}]}, {LONG, f"-{LONG}", f"-{FEE}"}),
    ("coinbase", "trades", {"fills": [{**BOUGHT, "side": "SELL"}]}, {LONG, f"-{LONG}", f"-{FEE}"}),
]


def figures(entries: list[Entry]) -> set[str]:
    return {text(leg.amount) for entry in entries for leg in entry.legs}


def as_the_program_runs() -> decimal.Context:
    """Python's own context, in which 28 digits are kept and nothing is said of the others."""
    return decimal.Context(prec=28, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow])


@pytest.mark.parametrize(("exchange", "read", "answer", "expected"), [*BINANCE, *KRAKEN, *COINBASE])
def test_thirty_digits_pass_through_every_parser(exchange: str, read: str, answer: Any, expected: set[str]) -> None:
    with decimal.localcontext(as_the_program_runs()):
        found = registry.parsing(exchange).parse(read, json.dumps(answer).encode(), Known())
        assert found.unparsed == ()
        assert figures([item for item in found.items if isinstance(item, Entry)]) == expected


BINANCE_FILE = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n"
KRAKEN_FILE = "txid,refid,time,type,subtype,aclass,asset,amount,fee,balance\n"
AT = "a,2024-03-04 05:06:07 UTC"
COINBASE_FILE = (
    "ID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,"
    "Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n"
)


@pytest.mark.parametrize(
    ("exchange", "file", "expected"),
    [
        ("binance", f"{BINANCE_FILE}7,2024-03-04 05:06:07,Spot,Withdraw,ETH,-{LONG},\n", {f"-{LONG}"}),
        (
            "binance",
            f"{BINANCE_FILE}7,2024-03-04 05:06:07,Spot,Simple Earn Flexible Subscription,ETH,-{LONG},\n",
            {f"-{LONG}", LONG},
        ),
        (
            "kraken",
            f"{KRAKEN_FILE}L1,R1,2024-03-04 05:06:07,withdrawal,,currency,XETH,-{LONG},{FEE},0\n",
            {f"-{LONG}", f"-{FEE}"},
        ),
        ("coinbase", f"{COINBASE_FILE}{AT},Send,ETH,{LONG},EUR,,,,,\n", {f"-{LONG}"}),
        (
            "coinbase",
            f"{COINBASE_FILE}{AT},Buy,BTC,{LONG},EUR,1,{LONG},{LONG},{FEE},Bought {LONG} BTC for {WITH_FEE} EUR\n",
            {LONG, f"-{LONG}", f"-{FEE}"},
        ),
        (
            "coinbase",
            f"{COINBASE_FILE}{AT},Convert,ETH,-{LONG},EUR,,,,,Converted {LONG} ETH to {FEE} USDC\n",
            {f"-{LONG}", FEE},
        ),
    ],
)
def test_thirty_digits_pass_through_every_file(exchange: str, file: str, expected: set[str]) -> None:
    with decimal.localcontext(as_the_program_runs()):
        found = registry.exporting(exchange).rows(file, None)
        assert found.pieces == ()
        assert figures([row.entry for row in found.rows]) == expected


@pytest.mark.parametrize(
    ("read", "row", "expected"),
    [
        ("withdrawals", {**SENT, "status": 99}, f"-{WITH_FEE}"),
        ("rewards", {**GIVEN, "direction": -1}, f"-{LONG}"),
        ("fiat.withdrawals", {**EUR, "orderNo": "a", "amount": LONG, "totalFee": FEE}, f"-{WITH_FEE}"),
    ],
)
def test_a_row_that_is_not_understood_explains_a_gap_to_the_last_digit(read: str, row: Any, expected: str) -> None:
    reader = registry.clues("binance")
    assert reader
    with decimal.localcontext(as_the_program_runs()):
        assert [text(clue.amount) for clue in reader.clues(Unparsed(f"{read}:1", "", json.dumps(row)), Known())] == [
            expected
        ]


def test_a_sign_is_turned_without_a_rounding() -> None:
    with decimal.localcontext(as_the_program_runs()):
        long = decimal.Decimal(LONG)
        assert text(negate(long)) == f"-{LONG}"
        assert text(magnitude(negate(long))) == LONG
        assert str(negate(decimal.Decimal(0))) == "0"


HOUSE = Path(tallyglass.__file__).parent
#: They hold no money: the keeper counts seconds and bytes, the sandbox is no part of what a user's figures pass.
MONEYLESS = ("keeper", "sandbox", "tests")
#: What a sign, `abs` or `round` may stand before in the rest: no Decimal, each for the reason beside it.
HARMLESS = {
    "-len(cursor)": "a count",
    "-len(secret.rstrip('='))": "a count",
    "-number.adjusted()": "a count of digits",
    "-minutes": "an offset of a time zone",
    "-days": "a count of days",
    "-day": "a count of days",
    "-PAGE": "a count",
    "round(progress.seconds)": "a stopwatch",
    "abs(time - entry.time)": "a length of time",
    "abs(each.movement.time - here.time)": "a length of time",
    "round(part.seconds, 3)": "a stopwatch",
    "round(found.seconds)": "a stopwatch",
    "-((int(onward['ofs']) - found.count) // len(found.ids))": "a count",
    "-len(pair[1])": "a count",
    "-((low - high) // width)": "a count of windows",
    "-len(names)": "a count",
    "-(-len(names) // _PART)": "a count",
    "-(-len(names) // _TURN)": "a count",
    "-_BEFORE": "a length of time",
    "abs(session.now() - last)": "a length of time",
    "abs(each.time - self._span.begin)": "a length of time",
    "round(hours * 60)": "an offset of a time zone",
    "abs(before - row)": "a row of a picture",
    "abs(session.now() - max((each.end for each in question.spans)))": "a length of time",
    "-MOST": "a count",
    "-len(shown_points)": "a count",
    "-int(power)": "a power of ten",
    "abs(price.adjusted())": "a count of digits",
}


def rounding(tree: ast.AST) -> Iterator[str]:
    """Signs, `abs` and `round`: the operations on a Decimal that do not look as if they could round."""
    for node in ast.walk(tree):
        signed = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd)
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("abs", "round")
        if called or (signed and not isinstance(node.operand, ast.Constant)):  # type: ignore[attr-defined]
            yield ast.unparse(node)


def test_no_sign_is_turned_in_a_context_that_rounds() -> None:
    found = {
        (str(path.relative_to(HOUSE)), shown)
        for path in HOUSE.rglob("*.py")
        if not set(MONEYLESS) & set(path.relative_to(HOUSE).parts)
        for shown in rounding(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {each for each in found if each[1] not in HARMLESS} == set(), "use money.negate or money.magnitude"
    assert {shown for _, shown in found} == set(HARMLESS), "an exception that nothing needs any more"


def test_the_tests_themselves_raise_where_a_digit_would_be_lost() -> None:
    with pytest.raises(decimal.Inexact):
        decimal.Decimal(LONG).__neg__()
