"""Channels: one small interface over Apprise. The address of a channel is a secret: it holds tokens and passwords."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from apprise import NotifyBase

Severity = Literal["urgent", "warning", "notice"]
#: What they log quotes addresses: nobody hears it, at no level.
_TALKATIVE = ("urllib3", "requests", "requests_oauthlib", "oauthlib")
_status: ContextVar[str] = ContextVar("status", default="")
_STATUS = re.compile(r"error=(\d{3})\b")
_SCHEME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,30}", re.ASCII)


class BadAddress(Exception):
    """This is no address of a channel."""


class NotDelivered(Exception):
    """The channel did not take a message; why, without a word of its address."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: plain text."""

    title: str
    body: str
    severity: Severity


def kind(address: str) -> str:
    """What the address is of, in words: ntfy, E-Mail. Raises `BadAddress`."""
    return str(_service(address).service_name)


def masked(address: str) -> str:
    """The address as it may be shown: any part of it but the first may be the secret."""
    scheme = address.partition("://")[0].lower()
    return f"{scheme}://…" if _SCHEME.fullmatch(scheme) else "…"


def deliver(address: str, message: Message) -> None:
    """Send it now. Raises `NotDelivered`, `BadAddress`."""
    service = _service(address)
    from apprise import NotifyType

    kinds = {"urgent": NotifyType.FAILURE, "warning": NotifyType.WARNING, "notice": NotifyType.INFO}
    _status.set("")
    try:
        taken = service.notify(body=message.body, title=message.title, notify_type=kinds[message.severity])
    except Exception as error:  # noqa: BLE001  (a service's own code: what it says may quote the address)
        raise NotDelivered(f"it failed ({type(error).__name__})") from None
    if not taken:
        status = _status.get()
        raise NotDelivered(f"it answered {status}" if status else "it cannot be reached, or refused")


class _Deaf(logging.Filter):
    """Of what Apprise logs, the number of an error is kept for us; none of it goes anywhere."""

    def filter(self, record: logging.LogRecord) -> bool:
        found = _STATUS.search(record.getMessage())
        if found:
            _status.set(found[1])
        return False


_DEAF = _Deaf()


def _service(address: str) -> NotifyBase:
    logging.getLogger("apprise").addFilter(_DEAF)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    memory = PersistentStoreMode.MEMORY  # no file is written
    asset = AppriseAsset(app_id="Tallyglass", app_desc="Tallyglass", app_url="", storage_mode=memory)
    try:
        service = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    except TypeError:
        service = None
    if service is None:
        raise BadAddress
    return service
