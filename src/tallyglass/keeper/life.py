"""A key's life after its admission: asked again what it may do, frozen, thawed, replaced, and shown to be dead."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from tallyglass.exchanges import registry
from tallyglass.exchanges.grants import Reason, Verdict
from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper import death, policy, uses
from tallyglass.keeper.answers import Binding, Connection, Death, Inspection, OldKey
from tallyglass.keeper.errors import ExchangeRefused, Frozen, JournalBroken, KeeperError, Unsupplied
from tallyglass.keeper.shelf import Shelf
from tallyglass.keeper.uses import Held, Uses

#: Of what an exchange said: so much is kept.
_EVIDENCE = 4096


class Life:
    """Of the keys on the open shelf, which may be locked and opened anew while an exchange is asked."""

    def __init__(self, shelf: Callable[[], Shelf], keys: Callable[[], Uses]) -> None:
        """Both raise `Locked`."""
        self._shelf = shelf
        self._keys = keys

    def hold(self, known: Connection) -> Held:
        """The present key in the clear. Raises `Frozen` (code `dead`) for one whose secret is shredded."""
        if known.state == "dead":
            raise unusable(known)
        credentials = self._shelf().secret(known)
        return Held(uses.exchange(known.exchange), known.fingerprint, known.key_name, credentials, known.id)

    def hold_old(self, known: Connection) -> Held:
        """The key before, in the clear."""
        old, credentials = _old(known), self._shelf().old_secret(known)
        return Held(uses.exchange(known.exchange), old.fingerprint, old.key_name, credentials, known.id)

    async def recheck(self, connection: str) -> Inspection:
        """Ask the exchange again. A right gained, a lost address list, another account: the key is frozen at once."""
        before = self._shelf().connection(connection)
        held = self.hold(before)
        verdict, said = await self._keys().judge(held, "recheck")
        now = self._shelf().connection(connection)
        verdict = _drifted(held, before, verdict)
        told = uses.told(held, verdict)
        if now.fingerprint != held.fingerprint or now.state == "dead":
            return told  # another key has taken its place meanwhile
        bad = verdict.decision == "refused" or (verdict.decision == "unproven" and not before.unproven)
        codes = [each.code for each in told.reasons]
        if bad or (told.grants, told.ip) != (before.grants, before.ip):
            self._keys().note("connection:drift", held, verdict=verdict.decision, reasons=codes)
        after = _as_told(now, told)
        if bad:
            why = told.reasons[0].text if told.reasons else "its rights changed"
            after = replace(after, state="frozen", why=why, evidence=_evidence(held, verdict, said))
        self._shelf().keep(after)
        if after.state != now.state:
            self._keys().note("connection:freeze", held, why="drift", vault=self._shelf().written)
        return told

    async def thaw(self, connection: str) -> Inspection:
        """Only what passes the same verdict as on the first day is used again."""
        told = await self.recheck(connection)
        known = self._shelf().connection(connection)
        if told.verdict == "accepted" or (told.verdict == "unproven" and known.unproven):
            self._shelf().keep(replace(known, state="active", why="", evidence=""))
            try:
                self._keys().journal.append("connection:thaw", **_who(known), vault=self._shelf().written)
            except JournalBroken:
                self._shelf().keep(known)
                raise
        return told

    async def rotate(self, before: Connection, held: Held, *, accept_unproven: bool, same_account: bool) -> Inspection:
        """Judge a new key and let it take the place of the present one, which stays as `old`: one writing of the vault.

        Nothing is written before that, so that wherever it ends a key works: the one before, or the new one.
        """
        if before.old is not None:
            text = f"A rotation of {before.id} is open: its key before this one, {before.old.key_name}, may still live."
            raise KeeperError("rotation_open", text, f"Delete that one, then: tallyglass rotate {before.id} --check")
        verdict, _ = await self._keys().judge(held, "rotate")
        verdict = _of_the_same(held, before, verdict, same_account=same_account)
        if verdict.decision == "refused" or (verdict.decision == "unproven" and not accept_unproven):
            codes = [each.code for each in verdict.reasons]
            self._keys().note("connection:refuse", held, of=before.id, reasons=codes)
            return uses.told(held, verdict)
        held = replace(held, connection=before.id)
        told = uses.told(held, verdict)
        known = self._shelf().connection(before.id)
        if (known.fingerprint, known.old) != (before.fingerprint, None):
            raise KeeperError("changed", f"The key of {before.id} was changed meanwhile.", "See: tallyglass keys")
        self._replace(known, held, told)
        return told

    def _replace(self, known: Connection, held: Held, told: Inspection) -> None:
        shelf = self._shelf()
        now = datetime.now(UTC)
        dead = known.state == "dead"
        secret = {} if dead or shelf.supplied.lacks(known) else shelf.secret(known)
        old = _as_old(known, now)
        new = replace(
            _as_told(known, told),
            state="active",
            why="",
            evidence="",
            reference=held.reference,
            account=told.account or known.account,
            key_name=held.name,
            fingerprint=held.fingerprint,
            admitted_at=now,
            unproven=told.verdict == "unproven",
            old=None if dead else old,
        )
        shelf.keep(new, held.credentials, old={} if dead else secret)
        try:
            self._keys().write("connection:rotate", held, before=known.fingerprint, vault=shelf.written)
        except JournalBroken:
            shelf.keep(known, secret, old={})
            raise

    async def prove_dead(self, connection: str, *, old: bool) -> Death:
        """One request with the key; only the exchange's refusal of the key itself is a proof. Then it is shredded."""
        known = self._shelf().connection(connection)
        held = self.hold_old(known) if old else self.hold(known)
        found, ip = await self._ask_for_death(known, held, old=old)
        now = self._shelf().connection(connection)
        if held.fingerprint != (now.old.fingerprint if old and now.old else now.fingerprint):
            raise KeeperError("changed", f"The key of {connection} was changed meanwhile.", "See: tallyglass keys")
        if found.answer == "dead":
            self._bury(now, held, found, old=old)
        elif found.answer == "alive" and old and now.old:
            at = found.asked_at
            self._shelf().keep(replace(now, old=replace(now.old, alive_at=at, ip=ip, told_at=at)))
        return found

    async def _ask_for_death(self, known: Connection, held: Held, *, old: bool) -> tuple[Death, Binding]:
        """And the key's list of addresses, if it lives."""
        manifest = held.manifest
        try:
            answer = await self._keys().use(held, manifest.permissions_read, {}, "proof")
        except ExchangeRefused as refused:
            replaced = old and known.state != "dead"
            case = death.Case(manifest, _told_lately(known, old=old), self._worked_lately(held), replaced=replaced)
            doubts = death.doubts(case, refused)
            if death.helps(doubts) or (old and refused.fault_code == "ambiguous"):
                case = await self._beside(case, known, held, old=old)
                doubts = death.doubts(case, refused)
            return death.refused(case, held, refused, doubts), case.bound
        return death.alive(held), _told_now(manifest, answer.body)

    async def _beside(self, case: death.Case, known: Connection, held: Held, *, old: bool) -> death.Case:
        """The case with what a live key of the same exchange is answered at the same moment, if there is one."""
        others = [known] if old else []
        others += [each for each in self._shelf().connections() if each.exchange == known.exchange and each != known]
        for each in others:
            if each.state == "dead":
                continue
            try:
                answer = await self._keys().use(self.hold(each), held.manifest.permissions_read, {}, "proof")
            except (ExchangeRefused, Unsupplied):
                continue
            return replace(case, beside=_told_now(held.manifest, answer.body), same_account=each.id == known.id)
        return case

    def forget_old(self, known: Connection) -> None:
        """Remove the key before without a proof: the user has seen at the exchange that it is gone, or says so."""
        old = _old(known)
        self._shelf().keep(replace(known, old=None, gone=old), old={})
        with contextlib.suppress(JournalBroken):
            told = {"key": old.fingerprint, "old": True, "vault": self._shelf().written}
            self._keys().journal.append("connection:forget", **_who(known), **told)

    def _worked_lately(self, held: Held) -> bool:
        at = self._keys().journal.answered.get(held.fingerprint)
        return at is not None and datetime.fromisoformat(at) > datetime.now(UTC) - death.LATELY

    def _bury(self, known: Connection, held: Held, found: Death, *, old: bool) -> None:
        shelf = self._shelf()
        if old and known.old:
            shelf.keep(replace(known, old=None, gone=replace(known.old, dead_at=found.asked_at)), old={})
        else:
            gone = replace(_as_old(known, found.asked_at), dead_at=found.asked_at)
            shelf.keep(replace(known, state="dead", why=found.text, gone=gone), {})
        self._keys().note("connection:dead", held, status=found.code, old=old, vault=shelf.written)


