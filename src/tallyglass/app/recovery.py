"""The recovery kit: a page to print, which says what is needed to get back in, and what to do if that is lost."""

from __future__ import annotations

from datetime import datetime

from tallyglass import __version__
from tallyglass.app.home import Home
from tallyglass.exchanges import registry
from tallyglass.keeper.client import Connection, Keeper


def kit(home: Home, keeper: Keeper, now: datetime) -> str:
    """Plain text of 80 columns. Nothing in it is secret until somebody writes the passphrase onto the paper."""
    connections = keeper.connections()
    keys = "\n".join(_key(each) for each in connections) or "   (none yet)"
    pages = {registry.manifest(each.exchange).name: _page(each.exchange) for each in connections}
    where = (
        "\n".join(f"   {name}: {page}" for name, page in pages.items())
        or "   at each exchange, on its page of API keys"
    )
    return f"""\
TALLYGLASS RECOVERY KIT                 {now:%Y-%m-%d}, version {__version__}

Keep this on paper, where you keep your passport. Not as a photo, not in a mail.

1. WHAT OPENS EVERYTHING

   Passphrase, by hand:

   ______________________________________________________________________

   It is stored nowhere else. Nobody can reset it, also not the makers.

2. WHAT IT OPENS

   Home folder:   {home.path}
   Installation:  {keeper.health().install_id}
   The latest backup lies at (by hand):

   ______________________________________________________________________

3. ON A NEW MACHINE

   Install Tallyglass, then:   tallyglass restore FILE
   Without a backup: copy the home folder, whole, while nothing runs; then
   tallyglass up --home FOLDER. Both ask for the passphrase of that time.
   Check with: tallyglass journal verify, and tallyglass keys.

4. IF THE PASSPHRASE IS LOST

   Nothing here can be opened then. Nothing at the exchanges is lost: these keys
   can only read. Delete each at its exchange, make a new home (tallyglass init)
   and connect new keys; the history is read again as far as it is still told.

{keys}

   Where they are deleted:
{where}

5. IF SOMEBODY ELSE HAS SEEN THIS PAGE WITH THE PASSPHRASE ON IT

   Change it at once: tallyglass passphrase. If he could also copy the home
   folder or a backup, delete the keys above at the exchanges and make new ones:
   the old passphrase still opens the old copies.
"""


def _key(connection: Connection) -> str:
    name = connection.key_name
    shown = name if len(name) <= 24 else f"{name[:8]}…{name[-6:]}"
    label = f", “{connection.label}”" if connection.label else ""
    kept = f", kept at {connection.reference}" if connection.reference else ""
    return f"   [ ] {connection.id}{label}: key {shown}{kept}"


def _page(exchange: str) -> str:
    return str(registry.manifest(exchange).labels.get("page", "the page of your API keys"))
