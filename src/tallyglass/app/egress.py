"""Egress: asks what exchanges see of us, remembers it, and lays it beside the lists that keys are bound to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from tallyglass.app.egress_views import BoundView, EgressView, SeenAddressView, ToPasteView
from tallyglass.app.exchanges import exchange as one_exchange
from tallyglass.app.home import Home
from tallyglass.app.session import Session, open_portfolio
from tallyglass.app.views import moment
from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene import egress
from tallyglass.hygiene.facts import Egress, Facts, KeyFacts
from tallyglass.hygiene.findings import Finding
from tallyglass.keeper.client import Connection, Keeper, KeeperError, Locked, Unreachable
from tallyglass.store import egress as memory

#: While the program runs it looks again after so long, right before a sync.
INTERVAL = timedelta(minutes=10)
_VERSIONS = (4, 6)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one service told of one way."""

    way: str
    source: str
    version: int
    address: str | None
    #: Why there is none.
    why: str = ""


def known(session: Session) -> Egress:
    """What was said, and what was seen when we last looked."""
    with session.store.read() as db:
        return Egress(session.keeper.ways(), memory.seen(db))


def look(session: Session) -> list[Asked]:
    """Ask the services by every way out whose addresses the operator has not said, and remember what they tell."""
    ways, now = session.keeper.ways(), session.now()
    through = {ways.proxy_to(each.id): each.id for each in registry.exchanges() if not ways.addresses_for(each.id)}
    asked = _ask(session.keeper, through, ways.echo)
    with session.store.write() as db:
        for way in through:
            here = [each for each in asked if each.way == way and each.address]
            told: dict[str, bool] = {}
            for version in _VERSIONS:
                told |= egress.agreed({each.address or ""} for each in here if each.version == version)
            if not told and not way:
                told = dict.fromkeys(session.keeper.egress(), False)
            memory.note(db, way, told, now)
    return asked


def look_if_due(session: Session) -> None:
    """Before a sync of the running program: a change of address is known before a key fails of it."""
    with session.store.read() as db:
        last = max((each.last_at for each in memory.seen(db)), default=None)
    if last is None or abs(session.now() - last) >= INTERVAL:
        look(session)


def _ask(keeper: Keeper, through: Mapping[str, str], echoes: tuple[str, ...]) -> list[Asked]:
    """Every service, of both families, by each way once; all at the same time: some may lead nowhere, slowly."""
    sandbox = keeper.health().sandbox
    tasks = [(way, via, source, v) for way, via in through.items() for source in echoes for v in _VERSIONS]

    def ask(task: tuple[str, str, str, int]) -> Asked:
        way, via, source, version = task
        try:
            body = keeper.echo(source, f"address.v{version}", via).body
        except KeeperError as error:
            return Asked(way, source, version, None, error.text)
        address = egress.told(body, version, real=sandbox is None)
        return Asked(way, source, version, address, "" if address else f"{source} told something else.")

    with ThreadPoolExecutor(max(len(tasks), 1)) as threads:
        return list(threads.map(ask, tasks))


def for_guide(home: Home, exchange: str) -> list[str]:
    """Our addresses for a guide, when a keeper runs that can tell; guides are for those who have none yet, too."""
    keeper = Keeper(home.socket, timeout=5)
    try:
        said = keeper.ways().addresses_for(exchange)
        if said:
            return list(said)
        store = open_portfolio(home, keeper)
    except (Unreachable, Locked):
        return []
    try:
        session = Session(home, keeper, store)
        if not known(session).seen:
            look(session)
        mine = egress.ours(known(session), exchange)
    finally:
        store.close()
    return list(mine.addresses) if mine.known != "doubtful" else []


def to_paste(session: Session) -> dict[str, ToPasteView]:
    """By exchange, what belongs on its list, from what was last seen."""
    facts = known(session)
    return {each.id: _exchange(facts, each) for each in registry.exchanges()}


def for_page(session: Session, exchange: str, *, ask: bool) -> ToPasteView:
    """The same of one exchange; `ask`: the services for our address, if it was never seen."""
    if ask and not known(session).seen and not session.keeper.ways().addresses_for(exchange):
        look(session)
    return _exchange(known(session), one_exchange(exchange))


def view(session: Session, exchange: str = "", *, ask: bool = True) -> EgressView:
    """Addresses, what to paste where, and how every key stands; of one exchange, or of all.

    `ask`: the services for our address, and the exchanges for what the keys are bound to.
    """
    manifests = [one_exchange(exchange)] if exchange else list(registry.exchanges())
    asked = look(session) if ask else []
    facts, names = known(session), {each.id for each in manifests}
    refused = _recheck(session.keeper, names) if ask else {}
    here = [each for each in session.keeper.connections() if each.exchange in names]
    every = dict.fromkeys(address for each in manifests for address in egress.ours(facts, each.id).addresses)
    seen: list[SeenAddressView] = [
        {"way": each.way, "address": each.address, "since": moment(each.since), "last_at": moment(each.last_at)}
        for each in facts.seen
        if each.ended_at is None
    ]
    return {
        "addresses": list(every),
        "seen": seen,
        "exchanges": [_exchange(facts, each) for each in manifests],
        "connections": [_connection(session, facts, each, refused.get(each.id)) for each in here],
        "failed": [
            {"way": each.way, "source": each.source, "version": each.version, "why": each.why}
            for each in asked
            if each.address is None
        ],
    }


def _recheck(keeper: Keeper, exchanges: set[str]) -> dict[str, str]:
    """Ask the exchanges again of every key that is in use; connection → why that failed."""
    refused = {}
    for each in keeper.connections():
        if each.exchange in exchanges and each.state not in ("frozen", "dead"):
            try:
                keeper.recheck(each.id)
            except KeeperError as error:
                refused[each.id] = error.code
    return refused


def _exchange(facts: Egress, manifest: Manifest) -> ToPasteView:
    mine = egress.ours(facts, manifest.id)
    doubtful = mine.known == "doubtful"
    copied = egress.Copy("") if doubtful else egress.copy(manifest, mine.addresses)
    return {
        "exchange": manifest.id,
        "name": manifest.name,
        "proxy": facts.ways.proxy_to(manifest.id) or None,
        "addresses": list(mine.addresses),
        "known": mine.known,
        "since": moment(mine.since),
        "before": list(mine.before),
        "text": copied.text,
        "left": list(copied.left),
        "max_entries": manifest.ip.get("max_entries"),
        "where": egress.where(manifest),
        "without": str(manifest.ip.get("without", "")),
    }


def _connection(session: Session, facts: Egress, connection: Connection, refused: str | None) -> BoundView:
    manifest = registry.manifest(connection.exchange)
    found = egress.bond(connection.ip, egress.ours(facts, connection.exchange))
    alone = Facts(session.now(), (KeyFacts(connection, manifest),), egress=facts)
    return {
        "connection": connection.id,
        "exchange": connection.exchange,
        "verdict": found.verdict,
        "listed": list(connection.ip.addresses),
        "missing": list(found.missing),
        "others": list(found.others),
        "findings": [{"code": each.code, "text": each.text, "fix": each.fix} for each in _of_keys(alone)],
        "refused": refused,
    }


def _of_keys(facts: Facts) -> Iterator[Finding]:
    return (each for each in egress.rules(facts) if each.connection)
