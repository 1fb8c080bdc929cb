"""The uses of a key: the only place where one goes to the door, written in the journal before and again after."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import RIGHTS, Verdict
from tallyglass.exchanges.manifest import Manifest, NotListed
from tallyglass.exchanges.registry import UnknownExchange
from tallyglass.keeper import policy
from tallyglass.keeper.answers import Inspection
from tallyglass.keeper.budgets import Refused
from tallyglass.keeper.door import Door, Key, Response, listed
from tallyglass.keeper.errors import ExchangeRefused, JournalBroken, NotAllowed
from tallyglass.keeper.journal import Journal

log = logging.getLogger("tallyglass.keeper")


@dataclass(frozen=True, slots=True)
class Held:
    """A key in the clear, for the length of one call."""

    manifest: Manifest
    fingerprint: str
    #: Its public part.
    name: str
    credentials: Mapping[str, str] = field(repr=False)
    #: The connection it belongs to; empty while it is only inspected.
    connection: str = ""
    #: Where the user keeps it, if it is not to be stored.
    reference: str = ""


class Uses:
    """What an unlocked keeper does with keys."""

    def __init__(self, door: Door, journal: Journal) -> None:
        self.journal = journal
        self._door = door

    async def judge(self, held: Held, why: str) -> tuple[Verdict, bytes]:
        """The verdict, from what the exchange itself tells of the key, and what it told. The account is asked last."""
        manifest, bodies = held.manifest, dict[str, bytes]()
        permissions = registry.permissions(manifest.id)
        bodies[manifest.permissions_read] = (await self.use(held, manifest.permissions_read, {}, why)).body
        verdict = policy.decide(manifest, permissions.grants(bodies))
        if manifest.account_read and verdict.decision != "refused":
            bodies[manifest.account_read] = (await self.use(held, manifest.account_read, {}, why)).body
            verdict = policy.decide(manifest, permissions.grants(bodies))
        return verdict, bodies[manifest.permissions_read]

    async def use(self, held: Held, read_id: str, params: Mapping[str, str], why: str) -> Response:
        """One listed read. Raises `NotAllowed`, `JournalBroken` before anything is sent; `ExchangeRefused`."""
        check(held.manifest, read_id, params, signed=True)
        numbers: list[int] = []
        key = Key(
            held.fingerprint,
            held.credentials,
            lambda: numbers.append(self.write("key:use", held, read=read_id, why=why)),
            floor=_above(self.journal.last_used.get(held.fingerprint), self.journal.head.count),
            again=lambda refused: answered(refused.fault.code, refused.egress_ip),
        )
        started = time.monotonic()

        def answered(status: int | str, egress_ip: str | None) -> None:
            ms = round((time.monotonic() - started) * 1000)
            log.debug("asked", extra={"exchange": held.manifest.id, "read": read_id, "status": status, "ms": ms})
            while numbers:
                seen = egress_ip or self._door.named(held.manifest)
                told = {"of": numbers.pop(), "status": status, "ms": ms, "egress_ip": seen}
                self.write("key:answer", held, **told)

        try:
            response = await self._door.request(held.manifest, read_id, params, key)
        except Refused as refused:
            answered(refused.fault.code, refused.egress_ip)
            raise explained(held.manifest, refused) from None
        except Exception:
            answered("failed", None)
            raise
        answered(response.status, response.egress_ip)
        return response

    async def ask(self, manifest: Manifest, read_id: str, params: Mapping[str, str], way: str = "") -> Response:
        """One listed read that needs no key; `way`: the exchange by whose way out it goes."""
        check(manifest, read_id, params, signed=False)
        try:
            return await self._door.request(manifest, read_id, params, way=way)
        except Refused as refused:
            raise explained(manifest, refused) from None

    def write(self, event: str, held: Held, **told: object) -> int:
        """A line of the journal about a key. Raises `JournalBroken`."""
        who = {"connection": held.connection, "key": held.fingerprint, "exchange": held.manifest.id}
        return self.journal.append(event, **who, **told)

    def note(self, event: str, held: Held, **told: object) -> None:
        """The same if it can be written: what makes things safer does not wait for the journal."""
        with contextlib.suppress(JournalBroken):
            self.write(event, held, **told)


def exchange(name: str) -> Manifest:
    """Raises `NotAllowed` for a name that no folder has."""
    try:
        return registry.manifest(name)
    except UnknownExchange as error:
        raise NotAllowed("unknown_exchange", f"{error.args[0]}.", "`tallyglass exchanges` lists them.") from None


def echo(name: str) -> Manifest:
    """A source that may be asked for our address. Raises `NotAllowed` for any other."""
    found = exchange(name)
    if found not in registry.echoes():
        raise NotAllowed("not_allowed", f"{found.name} is not asked for addresses.")
    return found


def check(manifest: Manifest, read_id: str, params: Mapping[str, str], *, signed: bool) -> None:
    """Raises `NotAllowed` for what the manifest does not list."""
    try:
        listed(manifest, read_id, params, signed=signed)
    except NotListed as error:
        raise NotAllowed("not_allowed", f"{error}.", "`tallyglass exchanges` lists what can be read.") from None


def told(held: Held, verdict: Verdict) -> Inspection:
    """The verdict as it leaves the keeper."""
    grants = verdict.grants
    return Inspection(
        exchange=held.manifest.id,
        verdict=verdict.decision,
        grants={right: grants.state(right) for right in RIGHTS},
        ip=policy.binding(grants),
        created_at=grants.created_at,
        expires_at=grants.expires_at,
        account=grants.account_id,
        label=grants.label,
        key_name=held.name,
        reasons=verdict.reasons,
        connection=held.connection or None,
        window=grants.window,
    )


def explained(manifest: Manifest, refused: Refused) -> ExchangeRefused:
    """A fault as it leaves the keeper."""
    fault = policy.narrow(refused.fault, refused.offset_ms)
    reason = policy.explain(manifest, fault, refused.offset_ms)
    more = {
        "fault_code": fault.code,
        "causes": list(fault.causes),
        "retry": fault.retry,
        "retry_after": fault.retry_after,
        "said": fault.said,
    }
    return ExchangeRefused(reason.code, f"{reason.text} {refused.note}".strip(), reason.fix, more)


def _above(latest: str | None, lines: int) -> int:
    """Above every nonce that was made of a key, from the latest time that the journal has of it and its length.

    A nonce is the time of its use, whose line is less than a minute older; or, when the clock was set back, one more
    than the nonce before. Of those there are never more than lines, as each use has one of its own.
    """
    if latest is None:
        return 0
    return round((datetime.fromisoformat(latest).timestamp() + 60) * 1_000_000) * 1_000 + lines
