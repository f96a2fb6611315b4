"""Computers that are AWS Lambda MicroVMs: a virtual machine each, with a box in it around the guest."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import httpx2

from chalicelib.sandbox.box.server_spec import spec_to_json
from chalicelib.sandbox.hosts.base import (
    BoxSpec,
    Condition,
    Handle,
    Launched,
    Link,
    Network,
    SandboxError,
    SandboxRefused,
    SandboxUnavailable,
)
from chalicelib.sandbox.hosts.microvm_auth import PING_PATH, PORT, ProxyAuth, TokenCache, not_now, refused
from chalicelib.sandbox.hosts.microvm_calls import ENDED, Calls, MicrovmBusy, MicrovmUnknown
from chalicelib.sandbox.settings import SandboxSettings

_START_PATH = "/box/start"
_NETWORK_PATH = "/box/network"
_TOKEN_SECONDS = 15.0
_SETTLE_SECONDS = 30.0
_BOX_SECONDS = 30.0
_AGAIN_SECONDS, _BUSY_SECONDS = 3.0, 0.5
_AT_REST = ("SUSPENDED", *ENDED)
_KEPT = 1024

_log = logging.getLogger(__name__)


class MicrovmHost:
    """Starts a MicroVM for every sandbox. They outlive this process and can be reached from any other.

    ``client`` gives a boto3 client for ``lambda-microvms``.
    """

    name = "microvm"
    outlives = True

    def __init__(
        self, client: Callable[[], Any], settings: SandboxSettings, *, silence_seconds: float | None = None
    ) -> None:
        self._settings = settings
        self._calls = Calls(client, settings.microvm)
        # A third of the idle time leaves room for two signs of life that get lost.
        self._silence = silence_seconds or settings.idle_seconds / 3
        self._lock = threading.Lock()
        self._links: OrderedDict[str, Link] = OrderedDict()
        self._stopped: OrderedDict[str, None] = OrderedDict()
        self._http = httpx2.Client(trust_env=False, timeout=httpx2.Timeout(20.0, connect=5.0))

    def start(self, spec: BoxSpec, launched: Launched | None = None) -> Handle:
        """A MicroVM whose guest answers; ``launched`` is told before. Raises SandboxUnavailable, SandboxRefused."""
        until = time.monotonic() + self._settings.microvm.start_seconds
        idle = spec.idle_seconds or self._settings.idle_seconds
        vm = self._calls.run(spec, idle, self._settings.max_seconds)
        handle = Handle(self.name, {"id": vm["microvmId"], "endpoint": _base_url(vm["endpoint"])})
        try:
            if launched is not None:
                launched(handle)
            self._start_box(handle, spec, until)
        except BaseException:
            self._abandon(handle)
            raise
        return handle

    def link(self, handle: Handle) -> Link:
        """The endpoint, with a credential on every request. Raises SandboxUnavailable when it is known to be gone."""
        identity = _identity(handle)
        with self._lock:
            if not identity or identity in self._stopped:
                raise SandboxUnavailable("the MicroVM is gone", code="gone")
            found = self._links.pop(identity, None) or self._new_link(identity, str(handle.data["endpoint"]))
            self._links[identity] = found
            if len(self._links) > _KEPT:
                self._links.popitem(last=False)
            return found

    def condition(self, handle: Handle) -> Condition:
        """What Lambda tells, and the box where it has just been spoken with: asking wakes nobody."""
        if self._is_gone(handle):
            return "gone"
        told = self._calls.condition(_identity(handle))
        if told == "running" and self._auth(handle).is_warm() and self._box_is_dead(handle):
            self._abandon(handle)
            return "gone"
        return told

    def freeze(self, handle: Handle) -> None:
        """Suspend it, and wait until it is. Raises SandboxUnavailable."""
        if self._is_gone(handle):
            return
        identity = _identity(handle)
        until = time.monotonic() + _SETTLE_SECONDS
        due = 0.0
        # Only Lambda is asked here: a request to the endpoint would wake what is about to rest. Somebody else's may
        # have, so that the order is given again.
        while True:
            if time.monotonic() >= due:
                taken = self._tried(self._calls.suspend, identity)
                due = time.monotonic() + (_AGAIN_SECONDS if taken else _BUSY_SECONDS)
            if self._look(identity)["state"] in _AT_REST:
                self._forget(identity)
                return
            if time.monotonic() > until:
                raise SandboxUnavailable("the MicroVM does not come to rest", code="busy")
            time.sleep(0.25)

    def _is_gone(self, handle: Handle) -> bool:
        """Whether nothing needs to be asked; Lambda may take a moment to tell of an end it has been asked for."""
        identity = _identity(handle)
        with self._lock:
            return not identity or identity in self._stopped

    def _forget(self, identity: str) -> None:
        """It has been put to rest, so that the next request has to wake it."""
        with self._lock:
            link = self._links.get(identity)
        if link is not None and isinstance(link.auth, ProxyAuth):
            link.auth.asleep()

    def thaw(self, handle: Handle) -> None:
        """Resume it and wait until it answers. Raises SandboxUnavailable."""
        until = time.monotonic() + _SETTLE_SECONDS
        while self.condition(handle) != "gone":
            self._tried(self._calls.resume, _identity(handle))
            if self._listens(handle):
                self._auth(handle).heard()
                return
            if time.monotonic() > until:
                raise SandboxUnavailable("the MicroVM does not wake up", code="asleep")
            time.sleep(0.25)
        raise SandboxUnavailable("the MicroVM is gone", code="gone")

    def rewire(self, handle: Handle, network: Network) -> bool:
        """Have its box go by other rules; not while it is suspended. Raises SandboxUnavailable."""
        if self.condition(handle) != "running":
            return False
        url = self.link(handle).base_url + _NETWORK_PATH
        try:
            answer = self._http.put(url, json=asdict(network), auth=self._auth(handle))
        except httpx2.TransportError as error:
            raise SandboxUnavailable("the MicroVM does not answer", code="busy") from error
        # An image of before does not know of it.
        return answer.status_code == 200 and answer.json().get("rewired") is True

    def stop(self, handle: Handle) -> None:
        """Terminate it. Raises SandboxUnavailable when Lambda does not take the order."""
        identity = _identity(handle)
        until = time.monotonic() + _SETTLE_SECONDS
        while identity and not self._tried(self._calls.terminate, identity):
            if time.monotonic() > until:
                raise SandboxUnavailable("the MicroVM does not end", code="busy")
            time.sleep(0.5)
        with self._lock:
            self._links.pop(identity, None)
            self._stopped[identity] = None
            if len(self._stopped) > _KEPT:
                self._stopped.popitem(last=False)

    def close(self) -> None:
        """MicroVMs outlive the process; only connections are let go."""
        self._http.close()

    def _start_box(self, handle: Handle, spec: BoxSpec, until: float) -> None:
        """Have the box made, as soon as the endpoint answers; asking twice for the same one is harmless."""
        auth, body = self._auth(handle), spec_to_json(spec)
        url, useless = self.link(handle).base_url + _START_PATH, dict[str, str]()
        while True:
            try:
                headers = auth.headers(instead_of=useless)
                answer = self._http.post(url, json=body, headers=headers, timeout=_BOX_SECONDS)
            except (httpx2.TransportError, MicrovmUnknown) as error:
                # What was just run may not be known everywhere yet.
                told = type(error).__name__
            else:
                if answer.status_code == 200:
                    return auth.heard()
                if not (refused(answer) or not_now(answer)):
                    raise _box_problem(answer)
                told = f"status {answer.status_code}"
                useless = headers if refused(answer) else {}
            self._still_coming(handle, until, told)
            time.sleep(0.25)

    def _still_coming(self, handle: Handle, until: float, told: str) -> None:
        with suppress(MicrovmUnknown):
            found = self._calls.get(_identity(handle))
            if found["state"] in ENDED:
                reason = found.get("stateReason", "no reason is told")
                raise SandboxUnavailable(f"the MicroVM ended at its start: {reason}", code="start")
        if time.monotonic() > until:
            raise SandboxUnavailable(f"the MicroVM did not come up in time ({told})", code="start")

    def _box_is_dead(self, handle: Handle) -> bool:
        answer = self._ask_box(handle)
        return answer is not None and answer.status_code == 200 and answer.json().get("state") == "dead"

    def _abandon(self, handle: Handle) -> None:
        try:
            self.stop(handle)
        except SandboxError as error:
            _log.warning("a MicroVM of no use could not be ended: %s", error.message)

    def _new_link(self, identity: str, endpoint: str) -> Link:
        tokens = TokenCache(lambda: self._token(identity))
        handle = Handle(self.name, {"id": identity, "endpoint": endpoint})
        return Link(endpoint, auth=ProxyAuth(tokens, endpoint, self._silence, lambda: self._keep_awake(handle)))

    def _token(self, identity: str) -> str:
        """A credential, for which a suspended MicroVM is resumed. Raises MicrovmUnknown, MicrovmBusy."""
        until = time.monotonic() + _TOKEN_SECONDS
        while True:
            try:
                return self._calls.token(identity, PORT)
            except MicrovmBusy:
                condition = self._calls.condition(identity)
                if condition == "gone" or time.monotonic() > until:
                    raise
                if condition == "frozen":
                    self._tried(self._calls.resume, identity)
            time.sleep(0.3)

    @staticmethod
    def _tried(order: Callable[[str], None], identity: str) -> bool:
        """Whether the order needs no further try: it was taken, or there is nothing to give it to."""
        try:
            order(identity)
        except MicrovmUnknown:
            return True
        except MicrovmBusy:
            return False
        return True

    def _keep_awake(self, handle: Handle) -> None:
        """A sign of life, unless somebody put it to rest meanwhile."""
        if self._calls.condition(_identity(handle)) == "running":
            self._ask_box(handle)

    def _listens(self, handle: Handle) -> bool:
        answer = self._ask_box(handle)
        return answer is not None and not not_now(answer)

    def _ask_box(self, handle: Handle) -> httpx2.Response | None:
        """What the box says of itself, or the endpoint in its place; None when nothing came back."""
        url, headers = self.link(handle).base_url + PING_PATH, self._auth(handle).headers()
        try:
            return self._http.get(url, headers=headers)
        except httpx2.TransportError:
            return None

    def _auth(self, handle: Handle) -> ProxyAuth:
        auth = self.link(handle).auth
        assert isinstance(auth, ProxyAuth)
        return auth

    def _look(self, identity: str) -> dict[str, Any]:
        try:
            return self._calls.get(identity)
        except MicrovmUnknown:
            return {"state": "TERMINATED"}


def _identity(handle: Handle) -> str:
    """Empty for a handle that is not of a MicroVM."""
    known = handle.host == MicrovmHost.name and "endpoint" in handle.data
    return str(handle.data.get("id", "")) if known else ""


def _base_url(endpoint: str) -> str:
    return endpoint.rstrip("/") if "://" in endpoint else f"https://{endpoint}"


def _box_problem(answer: httpx2.Response) -> SandboxError:
    try:
        told = str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        told = ""
    message = f"the box could not be made: {told or f'status {answer.status_code}'}"
    if answer.status_code in (400, 501):
        return SandboxRefused(message, code="box")
    return SandboxUnavailable(message, code="box")
