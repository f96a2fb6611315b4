"""Credentials, wake-ups and signs of life on the way to a MicroVM, over a transport that records."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import httpx2
import pytest

from chalicelib.sandbox.guest.wire import MARK
from chalicelib.sandbox.hosts import microvm_auth
from chalicelib.sandbox.hosts.base import SandboxUnavailable
from chalicelib.sandbox.hosts.microvm_auth import PING_PATH, ProxyAuth, TokenCache
from chalicelib.sandbox.hosts.microvm_awake import Awake
from chalicelib.sandbox.hosts.microvm_calls import MicrovmUnknown

ENDPOINT = "https://vm.example"


class Tokens:
    """Numbered credentials; ``good`` is the first one that is accepted."""

    def __init__(self) -> None:
        self.made = 0
        self.good = 1

    def fetch(self) -> str:
        self.made += 1
        return f"token-{self.made}"

    def refused(self, request: httpx2.Request) -> bool:
        return int(request.headers["x-aws-proxy-auth"].partition("-")[2]) < self.good


class Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in two pieces."""

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"an", b"swer")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class Site:
    """Answers requests as told and keeps what was asked."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.asked: list[tuple[str, str]] = []
        self.pings = 0
        self.answers: list[int] = []
        self.inside: dict[str, str] = {}
        self.silence = 60.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((request.method, request.url.path))
        assert request.headers["x-aws-proxy-port"] == "8080"
        if self.tokens.refused(request):
            return httpx2.Response(403)
        status = self.answers.pop(0) if self.answers else 200
        return httpx2.Response(status, headers=self.inside, stream=Pieces())

    def ping(self) -> None:
        self.pings += 1

    def auth(self, *, heard: bool = True) -> ProxyAuth:
        auth = ProxyAuth(TokenCache(self.tokens.fetch), ENDPOINT, self.silence, self.ping)
        if heard:
            auth.heard()
        return auth

    def client(self, *, heard: bool = True) -> httpx2.Client:
        return httpx2.Client(base_url=ENDPOINT, auth=self.auth(heard=heard), transport=httpx2.MockTransport(self))

    def coroutines(self, *, heard: bool = True) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=ENDPOINT, auth=self.auth(heard=heard), transport=httpx2.MockTransport(self))


@pytest.fixture
def site() -> Site:
    return Site()


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that comes soon."""
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_one_credential_serves_many_requests(site: Site) -> None:
    with site.client() as client:
        assert [client.get("/health").text for _ in range(3)] == ["answer"] * 3
    assert site.tokens.made == 1


def test_a_refused_credential_is_replaced_once(site: Site) -> None:
    site.tokens.good = 2
    with site.client() as client:
        assert client.post("/files", content=b"x").status_code == 200
        assert client.get("/health").status_code == 200
        site.tokens.good = 99
        assert client.get("/health").status_code == 403
    assert site.tokens.made == 3


def test_what_the_guest_forbids_is_no_matter_of_credentials(site: Site) -> None:
    site.answers, site.inside = [403, 401, 429, 502], {MARK: "1"}
    with site.client() as client:
        assert [client.post("/files", content=b"x").status_code for _ in range(4)] == [403, 401, 429, 502]
    assert len(site.asked) == 4
    assert site.tokens.made == 1


def test_an_endpoint_that_is_asked_too_much_is_asked_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microvm_auth, "_PAUSES", (0.001, 0.001))
    site.answers = [429, 429, 200, 429, 429, 429, 429]
    with site.client() as client:
        assert client.post("/process", content=b"{}").status_code == 200
        assert client.post("/process", content=b"{}").status_code == 429
        assert client.post("/process", content=iter([b"{}"])).status_code == 429
    assert len(site.asked) == 7


def test_one_that_was_put_to_rest_is_woken_by_the_next_request(site: Site) -> None:
    auth = site.auth()
    with httpx2.Client(base_url=ENDPOINT, auth=auth, transport=httpx2.MockTransport(site)) as client:
        client.get("/first")
        auth.asleep()
        client.get("/second")
    assert site.asked == [("GET", "/first"), ("GET", PING_PATH), ("GET", "/second")]


def test_coroutines_get_the_same(site: Site) -> None:
    site.tokens.good, site.silence = 2, 0.02

    async def ask() -> str:
        async with site.coroutines(heard=False) as client:
            told = await client.post("/process", content=b"{}")
            async with client.stream("GET", "/slow") as slow:
                while site.pings < 3:
                    await asyncio.sleep(0.005)
                async for _ in slow.aiter_raw():
                    continue
            return str(told.text)

    assert asyncio.run(ask()) == "answer"
    assert [path for _, path in site.asked] == [PING_PATH, PING_PATH, "/process", "/slow"]
    assert site.tokens.made == 2
    before = site.pings
    time.sleep(0.1)
    assert site.pings == before


