"""What the core asks of a provider; one module of ``providers`` for each."""

from collections.abc import Mapping
from typing import Any, Protocol

from chalicelib.integrations.model import App, Grant, Heard, Installation, Installed

PROVIDERS = {"linear": "Linear", "github": "GitHub", "slack": "Slack"}
"""Names as they are printed."""


class Provider(Protocol):
    """Speaks a provider's language. All calls raise ProviderAway, ProviderRefused or TokenRevoked."""

    def verify(self, app: App, headers: Mapping[str, str], body: bytes) -> None:
        """Whether the provider signed these very bytes. Raises BadSignature."""
        ...

    def read(self, app: App, headers: Mapping[str, str], message: dict[str, Any]) -> Heard:
        """What a message means."""
        ...

    def install_url(self, app: App, callback: str, state: str) -> str:
        """Where a person lets the app in."""
        ...

    def exchange(self, app: App, code: str, callback: str, told: Mapping[str, str]) -> Installed:
        """The installation behind a code; ``told`` is the rest of the query. Raises InstallRefused besides."""
        ...

    def renew(self, app: App, installation: Installation, grant: Grant) -> Grant:
        """Fresh tokens."""
        ...

    def post(self, token: str, place: Mapping[str, str], text: str, reply_id: str) -> None:
        """Say something."""
        ...

    def posted(self, token: str, place: Mapping[str, str], reply_id: str) -> bool:
        """Whether a reply was said, although nobody knows that it was."""
        ...

    def ended(self, app: App, installation: Installation) -> bool:
        """Whether a message that an installation has ended is to be believed now."""
        ...

    def revoke(self, app: App, installation: Installation, grant: Grant) -> None:
        """Tell the provider that the app leaves."""
        ...
