"""Every page, those of the rail in its order, and those that have a tab on the phone."""

from __future__ import annotations

from tallyglass.web.pages.access import ACCESS
from tallyglass.web.pages.alerts import ALERTS
from tallyglass.web.pages.compromised import COMPROMISED
from tallyglass.web.pages.connect import CONNECT
from tallyglass.web.pages.connections import CONNECTIONS
from tallyglass.web.pages.find import FIND
from tallyglass.web.pages.history import HISTORY, UNPARSED
from tallyglass.web.pages.holdings import HOLDINGS
from tallyglass.web.pages.journal import JOURNAL
from tallyglass.web.pages.more import MORE
from tallyglass.web.pages.orders import ORDERS
from tallyglass.web.pages.overview import OVERVIEW
from tallyglass.web.pages.performance import PERFORMANCE
from tallyglass.web.pages.reconcile import RECONCILE
from tallyglass.web.pages.settings import SETTINGS
from tallyglass.web.pages.tax import TAX
from tallyglass.web.pages.was_it_me import WAS_IT_ME

#: What the rail lists.
RAIL = (OVERVIEW, HOLDINGS, PERFORMANCE, ORDERS, HISTORY, RECONCILE, CONNECTIONS, JOURNAL, WAS_IT_ME, TAX, SETTINGS)
#: Of these, what has a tab on the phone; the others are behind the last tab, `MORE`.
TABS = (OVERVIEW, HOLDINGS, ORDERS, CONNECTIONS)
PAGES = (*RAIL, ALERTS, ACCESS, UNPARSED, COMPROMISED, CONNECT, FIND, MORE)
#: The key that leads to a page, after `g`.
GOES = {
    "overview": "o",
    "holdings": "a",
    "performance": "p",
    "orders": "d",
    "history": "h",
    "reconcile": "r",
    "connections": "c",
    "journal": "j",
    "was-it-me": "w",
    "tax": "t",
    "settings": "s",
}
