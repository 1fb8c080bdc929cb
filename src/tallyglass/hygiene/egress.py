"""Egress: what an exchange sees of us, beside the list that a key is bound to; and the text that belongs there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Literal

from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene.facts import Egress, Facts, KeyFacts
from tallyglass.hygiene.findings import Finding
from tallyglass.keeper.client import Binding
from tallyglass.store.egress import Seen

Network = IPv4Network | IPv6Network
#: said: by the operator; sure: two services told the same; single: one did; doubtful: they differ; unknown: none did.
Known = Literal["said", "sure", "single", "doubtful", "unknown"]
#: ours: bound to us alone; others_too: to others as well; elsewhere: not to us; hidden: bound, to what is not told.
Verdict = Literal["ours", "others_too", "elsewhere", "hidden", "unbound", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class Ours:
    """What one exchange sees of us."""

    addresses: tuple[str, ...] = ()
    known: Known = "unknown"
    #: Since when all of it is so; None where the operator said it, or nobody knows.
    since: datetime | None = None
    #: What it saw right before that.
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bond:
    """A key's list beside our addresses."""

    verdict: Verdict
    #: Of ours, those that are not on the list.
    missing: tuple[str, ...] = ()
    #: Of the list, what is not ours.
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """What to paste into the exchange's list."""

    text: str
    #: What had no room there.
    left: tuple[str, ...] = ()


def told(body: bytes, version: int, *, real: bool) -> str | None:
    """The address in a service's answer; None where that is no address of the family. `real`: of the open internet."""
    try:
        address = ip_address(body[:64].decode("ascii").strip())
    except ValueError:
        return None
    fits = address.version == version and (address.is_global or not real) and not address.is_unspecified
    return str(address) if fits else None


def agreed(answers: Iterable[Iterable[str]]) -> dict[str, bool]:
    """What services told of one family, one item each: address → whether two told the same, and none another."""
    told = [set(each) for each in answers if each]
    every = set().union(*told)
    return dict.fromkeys(sorted(every), len(every) == 1 and len(told) > 1)


def ours(egress: Egress, exchange: str) -> Ours:
    """What an exchange sees of us, as well as it is known.

    Where it has the choice the keeper takes IPv4; which of them a proxy takes is not known, so that both count.
    """
    said = egress.ways.addresses_for(exchange)
    if said:
        return Ours(said, "said")
    way = egress.ways.proxy_to(exchange)
    here = [each for each in egress.seen if each.way == way]
    now = [each for each in here if each.ended_at is None]
    if not now:
        return Ours()
    version = None if way else min(each.version for each in now)
    now = [each for each in now if version in (None, each.version)]
    held = {each.address for each in now}
    ended = [each for each in here if version in (None, each.version) and each.address not in held]
    ended = [each for each in ended if each.sure] or ended  # what one service alone said may never have been so
    last = max((each.ended_at for each in ended if each.ended_at), default=None)
    since = max(_held_since(each, here, ended) for each in now)
    before = tuple(each.address for each in ended if each.ended_at == last)
    crowded = len({each.version for each in now}) < len(now)
    known: Known = "doubtful" if crowded else "sure" if all(each.sure for each in now) else "single"
    return Ours(tuple(sorted(each.address for each in now)), known, since, before)


def _held_since(now: Seen, here: Iterable[Seen], others: Iterable[Seen]) -> datetime:
    """When the address came: lost from sight for a while, with no other seen in its place, it is the same still."""
    ends = [each.ended_at for each in others if each.ended_at and each.version == now.version]
    mine = [each.since for each in here if each.address == now.address]
    return min((since for since in mine if not ends or since >= max(ends)), default=now.since)


def bond(binding: Binding, ours: Ours) -> Bond:
    """The exchange's list beside ours."""
    if binding.bound != "yes":
        return Bond("unbound" if binding.bound == "no" else "cannot_tell")
    if not binding.addresses:
        return Bond("hidden")
    listed = {each: _network(each) for each in binding.addresses}
    if any(each is not None and each.prefixlen == 0 for each in listed.values()):
        return Bond("unbound", others=tuple(name for name, each in listed.items() if each and not each.prefixlen))
    if not ours.addresses:
        return Bond("cannot_tell")
    mine = [ip_address(each) for each in ours.addresses]
    missing = tuple(str(each) for each in mine if not any(net and each in net for net in listed.values()))
    alone = {str(ip_network(each)) for each in mine}
    others = tuple(name for name, net in listed.items() if net is None or str(net) not in alone)
    if missing and (ours.known == "said" or len(missing) == len(mine)):  # a proxy may use one family alone
        return Bond("cannot_tell" if ours.known == "doubtful" else "elsewhere", missing, others)
    return Bond("others_too" if others else "ours", (), others)


