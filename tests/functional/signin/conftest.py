"""A server whose people sign in with a provider of its own, and their browsers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from chalicelib.core.settings import Settings
from chalicelib.doors import all_doors
from chalicelib.http.app import create_app
from chalicelib.signin.settings import SignInSettings
from chalicelib.signin.wiring import sign_in
from chalicelib.wiring import Services
from tests.fakes.identity_provider import IdentityProvider, Person
from tests.functional.conftest import ROOT_KEY
from tests.functional.http.client import running
from tests.support.api import Api, Json

COOKIE = "lambent_session"
PATH = "/v1/oauth/google"


@dataclass
class Browser:
    """A browser: it keeps cookies, tells where its requests come from, and follows no redirect unasked."""

    url: str
    idp: IdentityProvider
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.Client(base_url=self.url, verify=False, headers={"sec-fetch-site": "same-origin"})

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        """A request of a page of the server."""
        return self.client.request(method, path, json=body, **options)

    def get(self, path: str, **headers: str) -> Json:
        """A GET that must succeed."""
        answer = self.call("GET", path, headers=headers)
        assert answer.status_code == 200, answer.text
        shown: Json = answer.json()
        return shown

    def begin(self, path: str = f"{PATH}/authorize") -> str:
        """Set out; the address at the provider."""
        answer = self.call("GET", path)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def sign_in(self, person: Person | None = None) -> httpx2.Response:
        """The whole way; the last answer."""
        return self.call("GET", self.idp.decide(self.begin(), person))

    @property
    def secret(self) -> str:
        """The session's."""
        return self.client.cookies[COOKIE]


@dataclass
class Site:
    """A running server."""

    url: str
    services: Services
    idp: IdentityProvider
    open: ExitStack

    def browser(self, person: Person | None = None) -> Browser:
        """A browser, of somebody signed in if one is named."""
        made = Browser(self.url, self.idp)
        self.open.callback(made.client.close)
        if person is not None:
            answer = made.sign_in(person)
            assert answer.status_code == 302, answer.text
        return made

    def api(self, key: str) -> Api:
        """A client with a key."""
        made = Api(self.url, key)
        self.open.callback(made.close)
        return made

    @property
    def root(self) -> Api:
        """The operator."""
        return self.api(ROOT_KEY)


@pytest.fixture(scope="session")
def shared_idp() -> Iterator[IdentityProvider]:
    """The provider."""
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture
def idp(shared_idp: IdentityProvider) -> IdentityProvider:
    """The provider, forgetful of earlier tests."""
    shared_idp.token_status = 200
    for kept in (shared_idp.forms, shared_idp.codes):
        kept.clear()
    return shared_idp


@pytest.fixture
def start(settings: Settings, idp: IdentityProvider) -> Iterator[Callable[..., Site]]:
    """Starts a server with settings of signing in."""
    with ExitStack() as opened:

        def started(**env: str) -> Site:
            services = Services(settings)
            chosen = SignInSettings.from_env(idp.env(LAMBENT_SIGN_IN_ALLOW="example.com") | env)
            services.__dict__["sign_in"] = sign_in(services, chosen)
            site = opened.enter_context(running(create_app(services, all_doors()), services))
            return Site(f"http://127.0.0.1:{site.port}", services, idp, opened)

        yield started


@pytest.fixture
def site(start: Callable[..., Site]) -> Site:
    """A server that lets in whoever is of example.com."""
    return start()


ADA = Person("1", "ada@example.com", "Ada")
BOB = Person("2", "bob@example.com", "Bob")
