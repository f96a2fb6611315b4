"""Keeps leases and received doorbells alive while runs are at work: one thread for the whole process."""

import threading
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.clock import now_ms
from chalicelib.events.log import SessionRef
from chalicelib.observability import logger
from chalicelib.sessions.store import SessionStore
from chalicelib.storage.errors import ConditionFailed, StorageError


class Held:
    """One held lease. ``lost`` is set when a beat found another fence."""

    def __init__(self, ref: SessionRef, fence: int, keep_doorbell: Callable[[], None]) -> None:
        self.ref = ref
        self.fence = fence
        self.keep_doorbell = keep_doorbell
        self.lost = threading.Event()


class Pulse:
    """Beats for every held lease each ``beat_seconds``; a lease lives ``lease_seconds`` from its last beat."""

    def __init__(self, store: SessionStore, beat_seconds: float, lease_seconds: float) -> None:
        self._store = store
        self._beat = beat_seconds
        self._lease_ms = int(lease_seconds * 1000)
        self._held: set[Held] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, held: Held) -> None:
        """Begin to beat for a lease."""
        with self._lock:
            self._held.add(held)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
                self._thread.start()

    def release(self, held: Held) -> None:
        """Stop beating for it."""
        with self._lock:
            self._held.discard(held)

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._beat):
            with self._lock:
                held = list(self._held)
            for one in held:
                self._keep(one)

    def _keep(self, held: Held) -> None:
        now = now_ms()
        try:
            self._store.table.write(self._store.lease_write(held.ref, held.fence, now, now + self._lease_ms))
            held.keep_doorbell()
        except ConditionFailed:
            held.lost.set()
        except (StorageError, BotoCoreError, ClientError):
            logger("runs").warning("a heartbeat failed; the next may succeed", exc_info=True)
