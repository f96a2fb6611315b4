"""One MicroVM: its states, and what time and traffic do to it."""

import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.microvms.endpoint import Endpoint
from tests.fakes.microvms.process import VmProcess


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds. ``scale`` is how long a second of an idle policy or a maximum lasts.

    ``unseen``: so long nobody knows of a machine that was just run. ``lag``: so late changes of its state are told.
    """

    unseen: float = 0.05
    pending: float = 0.15
    suspending: float = 0.15
    resuming: float = 0.1
    terminating: float = 0.1
    lag: float = 0.1
    scale: float = 1.0


class WrongState(Exception):
    """The order does not fit the state."""


@dataclass
class Machine:
    asked: dict[str, Any]
    image_arn: str
    image_version: str
    root: Path
    pace: Pace
    log: Path
    signer: Any
    id: str = field(default_factory=lambda: f"microvm-{uuid.uuid4()}")
    reason: str = ""
    idle_seconds: float | None = None
    """In place of what the idle policy says, for tests that cannot wait."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.started = time.time()
        self.ended: float | None = None
        self.last_request = self.last_change = time.monotonic()
        self.history = [(time.monotonic(), "PENDING")]
        self.connections: set[socket.socket] = set()
        self.faults: list[int] = []
        self.process = VmProcess(self.root, self.log)
        self.endpoint = Endpoint(self)
        threading.Thread(target=self._boot, daemon=True).start()

    @property
    def serves(self) -> int:
        """How many requests are under way."""
        return len(self.connections)

    @property
    def state(self) -> str:
        return self.history[-1][1]

    @property
    def seen_state(self) -> str:
        """What the API tells: the state of a moment ago."""
        then = time.monotonic() - self.pace.lag
        return next((state for at, state in reversed(self.history) if at <= then), self.history[0][1])

    def describe(self) -> dict[str, Any]:
        told = {
            "microvmId": self.id,
            "state": self.seen_state,
            "endpoint": self.endpoint.url,
            "imageArn": self.image_arn,
            "imageVersion": self.image_version,
            "maximumDurationInSeconds": self.asked.get("maximumDurationInSeconds", 28_800),
            "startedAt": self.started,
            "terminatedAt": self.ended,
            "stateReason": self.reason or None,
        }
        for name in ("executionRoleArn", "idlePolicy", "ingressNetworkConnectors", "egressNetworkConnectors"):
            told[name] = self.asked.get(name)
        return {name: value for name, value in told.items() if value is not None}

    def suspend(self) -> None:
        with self.lock:
            if self.state == "SUSPENDED":
                return
            if self.state != "RUNNING":
                raise WrongState(f"The MicroVM is {self.state}, not RUNNING")
            self._become("SUSPENDING")
        threading.Thread(target=self._suspend, daemon=True).start()

    def resume(self) -> None:
        with self.lock:
            if self.state == "RUNNING":
                return
            if self.state != "SUSPENDED":
                raise WrongState(f"The MicroVM is {self.state}, not SUSPENDED")
            self._become("PENDING")
        threading.Thread(target=self._resume, daemon=True).start()

    def terminate(self, reason: str = "") -> None:
        with self.lock:
            if self.state in ("TERMINATING", "TERMINATED"):
                return
            asleep = self.state == "SUSPENDED"
            self.reason = reason
            self._become("TERMINATING")
        threading.Thread(target=self._terminate, args=(asleep,), daemon=True).start()

    def traffic(self) -> bool:
        """A request has come: whether it can be passed on, after a resume if need be."""
        until = time.monotonic() + 10
        with self.changed:
            while True:
                self.last_request = time.monotonic()
                if self.state == "RUNNING":
                    return True
                fresh = len(self.history) == 1
                resumes = self.asked.get("idlePolicy", {}).get("autoResumeEnabled", False)
                if fresh or self.state.startswith("TERMINAT") or not resumes or time.monotonic() > until:
                    return False
                if self.state == "SUSPENDED":
                    self.resume()
                self.changed.wait(0.05)

    def tick(self) -> None:
        """Apply the policies of time."""
        now, policy = time.monotonic(), self.asked.get("idlePolicy")
        most = self.asked.get("maximumDurationInSeconds", 28_800) * self.pace.scale
        if time.time() - self.started > most:
            return self.terminate("The maximum duration is over")
        with self.lock:
            if not policy:
                return None
            idle = self.idle_seconds or policy["maxIdleDurationSeconds"] * self.pace.scale
            if self.state == "RUNNING" and now - self.last_request > idle:
                self.suspend()
            waited = now - self.last_change
            if self.state == "SUSPENDED" and waited > policy["suspendedDurationSeconds"] * self.pace.scale:
                self.terminate("Suspended for too long")
        return None

    def destroy(self) -> None:
        """End at once whatever there is."""
        with self.lock:
            self._become("TERMINATED")
        self.process.kill()
        self.endpoint.close()

    def _become(self, state: str) -> None:
        with self.changed:
            if self.state == "TERMINATED":
                return
            self.history.append((time.monotonic(), state))
            self.last_change = time.monotonic()
            if state == "RUNNING":
                self.last_request = time.monotonic()
            self.changed.notify_all()

    def _boot(self) -> None:
        time.sleep(self.pace.pending)
        payload = {"microvmId": self.id, "runHookPayload": self.asked.get("runHookPayload", "")}
        status = self.process.hook("run", payload, 10, patience=20)
        with self.lock:
            if self.state != "PENDING":
                return
            if status == 200:
                self._become("RUNNING")
                return
        self.terminate(f"Run lifecycle hook returned HTTP status {status}")

    def _suspend(self) -> None:
        status = self.process.hook("suspend", {"microvmId": self.id}, 5)
        if status != 200:
            return self.terminate(f"Suspend lifecycle hook returned HTTP status {status}")
        time.sleep(self.pace.suspending)
        with self.lock:
            if self.state != "SUSPENDING":
                return None
            self.process.freeze()
            self._cut()
            self._become("SUSPENDED")
        return None

    def _resume(self) -> None:
        time.sleep(self.pace.resuming)
        with self.lock:
            if self.state != "PENDING":
                return
            self.process.thaw()
        self.process.hook("resume", {"microvmId": self.id}, 5)
        with self.lock:
            if self.state == "PENDING":
                self._become("RUNNING")

    def _terminate(self, asleep: bool) -> None:
        if not asleep:
            self.process.hook("terminate", {"microvmId": self.id}, 5)
        time.sleep(self.pace.terminating)
        self._cut()
        self.process.kill()
        self.ended = time.time()
        # The endpoint is Lambda's, and goes on to tell that nobody listens.
        self._become("TERMINATED")

    def _cut(self) -> None:
        self.endpoint.pool.clear()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self.connections.discard(connection)
