"""Replacing a key and parting from one: the new key takes over, the old one is shown to be dead at its exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tallyglass.app import connections
from tallyglass.app.connections import verdict_view
from tallyglass.app.key_views import DeathView, PartingView, VerdictView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment
from tallyglass.exchanges import registry
from tallyglass.exchanges.manifest import Manifest
from tallyglass.keeper.client import Connection, Death, Keeper, OldKey

#: By a proof that the key is dead; or without one, on the user's word.
How = Literal["proven", "forget"]


def open_for(keeper: Keeper, connection: str) -> Connection:
    """The connection whose key is to be replaced. Raises `Problem` where a rotation is open already."""
    known = connections.known(keeper, connection)
    if known.old is not None:
        text = f"A rotation of {connection} is open: its key before this one, {known.old.key_name}, may still live."
        raise Problem("rotation_open", text, f"{_delete(known, known.old.key_name)} Then: {check_command(connection)}")
    return known


def rotate(
    keeper: Keeper,
    connection: str,
    fields: Mapping[str, str],
    *,
    accept_unproven: bool = False,
    same_account: bool = False,
) -> VerdictView:
    """Let a new key take the place of the present one, if it is proven read-only and of the same account."""
    open_for(keeper, connection)
    found = keeper.rotate(connection, fields, accept_unproven=accept_unproven, same_account=same_account)
    return verdict_view(found, connections.known(keeper, connection).state)


def check(keeper: Keeper, connection: str) -> DeathView:
    """Whether the key before is dead; then the rotation is done."""
    old_key(connections.known(keeper, connection))
    return death_view(keeper.prove_dead(connection, old=True))


def forget(keeper: Keeper, connection: str) -> PartingView:
    """End a rotation on the user's word, without a proof that the key before is dead."""
    known = connections.known(keeper, connection)
    before = old_key(known)
    keeper.forget(connection, old=True)
    return {
        "connection": connection,
        "state": known.state,
        "key_name": known.key_name,
        "proofs": [],
        "remains": [before.key_name],
    }


def old_key(known: Connection) -> OldKey:
    """The key before. A `Problem` where no rotation is open."""
    if known.old is None:
        text = f"No rotation of {known.id} is open: it has one key, {known.key_name}."
        raise Problem("no_old_key", text, f"To replace it: tallyglass rotate {known.id}")
    return known.old


def disconnect(session: Session, connection: str, how: How, *, forget_history: bool = False) -> PartingView:
    """Remove a connection and its secrets; unless `forget`, only if the exchange is seen to refuse each of its keys.

    History stays unless asked. Where a key lives or that cannot be told, nothing is removed.
    """
    known = connections.known(session.keeper, connection)
    proofs = _proofs(session.keeper, known) if how == "proven" else []
    gone = all(each.answer == "dead" for each in proofs)
    if gone:
        connections.disconnect(session, connection, forget_history=forget_history)
    dead = {each.key_name for each in proofs if each.answer == "dead"} | ({known.key_name} if _dead(known) else set())
    names = [known.key_name, *([known.old.key_name] if known.old else [])]
    return {
        "connection": connection,
        "state": "gone" if gone else known.state,
        "key_name": known.key_name,
        "proofs": [death_view(each) for each in proofs],
        "remains": [name for name in names if name not in dead],
    }


def words(known: Connection, parting: PartingView) -> str:
    """What has come of a parting, and what is left at the exchange."""
    manifest, names = registry.manifest(known.exchange), " and ".join(parting["remains"])
    if parting["state"] != "gone":
        return f"Nothing was removed. To part without a proof: tallyglass disconnect {known.id} --forget"
    if not names:
        return f"{known.id}: disconnected, and dead by proof. The secret is gone from the vault."
    return f"{known.id}: the secret is gone from the vault, {_unproven(manifest, names)}"


def words_of_forgetting(known: Connection, parting: PartingView) -> str:
    """What has come of a rotation that ended without a proof."""
    names = " and ".join(parting["remains"])
    return f"{known.id}: the old secret is gone from the vault, {_unproven(registry.manifest(known.exchange), names)}"


def _unproven(manifest: Manifest, names: str) -> str:
    return (
        "without a proof that the key is dead. Whoever holds a copy can read your account for as long as this stands "
        f"at {manifest.name}: {names}. Open {_page(manifest)} there and delete it."
    )


def check_command(connection: str) -> str:
    """What asks again whether the key before is dead."""
    return f"tallyglass rotate {connection} --check"


def after_the_cut(keeper: Keeper, connection: str) -> str:
    """What the user has to do now that a new key is in use."""
    known = connections.known(keeper, connection)
    if known.old is None:
        return f"{connection} uses the new key. Next: tallyglass sync {connection}"
    return (
        f"{connection} uses the new key from now on; nothing of its history changes. "
        f"{_delete(known, known.old.key_name)} Then: {check_command(connection)}"
    )


def death_view(found: Death) -> DeathView:
    """What one request with a key has shown."""
    return {
        "connection": found.connection,
        "key_name": found.key_name,
        "answer": found.answer,
        "code": found.code or None,
        "text": found.text,
        "fix": found.fix,
        "asked_at": moment(found.asked_at) or "",
    }


def _proofs(keeper: Keeper, known: Connection) -> list[Death]:
    """Of both keys. The old one first, whose refusal tells more while the present one is answered."""
    old = [keeper.prove_dead(known.id, old=True)] if known.old else []
    present = [] if _dead(known) else [keeper.prove_dead(known.id, old=False)]
    if old and old[0].answer == "cannot_tell" and all(each.answer == "dead" for each in present):
        old = [keeper.prove_dead(known.id, old=True)]
    return [*old, *present]


def _dead(known: Connection) -> bool:
    return known.state == "dead"


def _delete(known: Connection, key_name: str) -> str:
    manifest = registry.manifest(known.exchange)
    return f"At {manifest.name}, open {_page(manifest)} and delete {key_name}."


def _page(manifest: Manifest) -> str:
    return str(manifest.labels.get("page", "the page of your API keys"))