def test_a_coroutine_waits_for_its_machine_and_holds_up_no_other(site: Site) -> None:
    site.answers = [502, 502, 502, 200]
    ticks: list[float] = []

    async def ask() -> None:
        async def tick() -> None:
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        async with site.coroutines(heard=False) as client:
            assert (await client.post("/process", content=b"{}")).status_code == 200
        ticking.cancel()

    asyncio.run(ask())
    assert len(ticks) > 10


def test_a_coroutine_that_is_given_up_leaves_nobody_waiting(site: Site) -> None:
    site.silence = 0.02

    async def never(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")

    async def ask() -> None:
        transport = httpx2.MockTransport(never)
        async with httpx2.AsyncClient(base_url=ENDPOINT, auth=site.auth(), transport=transport) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get("/"), 0.1)

    asyncio.run(ask())
    time.sleep(0.06)
    before = site.pings
    time.sleep(0.06)
    assert site.pings == before


def test_a_body_that_is_spent_is_not_sent_again(site: Site) -> None:
    site.tokens.good = 2
    with site.client() as client:
        assert client.post("/files", content=iter([b"x"])).status_code == 403
        assert client.post("/files", content=b"x").status_code == 200


def test_credentials_are_renewed_in_time() -> None:
    tokens = Tokens()
    cache = TokenCache(tokens.fetch, kept_seconds=0.05)
    assert {cache.get() for _ in range(5)} == {"token-1"}
    time.sleep(0.06)
    assert cache.get() == "token-2"


def test_many_threads_fetch_one_credential() -> None:
    tokens = Tokens()
    cache = TokenCache(tokens.fetch)
    threads = [threading.Thread(target=cache.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens.made == 1


def test_after_a_silence_it_is_woken_before_anything_is_asked_of_it(site: Site) -> None:
    site.answers = [502, 502, 200]
    with site.client(heard=False) as client:
        assert client.post("/process", content=b"{}").status_code == 200
        assert client.post("/process", content=b"{}").status_code == 200
    assert site.asked == [*[("GET", PING_PATH)] * 3, *[("POST", "/process")] * 2]


def test_one_that_does_not_listen_is_gone_and_nothing_is_asked_twice(site: Site) -> None:
    site.answers = [502]
    with site.client() as client, pytest.raises(httpx2.ConnectError):
        client.post("/process", content=b"{}")
    assert site.asked == [("POST", "/process")]


def test_one_that_lambda_does_not_know_is_gone() -> None:
    def fetch() -> str:
        raise MicrovmUnknown("there is no such MicroVM")

    auth = ProxyAuth(TokenCache(fetch), ENDPOINT, 60, lambda: None)
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200))
    with httpx2.Client(auth=auth, transport=transport) as client, pytest.raises(httpx2.ConnectError):
        client.get(ENDPOINT)


def test_while_an_answer_is_under_way_there_are_signs_of_life(site: Site) -> None:
    site.silence = 0.02
    with site.client() as client:
        with client.stream("GET", "/slow"):
            until(lambda: site.pings >= 3)
        time.sleep(0.05)
        before = site.pings
        time.sleep(0.1)
        assert site.pings == before


def test_an_exchange_that_fails_leaves_nobody_waiting() -> None:
    pings: list[float] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("broken")

    auth = ProxyAuth(TokenCache(lambda: "t"), ENDPOINT, 0.02, lambda: pings.append(0))
    auth.heard()
    with httpx2.Client(auth=auth, transport=httpx2.MockTransport(fail)) as client, pytest.raises(httpx2.ReadError):
        client.get(ENDPOINT)
    time.sleep(0.06)
    before = len(pings)
    time.sleep(0.06)
    assert len(pings) == before


def test_a_sign_of_life_that_fails_is_followed_by_others() -> None:
    tries: list[int] = []

    def ping() -> None:
        tries.append(1)
        raise SandboxUnavailable("not now")

    awake = Awake(ping, 0.01)
    awake.begin()
    until(lambda: len(tries) >= 3)
    awake.end()


def test_an_answer_is_read_as_it_comes() -> None:
    def slowly() -> Iterator[bytes]:
        yield b"first"
        raise AssertionError("the rest was read ahead")

    auth = ProxyAuth(TokenCache(lambda: "t"), ENDPOINT, 60, lambda: None)
    auth.heard()
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=slowly()))
    with httpx2.Client(auth=auth, transport=transport) as client, client.stream("GET", ENDPOINT) as answer:
        assert next(answer.iter_raw()) == b"first"
