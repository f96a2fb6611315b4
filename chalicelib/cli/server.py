"""How commands reach a running server: its address, the key, and what goes wrong on the way."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

_TENANTS_KEY = "lmb_"
_SECONDS = 60
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Server:
    """A server and the key with which it is asked: a tenant's, or the operator's, which counts for all tenants."""

    url: str
    key: str

    @property
    def operators(self) -> bool:
        """Whether the operator asks."""
        return not self.key.startswith(_TENANTS_KEY)

    def path(self, tail: str) -> str:
        """A route that tenants have for themselves and the operator for all."""
        return ("/admin/" if self.operators else "/v1/") + tail

    def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The JSON that it answers. Raises ClickException when it is not there or refuses."""
        import httpx2

        try:
            answer = httpx2.request(
                method, self.url.rstrip("/") + path, headers={"x-api-key": self.key}, timeout=_SECONDS, **options
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise click.ClickException(f"{self.url} does not answer: {error}") from error
        if answer.status_code >= 300:
            raise click.ClickException(f"{self.url} refused: {_reason(answer)}")
        told: dict[str, Any] = answer.json()
        return told


def _reason(answer: Any) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"


def reaching(command: Command) -> Command:
    """The options that say which server, and who asks; to be given to ``reached``."""
    for option in (
        click.option("--state", default=".lambent", show_default=True, help="Directory with the server's keys."),
        click.option(
            "--key", envvar="LAMBENT_KEY", help="The root key, or a tenant's; without, the root key kept there."
        ),
        click.option(
            "--url", envvar="LAMBENT_URL", default="http://127.0.0.1:8000", show_default=True, help="Where it serves."
        ),
    ):
        command = option(command)
    return command


def reached(url: str, key: str | None, state: str) -> Server:
    """The server that the options name. Raises UsageError when there is no key."""
    return Server(url, key or _kept(Path(state)))


def _kept(state: Path) -> str:
    from chalicelib.local.credentials import FILE

    try:
        return str(json.loads((state / FILE).read_text())["root_key"])
    except (OSError, ValueError, KeyError) as error:
        raise click.UsageError(
            f"there is no key: say --key, or --state with the server's directory ({error})"
        ) from error
