"""The environment commands start with."""

import os
from collections.abc import Mapping

from . import paths

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOCAL = "localhost,127.0.0.1,::1"
_PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class _Given:
    """What the host said when it started the guest."""

    env: Mapping[str, str] = {}
    user = "user"
    proxy = ""


def configure(env: Mapping[str, str], user: str = "", proxy: str = "") -> None:
    """Take the sandbox's own variables, its user's name and the address of its proxy (empty for none)."""
    _Given.env = dict(env)
    _Given.user = user or _Given.user
    _Given.proxy = proxy


def user() -> str:
    """The name of the sandbox's user."""
    return _Given.user


def build(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """All variables of a command: the system's, the proxy's, the sandbox's, then ``extra``."""
    return {
        "PATH": os.environ.get("PATH") or _PATH,
        "HOME": paths.real(paths.WORKSPACE),
        "USER": _Given.user,
        "LOGNAME": _Given.user,
        "LANG": "C.UTF-8",
        **_proxies(),
        **_Given.env,
        **(extra or {}),
    }


def _proxies() -> dict[str, str]:
    if not _Given.proxy:
        return {}
    return {**dict.fromkeys(_PROXY_NAMES, _Given.proxy), "NO_PROXY": _LOCAL, "no_proxy": _LOCAL}
