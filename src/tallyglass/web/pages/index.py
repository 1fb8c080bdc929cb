"""Every page, and those of the rail in its order."""

from __future__ import annotations

from tallyglass.web.pages.compromised import COMPROMISED
from tallyglass.web.pages.connections import CONNECTIONS
from tallyglass.web.pages.history import HISTORY
from tallyglass.web.pages.journal import JOURNAL
from tallyglass.web.pages.orders import ORDERS
from tallyglass.web.pages.overview import OVERVIEW
from tallyglass.web.pages.was_it_me import WAS_IT_ME

#: What the rail lists.
RAIL = (OVERVIEW, ORDERS, HISTORY, CONNECTIONS, JOURNAL)
PAGES = (*RAIL, WAS_IT_ME, COMPROMISED)
