"""Rotation: when a key is due to be replaced."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallyglass.exchanges.manifest import Manifest
from tallyglass.hygiene.facts import MOST_ROTATION_DAYS, ROTATION_DAYS
from tallyglass.keeper.client import Connection


def allowed_days(manifest: Manifest, wanted: int = ROTATION_DAYS) -> int:
    """How old a key may get: as the user wants it, never above what the manifest allows, nor above a year."""
    told = manifest.rotation
    most = min(int(told.get("maximum_days", MOST_ROTATION_DAYS)), MOST_ROTATION_DAYS)
    return min(wanted, most)


def ends_at(connection: Connection, manifest: Manifest) -> datetime | None:
    """When the exchange itself ends the key, as it tells it or as its rule says; None = never."""
    days = manifest.rotation.get("exchange_expiry_days")
    lapses = None if days is None else made_at(connection) + timedelta(days=int(days))
    known = [each for each in (connection.expires_at, lapses) if each is not None]
    return min(known, default=None)


def due_at(connection: Connection, manifest: Manifest, wanted: int = ROTATION_DAYS) -> datetime:
    """When the key should be replaced: counted from its making, never past its end."""
    due = made_at(connection) + timedelta(days=allowed_days(manifest, wanted))
    end = ends_at(connection, manifest)
    return due if end is None else min(due, end)


def made_at(connection: Connection) -> datetime:
    """When the key was made; where the exchange does not tell that, when it was connected."""
    return connection.created_at or connection.admitted_at
