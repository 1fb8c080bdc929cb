"""The running program behind `up` and `demo`: keeps the keeper alive, syncs what is due, tells who listens."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from tallyglass.app import alerting, backfilling, egress, hygiene, past, syncing, unlocking, worth
from tallyglass.app.home import Home
from tallyglass.app.keeper_process import KeeperProcess
from tallyglass.app.memory import LongMemory
from tallyglass.app.problems import Problem, Told
from tallyglass.app.session import Session, open_portfolio
from tallyglass.app.views import SyncPartView
from tallyglass.keeper.client import Keeper, SealKey, Unreachable
from tallyglass.store.base import Store
from tallyglass.sync.report import PartReport, Watcher, nobody

log = logging.getLogger(__name__)

Event = Literal["worth", "sync", "keeper"]
#: `new`: there is no vault yet.
KeeperState = Literal["unlocked", "locked", "down", "new"]
BEAT_SECONDS = 1.0
#: How often it is looked whether something wants the user's hand; after each sync, too.
CHECK_SECONDS = 300.0


class Service:
    """One home, served. Threads: the caller's, one for the beat, one for a sync that runs, one for alerts."""

    def __init__(
        self,
        home: Home,
        *,
        sandbox: str | None = None,
        passphrase: Callable[[], str] | None = None,
        log_level: str = "warning",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`passphrase` is asked again when the keeper had to be restarted; without it, a new keeper stays locked."""
        self.home = home
        self.sandbox = sandbox
        self._process = KeeperProcess(home, sandbox=sandbox, log_level=log_level)
        self._passphrase = passphrase
        self._keeper: Keeper | None = None
        self._store: Store | None = None
        self._memory = LongMemory(lambda: self._tell("worth"))
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._run, name="beat", daemon=True)
        self._syncing = threading.Lock()
        self._alerting = threading.Lock()
        self._looking_back = threading.Lock()
        #: Of the sync that runs in the background: how far it is, by connection and stream.
        self._parts: dict[str, dict[str, PartReport]] = {}
        self._checked = time.monotonic()
        #: How every key stood at the last beat; whoever has changed it since, it is looked at once.
        self._stood: set[tuple[str, str, str, str]] | None = None
        self._news = False
        self._changing = threading.RLock()
        self._listeners: list[queue.SimpleQueue[Event]] = []
        self._state: KeeperState = "down"
        #: What the user last asked for: a keeper that he locked stays locked when it has to be replaced.
        self._wanted: KeeperState = "locked"
        self._clock = clock
        self._visited = clock()

    # -- life

    def start(self) -> Keeper:
        """Start the keeper. It is locked until `unlock`."""
        self._keeper = self._process.start()
        self.sandbox = self._keeper.health().sandbox
        self._state = _closed(self._keeper)
        return self._keeper

    def look_after(self) -> None:
        """From now on sync what is due, and replace the keeper when it dies."""
        if self._state == "unlocked":
            self._stood = self._stand()
        self._beat.start()

    def unlock(self, passphrase: str) -> None:
        """Open vault and portfolio. Raises `WrongPassphrase`."""
        self._opened_by(lambda keeper: keeper.unlock(passphrase))

    def unlock_sealed(self, sealed: str) -> None:
        """The same with what was sealed in the browser."""
        self._opened_by(lambda keeper: keeper.unlock_sealed(sealed))

    def create_sealed(self, sealed: str) -> None:
        """Make the vault, under a passphrase that was sealed in the browser. Code `exists` where there is one."""
        self._opened_by(lambda keeper: keeper.create_sealed(sealed))

    def prove_sealed(self, sealed: str) -> None:
        """Whether what was sealed in the browser is the passphrase. Raises `WrongPassphrase`."""
        self._running_keeper().prove_sealed(sealed)

    def seal_key(self) -> SealKey:
        """To what a browser seals a secret, at this moment."""
        return self._running_keeper().seal_key()

    def visit(self) -> None:
        """Somebody is there: what locks itself after a time begins to count anew."""
        self._visited = self._clock()

    def lock(self) -> None:
        """Forget every secret; the portfolio is closed too."""
        with self._changing:
            self._running_keeper().lock()
            self._wanted = "locked"
            self._close_store()
            self._become("locked")

    def stop(self) -> None:
        """End everything."""
        self._ended.set()
        if self._beat.is_alive():
            self._beat.join(30)
        self._alerting.acquire(timeout=30)  # what is being sent is sent; nothing begins anew
        self._process.stop()
        self._looking_back.acquire(timeout=30)  # without a keeper it asks for nothing more
        self._memory.end(wait=30)
        self._close_store()

    # -- what the web asks

    @property
    def state(self) -> KeeperState:
        """How the keeper stands."""
        return self._state

    def session(self) -> Session:
        """The open session. A `Problem` with code `locked` or `keeper_down` when there is none."""
        if self._state == "down":
            raise Problem("keeper_down", "The keeper is not running; it is being restarted.", "Wait a moment.")
        if self._state == "new":
            raise Problem("new", "There is no vault yet.", "Open the link that `tallyglass up` prints.")
        if self._state == "locked" or self._keeper is None or self._store is None:
            raise Problem("locked", "The keeper is locked.", "Unlock it with your passphrase.")
        return Session(self.home, self._keeper, self._store, memory=self._memory)

    def sync_now(self, *connections: str) -> bool:
        """Sync these connections, or all, in the background; False when a sync runs already."""
        if not self._syncing.acquire(blocking=False):
            return False
        threading.Thread(target=self._sync, args=(connections,), name="sync", daemon=True).start()
        return True

    def sync(self, watch: Watcher = nobody) -> list[SyncPartView]:
        """Sync everything and wait for it, after the sync that may be running."""
        with self._syncing:
            self._tell("sync")
            try:
                return syncing.sync(self.session(), watch=watch)
            finally:
                self._tell_worth()
                threading.Thread(target=self._look_back, name="past", daemon=True).start()

    @property
    def syncing(self) -> bool:
        """Whether a sync runs."""
        return self._syncing.locked()

    def reading(self, connection: str) -> list[PartReport]:
        """How far the sync that runs now is with a connection; empty when it is not read."""
        return list(self._parts.get(connection, {}).values())

    @contextmanager
    def listen(self) -> Iterator[queue.SimpleQueue[Event]]:
        """A queue of what has changed, for as long as the block lasts."""
        mine: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._listeners.append(mine)
        try:
            yield mine
        finally:
            self._listeners.remove(mine)

    # -- inside

    def _run(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                self._once()
            except Told as error:
                log.warning("%s", error)
            except Exception:  # whatever it was, the next beat must come
                log.exception("a beat failed")

    def _once(self) -> None:
        if not self._process.running:
            with self._changing:
                self._restart()
            return
        self._follow()
        if self._state == "unlocked" and self._left_alone():
            log.info("nobody was there for the time that was set: locked")
            self.lock()
        if self._state == "unlocked" and not self.syncing:
            due = syncing.due(self.session())
            if due:
                log.info("due: %s", ", ".join(due))
                self.sync_now(*due)
        if self._state == "unlocked":
            self._watch()

    def _watch(self) -> None:
        """Look for what is to be told: now and then, and at once when a key does not stand as it stood."""
        stand = self._stand()
        self._news = self._news or self._stood not in (None, stand)
        self._stood = stand
        due = self._news or time.monotonic() - self._checked >= CHECK_SECONDS
        if due and not self._alerting.locked():
            threading.Thread(target=self._alert, name="alerts", daemon=True).start()

    def _stand(self) -> set[tuple[str, str, str, str]]:
        return {(each.id, each.fingerprint, each.state, each.why) for each in self.session().keeper.connections()}

    def _left_alone(self) -> bool:
        minutes = unlocking.auto_lock(self.session())
        return minutes > 0 and self._clock() - self._visited > minutes * 60

    def _follow(self) -> None:
        """Another command of the same home may have locked or unlocked the keeper."""
        with self._changing:
            keeper = self._running_keeper()
            unlocked = keeper.health().state == "unlocked"
            if unlocked and self._state in ("locked", "new"):
                self._open(keeper)
            elif not unlocked and self._state == "unlocked":
                self._wanted = "locked"
                self._close_store()
                self._become("locked")

    def _restart(self) -> None:
        log.error("the keeper has died; starting a new one")
        self._close_store()
        self._become("down")
        self._keeper = self._process.start()
        self._become(_closed(self._keeper))
        if self._passphrase is not None and self._wanted == "unlocked":
            self._keeper.unlock(self._passphrase())
            self._open(self._keeper)

    def _opened_by(self, opens: Callable[[Keeper], None]) -> None:
        keeper = self._running_keeper()
        with self._changing:
            opens(keeper)
            self._open(keeper)

    def _open(self, keeper: Keeper) -> None:
        if self._store is None:
            self._store = open_portfolio(self.home, keeper)
        self._wanted = "unlocked"
        self.visit()
        self._become("unlocked")

    def _close_store(self) -> None:
        store, self._store = self._store, None
        self._memory.end()
        self._memory = LongMemory(lambda: self._tell("worth"))
        if store is not None:
            store.close()

    def _become(self, state: KeeperState) -> None:
        self._state = state
        self._tell("keeper")

    def _running_keeper(self) -> Keeper:
        if self._keeper is None:
            raise Unreachable("unreachable", "The keeper is not running.", "Wait a moment.")
        return self._keeper

    def _sync(self, connections: tuple[str, ...]) -> None:
        try:
            self._tell("sync")
            egress.look_if_due(self.session())
            syncing.sync(self.session(), *connections, watch=self._heard)
        except Told as error:
            log.warning("sync: %s", error)
        finally:
            self._parts = {}
            self._syncing.release()
            self._tell("sync")
            self._tell_worth()
            self._alert()
        self._look_back()

    def _heard(self, part: PartReport) -> None:
        self._parts.setdefault(part.connection, {})[part.stream] = part
        self._tell("worth")

    def _look_back(self) -> None:
        """Fetch the prices of past days that are missing and count these days: in its own time, after a sync."""
        if not self._looking_back.acquire(blocking=False):
            return
        try:
            backfilling.prices(self.session(), stop=self._ended)
            past.refresh(self.session())
            self._tell_worth()
        except Told as error:
            if self._state == "unlocked" and not self._ended.is_set():  # else nobody can read on
                log.warning("past prices: %s", error)
        finally:
            self._looking_back.release()

    def _alert(self) -> None:
        """Tell the user what is new: outside the beat, since a channel may take its time."""
        if not self._alerting.acquire(blocking=False):
            return
        self._checked, self._news = time.monotonic(), False
        try:
            alerting.tell(self.session())
        except Told as error:  # locked meanwhile
            log.warning("alerts: %s", error)
        finally:
            self._alerting.release()

    def _tell_worth(self) -> None:
        """Tell of a new worth, which is counted by then: all pages that are open ask for it at once."""
        try:
            if self._listeners:
                session = self.session()
                worth.worth(session)
                hygiene.standing(session)
        except Told as error:
            log.info("nothing new is told: %s", error)
        finally:
            self._tell("worth")

    def _tell(self, event: Event) -> None:
        for listener in list(self._listeners):
            listener.put(event)


def _closed(keeper: Keeper) -> KeeperState:
    """How a keeper stands that has just been started."""
    return "new" if keeper.health().state == "empty" else "locked"
