"""Why a gap is there, as far as what is known tells, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from tallyglass.exchanges.manifest import Manifest
from tallyglass.ledger.reconcile import SLACK, Gap, Move
from tallyglass.ledger.transfers import Movement
from tallyglass.money import ZERO, Amount, Asset, magnitude, multiply, negate, subtract, text, total

#: Fees may take so much of what another account sent.
_FEES: Final = Decimal("0.02")
_ON_ITS_WAY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Cause:
    """The likely cause of a gap."""

    code: str
    text: str
    fix: str
    #: When the gap opened, where the cause tells it better than the readings.
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer that was not understood."""

    stream: str
    reason: str
    #: What it seems to have moved; none where it does not tell.
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Behind:
    """A stream of history that is not read up to the balances."""

    stream: str
    #: How it stands, as the end of a sentence.
    text: str
    #: The assets that it tells of; none = any.
    assets: frozenset[Asset] = frozenset()
    #: All up to here was read: it lacks nothing older. None = never read to its end.
    read_at: datetime | None = None

    def may_lack(self, gap: Gap) -> bool:
        """Whether it tells of the asset and of the time in which the gap opened."""
        late = self.read_at is None or gap.opened is None or gap.opened.wrong_at > self.read_at
        return late and (not self.assets or gap.asset in self.assets)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that has not happened yet, by its entry."""

    id: str
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that may explain a gap of one connection."""

    connection: str
    manifest: Manifest
    pieces: Sequence[Piece] = ()
    waiting: Sequence[Waiting] = ()
    behind: Sequence[Behind] = ()
    #: Its history is being read, or will be when its sync goes on: no attempt has ended since the balances were seen.
    reading: bool = False
    #: What the last sync said when a part of history failed: words and next step.
    fault: tuple[str, str] = ("", "")
    #: Wallets that the exchange has ever reported.
    wallets: frozenset[str] = frozenset()
    #: Deposits and withdrawals of all connections whose other side is not known: looked for when they are needed.
    unmatched: Callable[[], Sequence[Movement]] = tuple
    #: The key reads no history before this.
    window: datetime | None = None
    #: What the user said was there before all history, by asset.
    openings: Sequence[Move] = ()

    def unread(self, gap: Gap) -> bool:
        """Whether it is being read for the first time, in a part that may tell of the gap."""
        return self.reading and any(each.read_at is None and each.may_lack(gap) for each in self.behind)


def explain(gap: Gap, known: Evidence) -> Cause:
    """The likeliest cause: what explains the gap to the last digit first, what is merely possible last."""
    for look in _LOOKS:
        cause = look(gap, known)
        if cause is not None:
            return cause
    return _untold(gap, known)


def _exactly(gap: Gap, moves: Iterable[Move]) -> datetime | None:
    """The time of the first of these moves, if together they are the gap: wallet by wallet, or in all."""
    here = [move for move in moves if move.asset == gap.asset]
    if not here:
        return None
    wallets = {move.account for move in here}
    sums = {wallet: total(move.amount for move in here if move.account == wallet) for wallet in wallets}
    same = {wallet: moved for wallet, moved in sums.items() if moved != ZERO} == {e.account: e.gap for e in gap.open}
    whole = total(sums.values())
    return min(move.time for move in here) if same or (whole != ZERO and whole == gap.amount) else None


def _still(gap: Gap, known: Evidence) -> Cause | None:
    if not known.reading or not any(each.may_lack(gap) for each in known.behind):
        return None
    then = f"Wait for the sync that runs. If none does: tallyglass sync {known.connection}"
    return Cause("still_read", "Its history is still being read: until then its entries do not add up.", then)


def _unparsed(gap: Gap, known: Evidence) -> Cause | None:
    moves = [move for piece in known.pieces for move in piece.moves]
    since = _exactly(gap, moves)
    if since is None:
        return None
    pieces = [piece for piece in known.pieces if any(move.asset == gap.asset for move in piece.moves)]
    return Cause("unparsed", f"{_of_pieces(pieces)}: together they are the whole gap.", _UPGRADE, since)


def _waiting(gap: Gap, known: Evidence) -> Cause | None:
    for some in (*([each] for each in known.waiting), known.waiting):
        since = _exactly(gap, (move for each in some for move in each.moves))
        if since is not None:
            names = ", ".join(f"{known.connection}/{each.id}" for each in some if _touches(gap, each.moves))
            text_ = f"On its way and already in the balance, but not yet done: {names}."
            return Cause("pending", text_, "Nothing to do: the gap closes when it is done.", since)
    return None


def _opening(gap: Gap, known: Evidence) -> Cause | None:
    said = [move for move in known.openings if move.asset == gap.asset]
    if not said or gap.opened is None or gap.opened.clean_at is not None:
        return None
    whole = text(total(move.amount for move in said))
    undo = f"tallyglass reconcile open {known.connection} {gap.asset} --undo"
    words = f"You said that {whole} {gap.asset} were there before all history; what is known by now says otherwise."
    return Cause("opening", words, f"Take it back: {undo}")


def _behind(gap: Gap, known: Evidence) -> Cause | None:
    may = [each for each in known.behind if each.may_lack(gap)]
    streams = [each for each in may if each.assets] or may
    if not streams:
        return None
    why, fix = known.fault
    more = f" (and {len(streams) - 3} more)" if len(streams) > 3 else ""
    told = "; ".join(f"`{each.stream}` {each.text}" for each in streams[:3])
    because = f" The last try: {why.rstrip('.')}." if why else ""
    then = f"{fix.rstrip('.')}. Then: " if why and fix else ""
    words = f"A part of its history is not read: {told}{more}.{because}"
    return Cause("stream_unread", words, f"{then}tallyglass sync {known.connection}")


