"""What of a session's vaults a sandbox is given: placeholders inside, the secrets for the way out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.outbound.patterns import EVERY
from chalicelib.sandbox.hosts.base import Injection
from chalicelib.storage.keys import Space
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.model import Auth, CapCli, Credential, EnvironmentVariable, SomeHosts
from chalicelib.vaults.programs import PROGRAMS

Injections = tuple[dict[str, str], tuple[Injection, ...]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A variable, the field of the credential that is its value, and where that may go."""

    variable: str
    secret: str
    hosts: tuple[str, ...]
    places: tuple[str, ...]


def injections(credentials: CredentialService, space: Space, vault_ids: Sequence[str]) -> Injections:
    """See ``VaultService.injections``."""
    variables: dict[str, str] = {}
    found: list[Injection] = []
    for credential, wanted in _wanted(credentials, space, vault_ids):
        if wanted.variable in variables:
            continue
        placeholder = variables[wanted.variable] = credentials.placeholder(space, credential)
        value = credentials.secrets(space, credential)[wanted.secret]
        found.append(Injection(wanted.hosts, value, placeholder, places=wanted.places))
    return variables, tuple(found)


def _wanted(
    credentials: CredentialService, space: Space, vault_ids: Sequence[str]
) -> Iterator[tuple[Credential, _Wanted]]:
    for vault_id in dict.fromkeys(vault_ids):
        for credential in credentials.active(space, vault_id):
            if (wanted := _of(credential.auth)) is not None:
                yield credential, wanted


def _of(auth: Auth) -> _Wanted | None:
    if isinstance(auth, EnvironmentVariable):
        return _Wanted(auth.secret_name, "secret_value", _hosts(auth), _places(auth))
    program = PROGRAMS.get(auth.cli_id) if isinstance(auth, CapCli) else None
    return None if program is None else _Wanted(program.variable, "token", program.hosts, ("header",))


def _hosts(auth: EnvironmentVariable) -> tuple[str, ...]:
    return tuple(auth.networking.allowed_hosts) if isinstance(auth.networking, SomeHosts) else (EVERY,)


def _places(auth: EnvironmentVariable) -> tuple[str, ...]:
    return tuple(name for name in ("header", "body") if getattr(auth.injection_location, name))
