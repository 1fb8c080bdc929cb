"""A source of prices that is down, slow, limited or lying: no total changes in silence; the page tells each case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from support.home import open_home
from support.sandbox import Sandbox, running_sandbox
from tallyglass.app import backfilling, hygiene, price_words, pricing, syncing, worth, worth_history
from tallyglass.app.past_worth import worth_at
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.worth_history import Asked
from tallyglass.money import amount, divide, magnitude, subtract
from tallyglass.prices import refresh
from tallyglass.store import closes

DOCS = Path(__file__).parents[2] / "docs" / "prices.md"
EXCHANGES = ("kraken", "binance", "coinbase")
OPINIONS = ("coingecko", "defillama")
Trouble = Callable[[Sandbox], None]
_hours = count(1)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), seed=3) as running:
        running.unlimited()
        yield running


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    with open_home(tmp_path_factory.mktemp("home"), sandbox, *EXCHANGES) as opened:
        parts = syncing.sync(opened)
        assert [part for part in parts if part["fault"]] == []
        yield opened


def lie(source: str, asset: str, **what: object) -> Trouble:
    return lambda sandbox: sandbox.lie(source, asset, **what)


def fault(kind: str, exchange: str, path: str, value: float) -> Trouble:
    return lambda sandbox: sandbox.fault(kind, exchange, path, value=value)


def opinions_fail(sandbox: Sandbox) -> None:
    for source in OPINIONS:
        sandbox.fault("status", source, "", value=503)


def opinions_fail_and_bnb_is_a_lie(sandbox: Sandbox) -> None:
    opinions_fail(sandbox)
    sandbox.lie("binance", "BNB", factor="10")


PRODUCTS = "/api/v3/brokerage/market/products"
CASES: dict[str, Trouble] = {
    "everybody is honest": lambda _: None,
    "coinbase is down": fault("status", "coinbase", PRODUCTS, 503),
    "coinbase breaks off": fault("reset", "coinbase", PRODUCTS, 1),
    "coinbase is slow": fault("delay", "coinbase", PRODUCTS, 1),
    "coinbase: BTC × 10": lie("coinbase", "BTC", factor="10"),
    "kraken: BTC × 10, which would not be used": lie("kraken", "BTC", factor="10"),
    "binance: BNB × 10, and no other exchange lists it": lie("binance", "BNB", factor="10"),
    "coinbase: BTC 0": lie("coinbase", "BTC", price="0"),
    "coinbase: BTC -5": lie("coinbase", "BTC", price="-5"),
    "coinbase: BTC of two years ago": lie("coinbase", "BTC", stale=730),
    "coingecko: another coin named PEPE": lie("coingecko", "PEPE", coin="pepe-of-base"),
    "coinbase: another coin named PEPE": lie("coinbase", "PEPE", factor="37.5"),
    "coingecko is down": fault("status", "coingecko", "", 503),
    "coingecko and defillama are down, and told the same not long before": opinions_fail,
    "norgesbank: EUR × 1.02": lie("norgesbank", "EUR", factor="1.02"),
    "coinbase counts requests": fault("status", "coinbase", PRODUCTS, 429),
}
#: The same in a home that has never known anything else.
FRESH: dict[str, Trouble] = {
    "from the first day on: coingecko and defillama are down, binance: BNB × 10": opinions_fail_and_bnb_is_a_lie,
    "from the first day on: coingecko and defillama are down": opinions_fail,
}


def look_again(session: Session) -> None:
    """Ask every source, as a sync does that is an hour later."""
    later = timedelta(hours=7 * next(_hours))
    asking = refresh.Refresher(session.store, session.keeper, lambda: session.now() + later)
    refresh.rates(asking)
    for exchange in EXCHANGES:
        refresh.tickers(asking, exchange)
    with session.store.read() as db:
        held = pricing.owned(session, db)
    refresh.second_opinions(asking, held)


def row(session: Session, sandbox: Sandbox, name: str) -> str:
    """What one case does, as the page has it; and that nothing of it is silent."""
    found = worth.worth_view(session)
    same = found["total"] == sandbox.truth()["worth"]
    causes = [f"{cause['code']} {cause['about']}" for cause in found["causes"]]
    codes = ("price_", "same_symbol", "which_coin")
    findings = [each.id for each in hygiene.findings(session) if each.code.startswith(codes)]
    if not same:
        assert not found["complete"], name
        assert causes, name
    told = ("the true one" if same else "another", "yes" if found["complete"] else "no")
    return f"| {name} | {' | '.join(told)} | {', '.join(causes) or '–'} | {', '.join(findings) or '–'} |"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Session]:
    """A home that is in trouble from its first sync on."""
    opinions_fail_and_bnb_is_a_lie(sandbox)
    with open_home(tmp_path_factory.mktemp("fresh"), sandbox, *EXCHANGES) as opened:
        syncing.sync(opened)
        yield opened


def test_no_total_changes_in_silence_and_the_page_shows_each_case(
    session: Session, sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    rows = []
    for name, trouble in CASES.items():
        sandbox.calm()
        sandbox.honest()
        look_again(session)
        trouble(sandbox)
        look_again(session)
        rows.append(row(session, sandbox, name))
    sandbox.calm()
    sandbox.honest()
    look_again(session)
    opened = request.getfixturevalue("fresh")
    for name, trouble in FRESH.items():
        sandbox.honest()
        trouble(sandbox)
        look_again(opened)
        rows.append(row(opened, sandbox, name))
    sandbox.calm()

    assert "\n".join(rows) in DOCS.read_text(), "docs/prices.md lacks these rows:\n" + "\n".join(rows)


def test_every_past_day_is_fetched_once_and_goes_on_where_it_was_stopped(session: Session, sandbox: Sandbox) -> None:
    def stop_soon(backfill: object, left: Iterator[int], *_: object) -> None:
        if next(left) > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backfilling.prices(session, watch=partial(stop_soon, None, count()))
    asked = len(sandbox.requests())
    first = backfilling.prices(session)
    assert first.faults == {}
    assert first.closes > 1000
    assert len(sandbox.requests()) - asked == first.requests
    again = backfilling.prices(session)
    assert (again.requests, again.closes) == (0, 0)

    last = session.now().date() - timedelta(days=1)
    for days in (1, 40, 300):
        day = last - timedelta(days=days)
        told = sandbox.control("GET", f"truth/prices?asset=BTC&from={day}&to={day}")["prices"]
        (btc,) = pricing.prices(session, ["BTC"], day)
        assert btc["price"] is not None
        assert magnitude(subtract(divide(amount(btc["price"]), amount(told[0]["usd"])), amount(1))) < amount("0.01")
        assert btc["path"][0]["day"] == day.isoformat()


def test_a_past_that_one_source_alone_tells_is_not_complete_until_the_others_are_heard(
    fresh: Session, sandbox: Sandbox
) -> None:
    opinions_fail_and_bnb_is_a_lie(sandbox)
    backfilling.prices(fresh)
    lied = worth_history.history(fresh, Asked(by="asset"))["points"]
    held = [each for each in lied if "BNB" in (each["by"] or {})]
    doubted = [{(cause["code"], cause["about"]) for cause in each["causes"]} for each in held]
    assert len(held) > 100
    assert all(("unconfirmed", "BNB") in each for each in doubted)
    assert not any(each["complete"] for each in held)

    sandbox.calm()
    backfilling.prices(fresh)
    heard = worth_history.history(fresh, Asked(by="asset"))["points"][:-1]
    codes = {cause["code"] for each in heard for cause in each["causes"]}
    assert "disagree" in codes
    assert "unconfirmed" not in codes
    sandbox.honest()


def test_who_asks_nobody_else_is_told_what_one_source_alone_says(session: Session) -> None:
    for source in OPINIONS:
        price_words.switch(session, source, on=False)
    (alone,) = (each for each in hygiene.findings(session) if each.code == "price_alone")
    assert "BNB" in alone.text
    assert alone.severity == "notice"
    assert "unconfirmed" not in {each["code"] for each in worth.worth_view(session)["causes"]}
    for source in OPINIONS:
        price_words.switch(session, source, on=True)


def test_a_lone_source_whose_price_leaps_is_doubted(session: Session, sandbox: Sandbox) -> None:
    for source in ("coingecko", "defillama"):
        price_words.switch(session, source, on=False)
    sandbox.lie("binance", "BNB", factor="10")
    look_again(session)

    (bnb,) = pricing.prices(session, ["BNB"])
    assert (bnb["marks"], bnb["others"]) == (["price_jumped"], [])
    assert ("price_jumped", "BNB") in {(each["code"], each["about"]) for each in worth.worth_view(session)["causes"]}
    assert "price_jumped:BNB" in {each.id for each in hygiene.findings(session)}
    for source in ("coingecko", "defillama"):
        price_words.switch(session, source, on=True)
    sandbox.honest()
    look_again(session)


def test_a_price_of_your_own_comes_first_on_its_day(session: Session, tmp_path: Path) -> None:
    day = session.now().date() - timedelta(days=10)
    price_words.set_price(session, "BTC", "5", "usd", day)
    (btc,) = pricing.prices(session, ["BTC"], day)
    assert (btc["price"], btc["source"], len(btc["others"]) > 1) == ("5", "you", True)
    assert pricing.prices(session, ["BTC"], day + timedelta(days=1))[0]["source"] != "you"
    assert price_words.unset_price(session, "BTC", day) == 1
    assert pricing.prices(session, ["BTC"], day)[0]["source"] != "you"

    file = tmp_path / "prices.csv"
    file.write_text(f"asset,currency,day,price\nHOUSE,EUR,{day},250000\nHOUSE,EUR,{day + timedelta(days=3)},dear\n")
    with pytest.raises(Problem, match="Line 3: 'dear' is no price"):
        price_words.import_prices(session, file)
    assert pricing.prices(session, ["HOUSE"], day)[0]["price"] is None
    file.write_text(f"asset,currency,day,price\nHOUSE,EUR,{day},250000\n")
    assert price_words.import_prices(session, file) == 1
    assert pricing.prices(session, ["HOUSE"])[0]["source"] == "you + ecb"
    price_words.unset_price(session, "HOUSE", None)


def test_a_symbol_that_several_coins_have_is_asked_for_and_the_answer_is_remembered(session: Session) -> None:
    with session.store.read() as db:
        assert closes.first_day(db, price_words.identify(session, "DOT", "coingecko:polkadot").asset) is not None
    with pytest.raises(Problem, match="names no coin"):
        price_words.identify(session, "DOT", "polkadot")
    price_words.identify(session, "PEPE@binance", "coingecko:pepe-of-base")
    held = {each["asset"] for each in worth.worth_view(session)["holdings"]}
    assert "PEPE@binance" in held
    told = {each["asset"]: each for each in pricing.prices(session)}
    assert (told["PEPE@binance"]["source"] or "").startswith("binance")
    *_, yesterday, _ = worth_history.history(session, Asked(by="asset"))["points"]
    assert amount((yesterday["by"] or {})["PEPE@binance"]) > 0
    (then,) = (each for each in worth_at(session, yesterday["day"]).holdings if each.asset == "PEPE@binance")
    assert then.price is not None
    assert then.price.source.startswith("binance")


def test_what_is_switched_off_is_not_asked(session: Session, sandbox: Sandbox) -> None:
    price_words.switch(session, "coingecko", on=False)
    before = len(sandbox.requests("coingecko"))
    look_again(session)
    assert len(sandbox.requests("coingecko")) == before
    assert "coingecko" not in {other["source"] for each in pricing.prices(session) for other in each["others"]}
    price_words.switch(session, "coingecko", on=True)