def unusable(known: Connection) -> Frozen:
    """What is answered when a frozen or dead key was to be used."""
    why = f": {known.why}" if known.why else "."
    fix = f"Mend the cause, then thaw it (`tallyglass thaw {known.id}`)."
    if known.state == "dead":
        fix = f"Put a new one in its place (`tallyglass rotate {known.id}`), or `tallyglass disconnect {known.id}`."
    return Frozen(known.state, f"{known.id} is {known.state}{why}", fix)


def _old(known: Connection) -> OldKey:
    """The key before. Raises `KeeperError` where no rotation is open."""
    if known.old is None:
        fix = f"To replace its key: tallyglass rotate {known.id}"
        raise KeeperError("no_old_key", f"No rotation of {known.id} is open.", fix)
    return known.old


def _as_old(known: Connection, now: datetime) -> OldKey:
    """The present key as it is remembered when it is replaced or seen dead."""
    return OldKey(
        known.key_name,
        known.fingerprint,
        now,
        known.created_at,
        ip=known.ip,
        reference=known.reference,
        why=known.why if known.state == "frozen" else "",
        evidence=known.evidence,
        grants=known.grants,
        told_at=known.checked_at,
    )


def _as_told(known: Connection, told: Inspection) -> Connection:
    return replace(
        known,
        grants=told.grants,
        ip=told.ip,
        created_at=told.created_at,
        expires_at=told.expires_at,
        window=told.window,
        checked_at=datetime.now(UTC),
    )


