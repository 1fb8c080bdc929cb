"""Connections: inspect a key, connect it, list, freeze, thaw, disconnect."""

from __future__ import annotations

from collections.abc import Mapping

from tallyglass.app.exchanges import exchange
from tallyglass.app.key_views import KeyView, VerdictView
from tallyglass.app.problems import Problem
from tallyglass.app.session import Session
from tallyglass.app.views import moment, reasons
from tallyglass.keeper.client import Connection, Inspection, Keeper, OldKey


def inspect(keeper: Keeper, name: str, fields: Mapping[str, str]) -> VerdictView:
    """What the exchange says the key may do. Nothing is stored."""
    return verdict_view(keeper.inspect(exchange(name).id, fields))


def connect(
    keeper: Keeper, name: str, fields: Mapping[str, str], *, label: str = "", accept_unproven: bool = False
) -> VerdictView:
    """Inspect, and store the key if it is proven read-only."""
    found = keeper.admit(exchange(name).id, fields, label=label, accept_unproven=accept_unproven)
    return verdict_view(found, "active" if found.connection else None)


def verdict_view(found: Inspection, state: str | None = None) -> VerdictView:
    """A verdict as users see it; `state`: of the connection, where there is one."""
    return {
        "exchange": found.exchange,
        "verdict": found.verdict,
        "grants": {str(right): str(state) for right, state in found.grants.items()},
        "ip": {"bound": found.ip.bound, "addresses": list(found.ip.addresses)},
        "expires_at": moment(found.expires_at),
        "account": found.account,
        "reasons": reasons(found.reasons),
        "connection": found.connection,
        "state": state,
    }


def keys(keeper: Keeper) -> list[KeyView]:
    """Every stored key, with what the keeper knows of it; `hygiene.keys` judges them too.

    A key that was replaced and is not yet seen dead is a row of its own, behind the one that replaced it.
    """
    found = []
    for connection in keeper.connections():
        found.append(_key(connection))
        if connection.old is not None:
            found.append(_old_key(connection, connection.old))
    return found


def _key(connection: Connection) -> KeyView:
    return {
        "connection": connection.id,
        "exchange": connection.exchange,
        "label": connection.label,
        "state": connection.state,
        "why": connection.why,
        "evidence": connection.evidence,
        "grade": None,
        "points": [],
        "grants": {str(right): str(state) for right, state in connection.grants.items()},
        "ip": {"bound": connection.ip.bound, "addresses": list(connection.ip.addresses)},
        "account": connection.account,
        "key_name": connection.key_name,
        "reference": connection.reference,
        "unproven": connection.unproven,
        "admitted_at": moment(connection.admitted_at),
        "created_at": moment(connection.created_at),
        "due_at": None,
        "expires_at": moment(connection.expires_at),
        "checked_at": moment(connection.checked_at),
        "last_used_at": moment(connection.last_used_at),
        "findings": [],
    }


def _old_key(connection: Connection, old: OldKey) -> KeyView:
    return {
        **_key(connection),
        "state": "retiring",
        "why": f"replaced on {old.since:%Y-%m-%d}, and not yet seen dead",
        "grants": dict.fromkeys(connection.grants, "unknown"),
        "ip": {"bound": old.ip.bound, "addresses": list(old.ip.addresses)},
        "key_name": old.key_name,
        "unproven": False,
        "admitted_at": None,
        "created_at": moment(old.created_at),
        "expires_at": None,
        "checked_at": moment(old.alive_at),
        "last_used_at": moment(old.last_used_at),
        "evidence": "",
    }


def freeze(keeper: Keeper, connection: str, why: str = "") -> None:
    """Stop using a key, at once."""
    known(keeper, connection)
    keeper.freeze(connection, why)


def thaw(keeper: Keeper, connection: str) -> VerdictView:
    """Use a frozen key again, if the exchange still proves it read-only."""
    known(keeper, connection)
    told = keeper.thaw(connection)
    return verdict_view(told, known(keeper, connection).state)


def disconnect(session: Session, connection: str, *, forget_history: bool = False) -> Connection:
    """Remove the secret from the vault. History stays unless asked. The key itself still exists at the exchange."""
    found = known(session.keeper, connection)
    session.keeper.forget(connection)
    if forget_history:
        # The database: most that is asked here needs none.
        from tallyglass.app import transfers
        from tallyglass.store import history, present

        with session.store.write() as db:
            history.forget(db, connection)
            present.forget(db, connection)
            transfers.forget(db, connection)
    return found


def known(keeper: Keeper, connection: str) -> Connection:
    """The connection of that id. A `Problem` names those that there are."""
    connections = {each.id: each for each in keeper.connections()}
    if connection not in connections:
        there = ", ".join(connections) or "none yet"
        raise Problem(
            "no_such_connection", f"No connection {connection!r}; there are: {there}.", "See: tallyglass keys"
        )
    return connections[connection]
