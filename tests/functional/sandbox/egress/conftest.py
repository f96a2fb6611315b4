"""Hosts with certificates of an authority that the tests' proxies trust."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.outbound.certificates import server_context


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]:
    """A host's own TLS, and TLS that trusts it."""
    made: dict[str, tuple[ssl.SSLContext, ssl.SSLContext]] = {}

    def make(host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        if host not in made:
            folder: Path = tmp_path_factory.mktemp("tls")
            own = server_context(folder, host)
            made[host] = own, ssl.create_default_context(cafile=str(folder / "ca.pem"))
        return made[host]

    return make


@pytest.fixture
def good(certified: Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """``good.test``."""
    return certified("good.test")
