"""Kraken's ledgers export, in the headers of its ages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallyglass.exchanges.kraken.export import rows
from tallyglass.exchanges.streams import NotReadable
from tallyglass.ledger.entries import Entry
from tallyglass.ledger.imports import entries, united
from tallyglass.money import text

OLD = "txid,refid,time,type,aclass,asset,amount,fee,balance"
MIDDLE = '"txid","refid","time","type","subtype","aclass","asset","wallet","amount","fee","balance"'
NEW = (
    '"txid","refid","time","type","subtype","aclass","subclass","asset","wallet","amount","fee","balance",'
    '"amountusd","feeusd","balanceusd","feecurrency"'
)


def file(*lines: str, end: str = "\n") -> str:
    return end.join((*lines, ""))


def made(content: str) -> dict[str, Entry]:
    found = rows(content, None)
    assert found.pieces == ()
    return {entry.id: entry for entry in entries(united([found.rows]).values())}


def legs(entry: Entry) -> list[tuple[str, str, str, str, str]]:
    return [(leg.id, leg.account, leg.asset, text(leg.amount), leg.role) for leg in entry.legs]


def test_a_trade_of_an_old_file_is_one_entry_under_the_ids_of_the_api() -> None:
    content = file(
        OLD,
        '"LAAAAA-11111-PPPP","TBBBBB-22222-QQQQQQ","2019-05-06 07:08:09","trade","currency","ZEUR",-100.5000,0.2600,10',
        '"LCCCCC-33333-RRRR","TBBBBB-22222-QQQQQQ","2019-05-06 07:08:09","trade","currency","XXBT",0.0200000000,0,0.02',
    )
    [entry] = made(content).values()

    assert (entry.id, entry.kind) == ("TBBBBB-22222-QQQQQQ", "trade")
    assert entry.time == datetime(2019, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert legs(entry) == [
        ("LAAAAA-11111-PPPP", "spot", "EUR", "-100.5", "principal"),
        ("LAAAAA-11111-PPPP:fee", "spot", "EUR", "-0.26", "fee"),
        ("LCCCCC-33333-RRRR", "spot", "BTC", "0.02", "principal"),
    ]


def test_wallets_are_told_by_words_in_newer_files_and_by_suffixes_in_older_ones() -> None:
    newer = file(
        NEW,
        '"L1","R1","2026-01-02 03:04:05","earn","allocation","currency","crypto","DOT","spot / main",-5,0,0,1,0,1,""',
        '"L2","R1","2026-01-02 03:04:05","earn","allocation","currency","crypto","DOT","earn / bonded",5,0,5,1,0,1,""',
        '"L3","R2","2026-01-03 03:04:05","earn","reward","currency","crypto","ETH","earn / flexible",0.5,0.1,9,1,0,1',
    )
    found = made(newer)
    assert [leg[1:4] for leg in legs(found["R1"])] == [("spot", "DOT", "-5"), ("staked", "DOT", "5")]
    assert found["R1"].kind == "transfer"
    assert [leg[1:] for leg in legs(found["R2"])] == [
        ("earn", "ETH", "0.5", "principal"),
        ("earn", "ETH", "-0.1", "fee"),
    ]
    assert found["R2"].kind == "reward"

    older = file(MIDDLE, '"L4","R4","2022-01-02 03:04:05","staking","","currency","DOT28.S","",0.25,0,0.25')
    assert [leg[1:4] for leg in legs(made(older)["R4"])] == [("staked-28", "DOT", "0.25")]


def test_a_line_without_txid_is_the_forerunner_of_the_one_that_moved_the_money() -> None:
    found = rows(
        file(
            OLD,
            '"","FTQcuak-V6Za8qrWnhzTx67yYHz8Tg","2021-01-02 03:04:05","deposit","currency","ZEUR",100,0,""',
            '"L1","FTQcuak-V6Za8qrWnhzTx67yYHz8Tg","2021-01-02 09:04:05","deposit","currency","ZEUR",100,0,100',
            '"","FTQalone-V6Za8qrWnhzTx67yYHz8Tg","2021-01-03 03:04:05","withdrawal","currency","ZEUR",-5,0,""',
        ),
        None,
    )

    assert [row.entry.time.hour for row in found.rows] == [9]
    assert found.skipped == 1
    assert [(piece.line, piece.unparsed.reason) for piece in found.pieces] == [
        (4, "line 4: a deposit or withdrawal that Kraken has not booked")
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"L1","R1","2021-01-02 03:04:05","teleport","currency","ZEUR",1,0,1', "unknown type of ledger row"),
        ('"L1","R1","yesterday","deposit","currency","ZEUR",1,0,1', "not a time"),
        ('"L1","R1","2021-01-02 03:04:05","deposit","currency","=1+1",1,0,1', "not the name of an asset"),
        ('"L1","R1","2021-01-02 03:04:05","deposit","currency","ZEUR",=1+1,0,1', "not an exact amount"),
        ('"L1","R1","2021-01-02 03:04:05","deposit","currency","ZEUR",,0,1', "no amount"),
        ('"L1","R1","2021-01-02 03:04:05","deposit","currency","ZEUR","1,5",0,1', "not an exact amount"),
        ('"L1","R1","2021-01-02 03:04:05","deposit","currency","DOT.Q",1,0,1', "unknown wallet suffix"),
        ('"L1","R1","2021-01-02 03:04:05","deposit","currency","ZEUR",1,0,1,9,9', "more cells"),
        ('"L1","R1","2021-01-02', "no asset is named"),
    ],
)
def test_what_is_not_understood_is_kept_with_its_number(line: str, reason: str) -> None:
    good = '"L9","R9","2021-01-02 03:04:05","deposit","currency","ZEUR",1,0,1'
    found = rows(file(OLD, good, line), None)

    assert [row.line for row in found.rows] == [2]
    [piece] = found.pieces
    assert piece.line == 3
    assert piece.unparsed.reason.startswith("line 3: ")
    assert reason in piece.unparsed.reason


def test_byte_order_mark_carriage_returns_tabs_and_semicolons_change_nothing() -> None:
    lines = (OLD, '"L1","R1","2021-01-02 03:04:05","deposit","currency","ZEUR",1.5,0,1.5')
    plain = made(file(*lines))

    assert plain
    assert made("\ufeff" + file(*lines, end="\r\n")) == plain
    assert made(file(*(line.replace(",", ";") for line in lines))) == plain
    assert made(file(*(line.replace(",", "\t") for line in lines))) == plain
    assert made(file(lines[0], "", lines[1], "", "")) == plain


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello\n",
        '{"error": []}',
        file(
            '"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol","margin","misc","ledgers"'
        ),
        file("User_ID,UTC_Time,Account,Operation,Coin,Change,Remark"),
        "a\n" * 40 + OLD,
    ],
)
def test_another_file_is_refused_with_the_reason(content: str) -> None:
    with pytest.raises(NotReadable, match=r"not a ledgers export of Kraken.*txid, refid, time"):
        rows(content, None)
