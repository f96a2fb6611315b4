"""Settings of signing in, all from the environment; ``docs/sign-in.md`` explains them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from chalicelib.core.environ import flag, words

GOOGLE = "google"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """One OpenID provider and who may come in through it.

    ``allow`` holds domains and addresses, ``*`` for everybody. ``console`` is where people go in the end, empty for
    the server's own root.
    """

    provider: str = GOOGLE
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"
    userinfo_url: str = "https://openidconnect.googleapis.com/v1/userinfo"
    allow: tuple[str, ...] = ()
    makes_tenants: bool = True
    console: str = ""

    @property
    def configured(self) -> bool:
        """Whether anybody can be sent to the provider."""
        return bool(self.client_id and self.client_secret)

    @staticmethod
    def from_env(env: Mapping[str, str]) -> "SignInSettings":
        """Read ``LAMBENT_SIGN_IN_*`` and ``LAMBENT_CONSOLE_URL``. Raises ValueError naming the variable at fault."""
        usual = SignInSettings()
        return SignInSettings(
            provider=_name(env, "LAMBENT_SIGN_IN_PROVIDER", usual.provider),
            client_id=env.get("LAMBENT_SIGN_IN_CLIENT_ID", "").strip(),
            client_secret=env.get("LAMBENT_SIGN_IN_CLIENT_SECRET", "").strip(),
            authorize_url=_url(env, "LAMBENT_SIGN_IN_AUTHORIZE_URL", usual.authorize_url),
            token_url=_url(env, "LAMBENT_SIGN_IN_TOKEN_URL", usual.token_url),
            userinfo_url=_url(env, "LAMBENT_SIGN_IN_USERINFO_URL", usual.userinfo_url),
            allow=words(env, "LAMBENT_SIGN_IN_ALLOW"),
            makes_tenants=flag(env, "LAMBENT_SIGN_IN_MAKES_TENANTS", default=True),
            console=_url(env, "LAMBENT_CONSOLE_URL", ""),
        )


def _name(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name, "").strip() or default
    if not _NAME.fullmatch(text):
        raise ValueError(f"{name} must be a name of small letters, digits and hyphens, not {text!r}")
    return text


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name, "").strip() or default
    if not text:
        return text
    parts = urlsplit(text)
    good = parts.hostname and "@" not in parts.netloc and not parts.fragment
    # What travels there are secrets, which may cross no network in the clear.
    if not good or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise ValueError(f"{name} must be an https:// URL (http:// for this machine alone)")
    return text
