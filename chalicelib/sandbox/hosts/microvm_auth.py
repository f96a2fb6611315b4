"""What requests to a MicroVM's endpoint need: its credential, kept fresh, and a sign of life while they last."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator

import httpx2

from chalicelib.sandbox.hosts.base import SandboxError
from chalicelib.sandbox.hosts.microvm_calls import TOKEN_MINUTES, MicrovmBusy, MicrovmUnknown

PORT = 8080
PING_PATH = "/box"
_KEPT_SECONDS = TOKEN_MINUTES * 60 * 0.8
_WAKING_SECONDS = 30.0
_WAKE_TIMEOUT = {"connect": 5.0, "read": 15.0, "write": 5.0, "pool": 5.0}
_TOKEN_HEADER, _PORT_HEADER = "X-aws-proxy-auth", "X-aws-proxy-port"
REFUSED = (401, 403)
NOT_LISTENING = 502

_log = logging.getLogger(__name__)


class TokenCache:
    """One credential until four fifths of its life are over."""

    def __init__(self, fetch: Callable[[], str], *, kept_seconds: float = _KEPT_SECONDS) -> None:
        self._fetch = fetch
        self._kept_seconds = kept_seconds
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def get(self, *, instead_of: str = "") -> str:
        """A credential that is not ``instead_of``. Raises what fetching raises."""
        with self._lock:
            if not self._token or self._token == instead_of or time.monotonic() >= self._until:
                self._token = self._fetch()
                self._until = time.monotonic() + self._kept_seconds
            return self._token


class Awake:
    """Asks the endpoint for a trifle while answers are under way.

    Lambda counts a MicroVM as idle when no request arrives, however much an open answer still says, and would
    suspend it in the middle of a long command.
    """

    def __init__(self, ping: Callable[[], None], every_seconds: float) -> None:
        self._ping = ping
        self._every = every_seconds
        self._changed = threading.Condition()
        self._open = 0
        self._beating = False

    def begin(self) -> None:
        """An exchange begins."""
        with self._changed:
            self._open += 1
            if not self._beating:
                self._beating = True
                threading.Thread(target=self._beat, name="microvm-awake", daemon=True).start()

    def end(self) -> None:
        """An exchange is over."""
        with self._changed:
            self._open -= 1

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._every)
                if not self._open:
                    self._beating = False
                    return
            try:
                self._ping()
            except SandboxError as error:
                # The exchange itself will tell its caller what is wrong.
                _log.warning("a MicroVM could not be kept awake: %s", error.message)


class _Watched(httpx2.SyncByteStream):
    """A body that tells once when nobody reads it any more."""

    def __init__(self, inner: httpx2.SyncByteStream, done: Callable[[], None]) -> None:
        self._inner = inner
        self._done: Callable[[], None] | None = done

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        done, self._done = self._done, None
        try:
            self._inner.close()
        finally:
            if done:
                done()


class ProxyAuth(httpx2.Auth):
    """Puts the credential on every request to one MicroVM.

    After a silence in which the MicroVM may have been suspended it is woken first, so that a request that must not
    be made twice finds it listening. Raises httpx2.ConnectError when it is gone or does not listen.
    """

    def __init__(self, tokens: TokenCache, endpoint: str, silence_seconds: float, ping: Callable[[], None]) -> None:
        self._tokens = tokens
        self._endpoint = endpoint
        self._silence = silence_seconds
        self._heard = 0.0
        self._awake = Awake(ping, silence_seconds)

    def headers(self, *, instead_of: dict[str, str] | None = None) -> dict[str, str]:
        """What a request needs, with another credential than the one of ``instead_of``."""
        token = self._tokens.get(instead_of=(instead_of or {}).get(_TOKEN_HEADER, ""))
        return {_TOKEN_HEADER: token, _PORT_HEADER: str(PORT)}

    def heard(self) -> None:
        """The MicroVM has just answered."""
        self._heard = time.monotonic()

    def is_warm(self) -> bool:
        """Whether it has been spoken with so lately that one more request keeps nobody awake who would sleep."""
        return time.monotonic() - self._heard < self._silence

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The wake-up when one is due, the request, and once more when the credential was refused."""
        if not self.is_warm():
            yield from self._wake()
        self._awake.begin()
        handed_on = False
        try:
            response = yield from self._authorised(request)
            if response.status_code == NOT_LISTENING:
                raise httpx2.ConnectError("the MicroVM does not listen", request=request)
            self.heard()
            if not response.is_closed and isinstance(response.stream, httpx2.SyncByteStream):
                response.stream = _Watched(response.stream, self._awake.end)
                handed_on = True
        finally:
            if not handed_on:
                self._awake.end()

    def _authorised(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, httpx2.Response]:
        # A body that comes from an iterator is spent after the first time.
        repeatable = isinstance(request.stream, httpx2.ByteStream)
        used = self._put(request)
        response = yield request
        if response.status_code not in REFUSED or not repeatable:
            return response
        self._put(request, instead_of=used)
        return (yield request)

    def _wake(self) -> Generator[httpx2.Request, httpx2.Response, None]:
        until = time.monotonic() + _WAKING_SECONDS
        while True:
            asked = httpx2.Request("GET", self._endpoint + PING_PATH, extensions={"timeout": _WAKE_TIMEOUT})
            response = yield from self._authorised(asked)
            if response.status_code != NOT_LISTENING:
                return
            if time.monotonic() > until:
                raise httpx2.ConnectError("the MicroVM does not wake up")
            time.sleep(0.25)

    def _put(self, request: httpx2.Request, *, instead_of: dict[str, str] | None = None) -> dict[str, str]:
        try:
            found = self.headers(instead_of=instead_of)
        except (MicrovmUnknown, MicrovmBusy) as error:
            raise httpx2.ConnectError(error.message, request=request) from error
        request.headers.update(found)
        return found
