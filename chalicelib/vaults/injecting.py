"""What of a session's vaults a sandbox is given: placeholders inside, the secrets for the way out."""

from collections.abc import Iterator, Sequence

from chalicelib.outbound.patterns import EVERY
from chalicelib.sandbox.hosts.base import Injection
from chalicelib.storage.keys import Space
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.model import Credential, EnvironmentVariable, SomeHosts

Injections = tuple[dict[str, str], tuple[Injection, ...]]


def injections(credentials: CredentialService, space: Space, vault_ids: Sequence[str]) -> Injections:
    """See ``VaultService.injections``."""
    variables: dict[str, str] = {}
    found: list[Injection] = []
    for credential, auth in _variables(credentials, space, vault_ids):
        if auth.secret_name in variables:
            continue
        placeholder = variables[auth.secret_name] = credentials.placeholder(space, credential)
        value = credentials.secrets(space, credential)["secret_value"]
        found.append(Injection(_hosts(auth), value, placeholder, places=_places(auth)))
    return variables, tuple(found)


def _variables(
    credentials: CredentialService, space: Space, vault_ids: Sequence[str]
) -> Iterator[tuple[Credential, EnvironmentVariable]]:
    for vault_id in dict.fromkeys(vault_ids):
        for credential in credentials.active(space, vault_id):
            if isinstance(credential.auth, EnvironmentVariable):
                yield credential, credential.auth


def _hosts(auth: EnvironmentVariable) -> tuple[str, ...]:
    return tuple(auth.networking.allowed_hosts) if isinstance(auth.networking, SomeHosts) else (EVERY,)


def _places(auth: EnvironmentVariable) -> tuple[str, ...]:
    return tuple(name for name in ("header", "body") if getattr(auth.injection_location, name))
