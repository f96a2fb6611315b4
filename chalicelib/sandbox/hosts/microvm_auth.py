"""What requests to a MicroVM's endpoint need: its credential, kept fresh, and a MicroVM that is awake.

Between a caller and the guest stands Lambda's endpoint, which answers in its own name when a credential is not good,
too much is asked, or nobody listens. What was answered inside is marked, so that the two cannot be confused: a guest
that forbids a file is no reason to ask for another credential.
"""

import asyncio
import math
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import httpx2

from chalicelib.sandbox.guest.wire import MARK
from chalicelib.sandbox.hosts.microvm_awake import Awake
from chalicelib.sandbox.hosts.microvm_calls import TOKEN_MINUTES, MicrovmBusy, MicrovmUnknown

PORT = 8080
PING_PATH = "/box"
_KEPT_SECONDS = TOKEN_MINUTES * 60 * 0.8
_WAKING_SECONDS = 30.0
_LOOK_SECONDS = 0.25
_WAKE_TIMEOUT = {"connect": 5.0, "read": 15.0, "write": 5.0, "pool": 5.0}
_TOKEN_HEADER, _PORT_HEADER = "X-aws-proxy-auth", "X-aws-proxy-port"
_REFUSED = (401, 403)
_TOO_FAST = 429
_NOT_LISTENING = 502
_NOT_NOW = (_TOO_FAST, 500, _NOT_LISTENING, 503, 504)
_PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)


def refused(response: httpx2.Response) -> bool:
    """Whether the endpoint did not accept the credential."""
    return response.status_code in _REFUSED and MARK not in response.headers


def not_now(response: httpx2.Response) -> bool:
    """Whether the endpoint did not reach what is behind it, or was asked too much, and may do better later."""
    return response.status_code in _NOT_NOW and MARK not in response.headers


class TokenCache:
    """One credential until four fifths of its life are over."""

    def __init__(self, fetch: Callable[[], str], *, kept_seconds: float = _KEPT_SECONDS) -> None:
        self._fetch = fetch
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._held = ("", 0.0)

    def fresh(self, *, instead_of: str = "") -> str:
        """The credential at hand, empty when another one is needed; never waits."""
        token, until = self._held
        return token if token != instead_of and time.monotonic() < until else ""

    def get(self, *, instead_of: str = "") -> str:
        """A credential that is not ``instead_of``. Raises what fetching raises."""
        with self._lock:
            if not (token := self.fresh(instead_of=instead_of)):
                token = self._fetch()
                self._held = (token, time.monotonic() + self._kept_seconds)
            return token


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float

    def now(self) -> str:
        time.sleep(self.seconds)
        return ""

    async def later(self) -> str:
        await asyncio.sleep(self.seconds)
        return ""


@dataclass(frozen=True, slots=True)
class _Fetch:
    tokens: TokenCache
    instead_of: str = ""

    def now(self) -> str:
        try:
            return self.tokens.get(instead_of=self.instead_of)
        except (MicrovmUnknown, MicrovmBusy) as error:
            raise httpx2.ConnectError(error.message) from error

    async def later(self) -> str:
        return self.tokens.fresh(instead_of=self.instead_of) or await asyncio.to_thread(self.now)


_Step = httpx2.Request | _Pause | _Fetch
_Answer = httpx2.Response | str | None


class ProxyAuth(httpx2.Auth):
    """Puts the credential on every request to one MicroVM.

    After a silence in which the MicroVM may have been suspended it is woken first, so that a request that must not
    be made twice finds it listening. Raises httpx2.ConnectError when it is gone or does not listen.
    """

    def __init__(self, tokens: TokenCache, endpoint: str, silence_seconds: float, ping: Callable[[], None]) -> None:
        self._tokens = tokens
        self._endpoint = endpoint
        self._silence = silence_seconds
        self._heard = -math.inf
        self._awake = Awake(ping, silence_seconds)

    def headers(self, *, instead_of: dict[str, str] | None = None) -> dict[str, str]:
        """What a request needs, with another credential than the one of ``instead_of``."""
        return _headers(self._tokens.get(instead_of=(instead_of or {}).get(_TOKEN_HEADER, "")))

    def heard(self) -> None:
        """The MicroVM has just answered."""
        self._heard = time.monotonic()

    def asleep(self) -> None:
        """The MicroVM has been put to rest: whoever asks next has to wake it."""
        self._heard = -math.inf

    def is_warm(self) -> bool:
        """Whether it has been spoken with so lately that one more request keeps nobody awake who would sleep."""
        return time.monotonic() - self._heard < self._silence

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The wake-up when one is due, the request, and again where the endpoint did not let it in."""
        answer: _Answer = None
        with closing(self._flow(request)) as flow:
            while (step := _advanced(flow, answer)) is not None:
                answer = (yield step) if isinstance(step, httpx2.Request) else step.now()

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """The same for coroutines; it blocks no event loop."""
        answer: _Answer = None
        with closing(self._flow(request)) as flow:
            while (step := _advanced(flow, answer)) is not None:
                answer = (yield step) if isinstance(step, httpx2.Request) else await step.later()

    def _flow(self, request: httpx2.Request) -> Generator[_Step, _Answer, None]:
        if not self.is_warm():
            yield from self._wake()
        self._awake.begin()
        handed_on = False
        try:
            response = yield from self._authorised(request)
            if response.status_code == _NOT_LISTENING and not_now(response):
                raise httpx2.ConnectError("the MicroVM does not listen", request=request)
            if not (refused(response) or not_now(response)):
                self.heard()
            handed_on = self._awake.watch(response)
        finally:
            if not handed_on:
                self._awake.end()

    def _authorised(self, request: httpx2.Request) -> Generator[_Step, _Answer, httpx2.Response]:
        """The answer; asked for again with another credential, and patiently where it is too much for the endpoint."""
        # A body that comes from an iterator is spent after the first time.
        repeatable = isinstance(request.stream, httpx2.ByteStream)
        token = yield from self._put(request)
        renewed, pauses = False, iter(_PAUSES)
        while True:
            response = yield request
            assert isinstance(response, httpx2.Response)
            if repeatable and refused(response) and not renewed:
                token, renewed = (yield from self._put(request, instead_of=token)), True
            elif repeatable and response.status_code == _TOO_FAST and not_now(response) and (pause := next(pauses, 0)):
                yield _Pause(pause)
            else:
                return response

    def _wake(self) -> Generator[_Step, _Answer, None]:
        until = time.monotonic() + _WAKING_SECONDS
        while True:
            asked = httpx2.Request("GET", self._endpoint + PING_PATH, extensions={"timeout": _WAKE_TIMEOUT})
            if not not_now((yield from self._authorised(asked))):
                return
            if time.monotonic() > until:
                raise httpx2.ConnectError("the MicroVM does not wake up")
            yield _Pause(_LOOK_SECONDS)

    def _put(self, request: httpx2.Request, *, instead_of: str = "") -> Generator[_Step, _Answer, str]:
        token = yield _Fetch(self._tokens, instead_of)
        assert isinstance(token, str)
        request.headers.update(_headers(token))
        return token


def _headers(token: str) -> dict[str, str]:
    return {_TOKEN_HEADER: token, _PORT_HEADER: str(PORT)}


def _advanced(flow: Generator[_Step, _Answer, None], answer: _Answer) -> _Step | None:
    """The next step; None after the last."""
    try:
        return flow.send(answer)
    except StopIteration:
        return None
