"""What only Kraken's ledgers hold now and then, each kind once when it is called; False where the balance forbids.

Sources: docs.kraken.com get-ledgers (types); support.kraken.com "How to interpret Ledger history fields" and the
articles on airdrops, dust, earn and delistings. What is said in a type's name alone is told by few rows on purpose.
"""

from __future__ import annotations

from decimal import Decimal

from tallyglass.money import ROUNDED, ZERO, Amount, add, multiply, negate, subtract
from tallyglass.sandbox.kraken.account import Account, Ids, Move, Order, moment, unix
from tallyglass.sandbox.kraken.happen import Figures, pair_of_moves, settle, swap

_CENTS = Decimal("0.0001")


def _affords(account: Account, *moves: Move) -> bool:
    return all(account.free(each.code) >= negate(add(each.amount, negate(each.fee))) for each in moves)


def _one(account: Account, type_: str, move: Move, now: float, letter: str = "S") -> bool:
    """A single row under a refid of its own."""
    if not _affords(account, move):
        return False
    ids: Ids = account.ids(f"{type_}{move.subtype}")
    account.write(ids.id(letter), type_, moment(now), [move], ids)
    return True


def dust(account: Account, now: float) -> bool:
    """A dust sweep: many spends, one receive, one refid; the fee stands on the receiving side."""
    small = _CENTS
    codes = [code for code in ("SOL", "LINK", "ATOM") if account.free(code) >= small]
    moves = [Move(code, -small, subtype="dustsweeping") for code in codes]
    if moves:
        moves.append(Move("ZEUR", Decimal("0.0310"), Decimal("0.0009"), "dustsweeping"))
        swap(account, moment(now), moves, account.ids("dust"))
    return bool(moves)


def fee_credits(account: Account, now: float) -> bool:
    """Fee credits come in, as a deposit."""
    return _one(account, "deposit", Move("KFEE", Decimal("100.00")), now, "K")


def airdrop(account: Account, now: float) -> bool:
    """A transfer row without subtype: an airdrop, and no move between wallets."""
    return _one(account, "transfer", Move("LINK", Decimal("1.5")), now, "A")


def named_airdrop(account: Account, now: float) -> bool:
    """The same under its own subtype."""
    return _one(account, "transfer", Move("ATOM", Decimal("2.25"), subtype="airdrop"), now, "A")


def opt_in(account: Account, now: float) -> bool:
    """A half of the bitcoins moves to the opt-in rewards, as `allocation` under one refid."""
    return _earn_move(account, ("XXBT", "XBT.M"), _half(account, "XXBT"), "allocation", now)


def opt_out(account: Account, now: float) -> bool:
    """A half of them comes back."""
    return _earn_move(account, ("XBT.M", "XXBT"), _half(account, "XBT.M"), "deallocation", now)


def migration(account: Account, now: float) -> bool:
    """A half of what is in the opt-in rewards gets a code of the new yield products."""
    return _earn_move(account, ("XBT.M", "XBT.B"), _half(account, "XBT.M"), "migration", now)


def _earn_move(account: Account, codes: tuple[str, str], amount: Amount, subtype: str, now: float) -> bool:
    if amount <= ZERO:
        return False
    ids = account.ids(subtype)
    account.write(ids.id("E"), "earn", moment(now), pair_of_moves(*codes, amount, subtype), ids)
    return True


def _half(account: Account, code: str) -> Amount:
    return multiply(account.free(code), Decimal("0.5")).quantize(Decimal("0.00000001"), context=ROUNDED)


def earn_reward(account: Account, now: float) -> bool:
    """A reward of the earn system, Kraken's commission beside it in the same coin."""
    if account.balances.get("XBT.M", ZERO) <= ZERO:
        return False
    come = Move("XBT.M", Decimal("0.00000400"), Decimal("0.00000120"), "reward")
    account.rewarded["XBT.M"] = add(account.rewarded.get("XBT.M", ZERO), subtract(come.amount, come.fee))
    return _one(account, "earn", come, now, "E")


def split_fill(account: Account, now: float) -> bool:
    """A fill paid from two wallets: a row per wallet under the trade's refid, on the same side."""
    pair, when = account.names.pair("SOL", "EUR"), moment(now)
    if account.free("ZEUR") < Decimal("2.4096"):
        return False
    ids, price = account.ids("split"), Decimal("120.00")
    order = Order(ids.id("O"), unix(when), pair, "buy", "limit", price, Decimal("0.02"))
    paid = [Move("ZEUR", Decimal("-1.4000"), Decimal("0.0056")), Move("ZEUR", Decimal("-1.0000"), Decimal("0.0040"))]
    figures = Figures(price, Decimal("2.4000"), Decimal("0.0096"))
    settle(account, order, figures, when, ids, [*paid, Move("SOL", order.volume)])
    return True


