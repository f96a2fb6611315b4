"""What the sandbox of a session is given: its environment's rules and what is attached to it."""

import base64
from collections.abc import Iterable
from dataclasses import replace

from chalicelib.environments.networking import network_of
from chalicelib.events.log import SessionRef
from chalicelib.outbound import url as urls
from chalicelib.sandbox.hosts.base import Injection
from chalicelib.sandbox.model import Sandbox
from chalicelib.sandbox.profile import Checkout, Profile
from chalicelib.sessions.resources import Repository, SessionResources
from chalicelib.sessions.store import SessionStore
from chalicelib.storage.keys import Space
from chalicelib.vaults.service import VaultService


class SessionProfiles:
    """Reads profiles off the specs of sessions; secrets are opened anew each time, so that a rotation counts."""

    def __init__(self, sessions: SessionStore, resources: SessionResources, vaults: VaultService) -> None:
        self._sessions = sessions
        self._resources = resources
        self._vaults = vaults

    def __call__(self, space: Space, sandbox: Sandbox) -> Profile:
        """The profile as it is now. Raises SessionNotFound, SecretUnreadable."""
        ref = SessionRef(space, sandbox.id)
        spec = self._sessions.spec(ref)
        repositories = self._resources.repositories(ref, spec.resources)
        placeholders, injections = self._vaults.injections(space, spec.vault_ids)
        env = dict(((spec.environment or {}).get("flat") or {}).get("env") or {}) | placeholders
        env |= {one.name: one.value() for one in self._resources.variables(ref, spec.resources)}
        network = network_of(spec.environment, spec.agent, (_host(one.url) for one in repositories))
        injected = (*injections, *_tokens(repositories))
        return Profile(
            env,
            replace(network, injections=injected if network.internet != "none" else ()),
            tuple(_checkout(one) for one in repositories),
        )


def _host(url: str) -> str:
    return urls.parse(url).host


def _checkout(repository: Repository) -> Checkout:
    wanted = repository.checkout
    return Checkout(repository.url, repository.mount_path, "" if wanted is None else wanted.name)


def _tokens(repositories: Iterable[Repository]) -> Iterable[Injection]:
    """What lets git read and write private repositories while their tokens stay outside."""
    for repository in repositories:
        if (token := repository.token()) is None:
            continue
        parsed = urls.parse(repository.url)
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        path = parsed.target.partition("?")[0].removesuffix("/").removesuffix(".git")
        for ending in (".git/", "/"):
            yield Injection((parsed.host,), f"Basic {basic}", header="authorization", path=path + ending)