def copy(manifest: Manifest, addresses: Iterable[str]) -> Copy:
    """Our addresses as the exchange's page takes them: its separator, no more than it has room for.

    Where it takes networks, neighbours are drawn together before anything is left out; never beyond what is ours.
    """
    separator, most = str(manifest.ip.get("separator", ",")), manifest.ip.get("max_entries")
    entries = list(dict.fromkeys(addresses))
    if most is not None and len(entries) > most and manifest.ip.get("cidr"):
        entries = [str(each).removesuffix("/32").removesuffix("/128") for each in _drawn_together(entries)]
    room = len(entries) if most is None else int(most)
    return Copy(separator.join(entries[:room]), tuple(entries[room:]))


def where(manifest: Manifest) -> str:
    """Where at the exchange the list stands, in its own words."""
    page = manifest.labels.get("page", "the page of your API keys")
    field = manifest.labels.get("ip", "the list of trusted IP addresses")
    return f"At {manifest.name}, open {page}, edit the key and put into “{field}”"


def rules(facts: Facts) -> Iterator[Finding]:
    """What wants the user's hand, before a key fails and after."""
    for key in facts.keys:
        if key.connection.state not in ("frozen", "dead"):
            mine = ours(facts.egress, key.connection.exchange)
            found = _moved(key, mine, facts.now) or _foreign(key, mine, facts.now)
            if found is not None:
                yield found
    yield from _doubts(facts)


def _moved(key: KeyFacts, mine: Ours, now: datetime) -> Finding | None:
    """Our address is another than the list was made for: the key fails, or it may."""
    if mine.known in ("unknown", "doubtful"):
        return None
    found, name = bond(key.connection.ip, mine), key.manifest.name
    text = copy(key.manifest, mine.addresses).text
    new, old = ", ".join(mine.addresses), ", ".join(mine.before)
    fix = f"{where(key.manifest)}: {text}"
    if found.verdict == "elsewhere":
        code = "egress_changed" if mine.before else "ip_elsewhere"
        came = f"Your address is now {new}; before, it was {old}." if old else f"{name} sees you as {new}."
        listed = ", ".join(key.connection.ip.addresses)
        said = f"{came} This key is bound to {listed}: {name} refuses it from anywhere else."
        if old and any(each in found.others for each in mine.before):
            fix = f"{fix}, and take away {old}"
        fix = f"{fix}. Then look again"
        title = "The key of {name} does not work from here"
        return Finding(code, "urgent", said, fix, now, key.id, f"tallyglass egress {key.manifest.id}", title=title)
    hidden = found.verdict == "hidden" or (found.verdict == "cannot_tell" and not key.manifest.tells["ip"])
    if hidden and old and mine.since is not None and key.connection.checked_at < mine.since:
        said = f"Your address is now {new}; before, it was {old}. {name} does not show which addresses this key is "
        said += "bound to: if the new one is not on its list, it will fail."
        fix = f"{fix}. Then look again"
        action, title = f"tallyglass egress {key.manifest.id}", "The key of {name} may not work from here"
        return Finding("egress_changed", "warning", said, fix, now, key.id, action, title=title)
    return None


def _foreign(key: KeyFacts, mine: Ours, now: datetime) -> Finding | None:
    """The list lets others in."""
    found, name = bond(key.connection.ip, mine), key.manifest.name
    others = ", ".join(found.others)
    action = f"tallyglass egress {key.manifest.id}"
    fix = f"{where(key.manifest)} nothing but: {copy(key.manifest, mine.addresses).text}. Then look again"
    if found.verdict == "unbound" and found.others:
        said = f"Its list holds {others}, which is everybody. {key.manifest.ip.get('without', '')}".strip()
        title = "The key of {name} works from anywhere"
        return Finding("ip_unbound", "warning", said, fix, now, key.id, action, title=title)
    if found.verdict == "others_too" and mine.known != "doubtful":
        said = f"This key also works from {others}, which is not an address of ours: {name} would serve it there."
        title = "The key of {name} works for others too"
        return Finding("ip_others", "notice", said, fix, now, key.id, action, title=title)
    return None


def _doubts(facts: Facts) -> Iterator[Finding]:
    """Services that tell different addresses: one of them is wrong, or we leave by several ways."""
    doubtful = [ours(facts.egress, key.connection.exchange) for key in facts.keys]
    for mine in dict.fromkeys(each for each in doubtful if each.known == "doubtful"):
        said = f"The services that were asked for your address tell different ones: {', '.join(mine.addresses)}. "
        said += "Either you leave by several ways, or one of them does not tell the truth."
        fix = "Paste none that you do not know to be yours; name your addresses in egress.txt. Then look again"
        title = "Your own address is in doubt"
        yield Finding("egress_unsure", "warning", said, fix, facts.now, action="tallyglass egress", title=title)
        return


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _drawn_together(addresses: list[str]) -> Iterator[Network]:
    for version in (4, 6):
        yield from collapse_addresses([ip_network(each) for each in addresses if ip_address(each).version == version])  # type: ignore[type-var]