def _drifted(held: Held, before: Connection, verdict: Verdict) -> Verdict:
    """The verdict, refused for what has become worse than it was."""
    account = verdict.grants.account_id
    if account and before.account and account != before.account:
        return Verdict("refused", verdict.grants, (policy.wrong_account(held.manifest, before.id),))
    if verdict.decision != "refused" and before.ip.bound == "yes" and policy.binding(verdict.grants).bound == "no":
        return Verdict("refused", verdict.grants, (policy.binding_lost(held.manifest, before.id),))
    return verdict


def _of_the_same(held: Held, before: Connection, verdict: Verdict, *, same_account: bool) -> Verdict:
    """The verdict, refused for a key that cannot take the place of the one before."""
    told, manifest = verdict.grants.account_id, held.manifest
    reason: Reason | None = None
    if held.fingerprint == before.fingerprint:
        reason = policy.same_key(manifest, before.id)
    elif told and before.account and told != before.account:
        reason = policy.other_account(manifest, before.id)
    elif not (told and before.account) and not same_account and verdict.decision != "refused":
        reason = policy.account_not_told(manifest, before.id)
    if reason is None:
        return verdict
    others = verdict.reasons if verdict.decision == "refused" else ()
    return Verdict("refused", verdict.grants, (*others, reason))


def _told_now(manifest: Manifest, body: bytes) -> Binding:
    """The list of addresses, out of what the exchange has just told of a key."""
    return policy.binding(registry.permissions(manifest.id).grants({manifest.permissions_read: body}))


def _told_lately(known: Connection, *, old: bool = False) -> Binding:
    """The list of addresses of the present or the old key, as far as it was told within a day."""
    ip, told_at = (_old(known).ip, _old(known).told_at) if old else (known.ip, known.checked_at)
    return ip if told_at and abs(datetime.now(UTC) - told_at) <= death.TOLD else Binding()


def _evidence(held: Held, verdict: Verdict, said: bytes) -> str:
    """What the exchange said, for the user's eyes: shortened, and without a part of the key should it ever tell one."""
    text = said.decode("utf-8", "replace")
    for each in held.credentials.values():
        if each != held.name:
            text = text.replace(each, "…")
    account = verdict.grants.account_id or ""
    told_apart = f"\naccount: {account[:60]}" if account not in text else ""
    return text.encode()[: _EVIDENCE - 300].decode("utf-8", "ignore") + told_apart


def _who(known: Connection) -> dict[str, object]:
    return {"connection": known.id, "exchange": known.exchange}
