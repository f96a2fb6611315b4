"""Apps that the operator has set up at providers, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.integrations.model import App

SECRET = "LAMBENT_INTEGRATIONS_SECRET"
_COMMON = ("APP_ID", "CLIENT_ID", "CLIENT_SECRET", "URL", "API_URL")
_OWN = {
    "GITHUB": ("APP_SLUG", "PRIVATE_KEY", "WEBHOOK_SECRET"),
    "LINEAR": ("WEBHOOK_SECRET",),
    "SLACK": ("SIGNING_SECRET",),
}
# What the secret that SECRET names may hold.
NAMES = frozenset(f"LAMBENT_{provider}_{part}" for provider, own in _OWN.items() for part in (*_COMMON, *own))


@dataclass(frozen=True, slots=True)
class Site:
    """A provider as the operator wants it: where its pages and its API are, and the app there, if any."""

    url: str
    api_url: str
    app: App | None = None


@dataclass(frozen=True, slots=True)
class IntegrationSettings:
    """The sites by the names of the providers."""

    sites: dict[str, Site] = field(default_factory=dict)

    @property
    def any_configured(self) -> bool:
        """Whether there is an app at any provider."""
        return any(site.app is not None for site in self.sites.values())

    @staticmethod
    def from_env(env: Mapping[str, str]) -> "IntegrationSettings":
        """Read ``LAMBENT_LINEAR_*``, ``LAMBENT_GITHUB_*`` and ``LAMBENT_SLACK_*``."""
        return IntegrationSettings({"linear": _linear(env), "github": _github(env), "slack": _slack(env)})


def _linear(env: Mapping[str, str]) -> Site:
    app = _app(
        env.get("LAMBENT_LINEAR_CLIENT_ID", ""),
        env.get("LAMBENT_LINEAR_CLIENT_SECRET", ""),
        env.get("LAMBENT_LINEAR_WEBHOOK_SECRET", ""),
        env.get("LAMBENT_LINEAR_APP_ID", ""),
    )
    page = _address(env.get("LAMBENT_LINEAR_URL", ""), "https://linear.app")
    return Site(page, _address(env.get("LAMBENT_LINEAR_API_URL", ""), "https://api.linear.app"), app)


def _github(env: Mapping[str, str]) -> Site:
    slug, key = env.get("LAMBENT_GITHUB_APP_SLUG", ""), env.get("LAMBENT_GITHUB_PRIVATE_KEY", "")
    app = _app(
        env.get("LAMBENT_GITHUB_CLIENT_ID", ""),
        env.get("LAMBENT_GITHUB_CLIENT_SECRET", ""),
        env.get("LAMBENT_GITHUB_WEBHOOK_SECRET", ""),
        env.get("LAMBENT_GITHUB_APP_ID", ""),
        slug,
        key.replace("\\n", "\n"),
    )
    page = _address(env.get("LAMBENT_GITHUB_URL", ""), "https://github.com")
    api = _address(env.get("LAMBENT_GITHUB_API_URL", ""), "https://api.github.com")
    return Site(page, api, app if slug and key else None)


def _slack(env: Mapping[str, str]) -> Site:
    app = _app(
        env.get("LAMBENT_SLACK_CLIENT_ID", ""),
        env.get("LAMBENT_SLACK_CLIENT_SECRET", ""),
        env.get("LAMBENT_SLACK_SIGNING_SECRET", ""),
        env.get("LAMBENT_SLACK_APP_ID", ""),
    )
    page = _address(env.get("LAMBENT_SLACK_URL", ""), "https://slack.com")
    return Site(page, _address(env.get("LAMBENT_SLACK_API_URL", ""), "https://slack.com/api"), app)


def _app(client_id: str, secret: str, signing: str, own_id: str, slug: str = "", key: str = "") -> App | None:
    if not (client_id and secret and signing):
        return None
    return App(client_id, secret, signing, own_id or client_id, slug, key)


def _address(given: str, usual: str) -> str:
    return given.strip().rstrip("/") or usual