def credited_fill(account: Account, now: float) -> bool:
    """A fill whose fee is paid in fee credits: a third row, amount nothing."""
    pair, when, price = account.names.pair("SOL", "EUR"), moment(now), Decimal("110.00")
    if account.free("ZEUR") < Decimal("5.5") or account.free("KFEE") < Decimal("1.43"):
        return False
    ids = account.ids("credited")
    order = Order(ids.id("O"), unix(when), pair, "buy", "market", price, Decimal("0.05"))
    moves = [Move("ZEUR", Decimal("-5.5000")), Move("SOL", order.volume), Move("KFEE", ZERO, Decimal("1.43"))]
    settle(account, order, Figures(price, Decimal("5.5000"), ZERO), when, ids, moves)
    return True


def to_futures(account: Account, now: float) -> bool:
    """Euros go to the futures wallet: of the two sides only this one is ever listed."""
    return _one(account, "transfer", Move("ZEUR", Decimal("-25.0000"), subtype="spottofutures"), now, "F")


def from_futures(account: Account, now: float) -> bool:
    """And come back, with a gain."""
    return _one(account, "transfer", Move("ZEUR", Decimal("27.5000"), subtype="spotfromfutures"), now, "F")


def to_custody(account: Account, now: float) -> bool:
    """Ripples go to the custody account, out of this one."""
    return _one(account, "custodytransfer", Move("XXRP", Decimal("-1.50000000")), now, "C")


def adjustment(account: Account, now: float) -> bool:
    """A conversion outside trading: two rows, and no refid in common."""
    if account.free("XXDG") < 2:
        return False
    out = _one(account, "adjustment", Move("XXDG", Decimal("-2.00000000")), now, "J")
    return out and _one(account, "adjustment", Move("ZUSD", Decimal("0.2900")), now + 0.5, "J")


def delisting(account: Account, now: float) -> bool:
    """A coin that is taken off is turned into another: two transfers, each under its own refid."""
    if account.free("ADA") < 3:
        return False
    out = _one(account, "transfer", Move("ADA", Decimal("-3.000000"), subtype="delistingconversion"), now, "D")
    comes = Move("USDC", Decimal("1.20000000"), subtype="delistingconversion")
    return out and _one(account, "transfer", comes, now + 0.75, "D")


def conversion(account: Account, now: float) -> bool:
    """One coin for another under one refid, by a type that the enumeration alone tells of."""
    moves = [Move("ZUSD", Decimal("-4.0000"), Decimal("0.0400")), Move("USDC", Decimal("3.99000000"))]
    if not _affords(account, moves[0]):
        return False
    ids = account.ids("conversion")
    account.write(ids.id("T"), "conversion", moment(now), moves, ids)
    return True


def sale(account: Account, now: float) -> bool:
    """The same by another name."""
    moves = [Move("XXBT", Decimal("-0.00010000")), Move("ZEUR", Decimal("7.9000"), Decimal("0.1200"))]
    if not _affords(account, moves[0]):
        return False
    ids = account.ids("sale")
    account.write(ids.id("T"), "sale", moment(now), moves, ids)
    return True


def credit(account: Account, now: float) -> bool:
    """A credit from the house."""
    return _one(account, "credit", Move("ZEUR", Decimal("1.0000")), now, "C")


def bonus(account: Account, now: float) -> bool:
    """For a friend who came."""
    return _one(account, "invite bonus", Move("ZEUR", Decimal("10.0000")), now, "I")


def plain_reward(account: Account, now: float) -> bool:
    """A reward by its plain name."""
    return _one(account, "reward", Move("XXBT", Decimal("0.0000021000")), now, "R")


def dividend(account: Account, now: float) -> bool:
    """What a share paid."""
    return _one(account, "dividend", Move("ZUSD", Decimal("0.3500")), now, "V")


def picture(account: Account, now: float) -> bool:
    """A picture is bought, a part goes to who made it, a little comes back: three types of rows."""
    price = Move("USDC", Decimal("-2.00000000"))
    if not _affords(account, price, Move("USDC", Decimal("-0.10000000"))):
        return False
    paid = _one(account, "nfttrade", price, now, "N")
    shared = _one(account, "nftcreatorfee", Move("USDC", Decimal("-0.10000000")), now + 0.1, "N")
    return paid and shared and _one(account, "nftrebate", Move("USDC", Decimal("0.02000000")), now + 0.2, "N")


def unknown_type(account: Account, now: float) -> bool:
    """A row of a type that no documentation names. What it moves is real."""
    return _one(account, "moonrebate", Move("ZEUR", Decimal("0.1200")), now, "U")


def unknown_subtype(account: Account, now: float) -> bool:
    """A known type with a subtype that no documentation names."""
    return _one(account, "staking", Move("ZEUR", Decimal("0.0700"), subtype="lunarbonus"), now)


def unknown_asset(account: Account, now: float) -> bool:
    """An airdrop of a coin that no market lists and nobody prices."""
    return _one(account, "transfer", Move("GLASS", Decimal("77.5"), subtype="airdrop"), now, "A")