def _strange(gap: Gap, known: Evidence) -> Cause | None:
    """Pieces that tell of the asset but not of the whole gap, or that do not tell what they moved."""
    own = [piece for piece in known.pieces if _touches(gap, piece.moves)]
    pieces = own or [piece for piece in known.pieces if not piece.moves]
    return Cause("unparsed", f"{_of_pieces(pieces)}.", _UPGRADE) if pieces else None


def _wallet(gap: Gap, known: Evidence) -> Cause | None:
    lost = [each for each in gap.open if each.account not in known.wallets and each.reported == ZERO]
    if not lost or len(lost) < len(gap.open):
        return None
    names = ", ".join(f"{text(each.computed)} {gap.asset} in {each.account}" for each in lost)
    words = f"By its history there is {names}: a wallet that {known.manifest.name} has never reported to us."
    return Cause("wallet_unread", words, "It is not in the total. Compare with what the exchange shows there.")


def _misplaced(gap: Gap, known: Evidence) -> Cause | None:
    if gap.amount != ZERO:
        return None
    names = ", ".join(f"{each.account} {_signed(each.gap)}" for each in gap.open)
    words = f"Nothing is missing, but it lies in other wallets than its history tells ({names})."
    reach = known.manifest.history.get("transfers", "")
    told = f" What {known.manifest.name} tells of such moves: {reach}" if reach else ""
    return Cause("moved", f"{words}{told}", "Nothing to do: a move between wallets changes no total.")


def _missing_transfer(gap: Gap, known: Evidence) -> Cause | None:
    for each in known.unmatched():
        if each.connection != known.connection and each.asset == gap.asset and _fits(gap, each):
            name = f"{each.connection}/{each.id}"
            if each.sent:
                words = (
                    f"{text(negate(each.amount))} {gap.asset} left {each.connection} ({name}), and no arrival is known."
                )
            else:
                words = f"{text(each.amount)} {gap.asset} arrived at {each.connection} ({name}) from an unknown place."
            fix = f"Likely the other side of it is missing here: look for it at {known.manifest.name}."
            return Cause("missing_transfer", words, fix, each.time)
    return None


def _fits(gap: Gap, other: Movement) -> bool:
    """Whether the gap may be the other side of this: direction, amount but for fees, and time."""
    moved, missing = magnitude(other.amount), magnitude(gap.amount)
    if other.sent != (gap.amount > ZERO) or gap.opened is None:
        return False
    if not multiply(max(moved, missing), subtract(Decimal(1), _FEES)) <= min(moved, missing):
        return False
    clean, wrong = gap.opened.clean_at, gap.opened.wrong_at
    return other.time <= wrong + SLACK and (clean is None or other.time >= clean - _ON_ITS_WAY)


def _older(gap: Gap, known: Evidence) -> Cause | None:
    """A gap that was there from the beginning: what came before the reach of the history that we can read."""
    if gap.opened is None or gap.opened.clean_at is not None:
        return None
    fix = f"Import what {known.manifest.name} lets you download (tallyglass import)"
    if all(each.gap > ZERO for each in gap.open):
        fix += f", or, if it was there from the beginning: tallyglass reconcile open {known.connection} {gap.asset}"
    if known.window is not None:
        words = f"This key reads no history before {_day(known.window)}: what came earlier is missing."
        return Cause("history_limit", words, f"Connect a key without that limit. {fix}", known.window)
    reach = f"How far back {known.manifest.name} tells: tallyglass exchanges"
    words = f"The gap was there when this account was first read: what is missing came before that. {reach}"
    return Cause("history_limit", words, fix)


def _untold(gap: Gap, known: Evidence) -> Cause:
    clean = gap.opened.clean_at if gap.opened else None
    between = f" after {_moment(clean)}, when all agreed," if clean else ""
    words = f"Something{between} changed the balance by {_signed(gap.amount)} {gap.asset}, and no history tells of it."
    fix = f"Read everything again: tallyglass sync {known.connection} --full. If it stays, report it: a kind of entry"
    return Cause("untold", words, f"{fix} may be missing.")


_UPGRADE: Final = "See them: tallyglass unparsed. After an upgrade: tallyglass replay"
_LOOKS: Final[tuple[Callable[[Gap, Evidence], Cause | None], ...]] = (
    _still,
    _unparsed,
    _waiting,
    _opening,
    _behind,
    _strange,
    _wallet,
    _misplaced,
    _missing_transfer,
    _older,
)


def _touches(gap: Gap, moves: Iterable[Move]) -> bool:
    return any(move.asset == gap.asset for move in moves)


def _of_pieces(pieces: Sequence[Piece]) -> str:
    what = "One piece" if len(pieces) == 1 else f"{len(pieces)} pieces"
    streams = ", ".join(sorted({piece.stream for piece in pieces}))
    reasons = sorted({piece.reason for piece in pieces})
    more = " …" if len(reasons) > 2 else ""
    return f"{what} of `{streams}` not understood ({'; '.join(reasons[:2])}{more})"


def _signed(amount: Amount) -> str:
    return f"+{text(amount)}" if amount > ZERO else text(amount)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
