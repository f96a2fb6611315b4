"""Servers that repeat what they hear: at the host a secret is for and at another one, without TLS and with it."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.functional.outbound.certificates import server_context
from tests.functional.outbound.web import Seen, Web, answer, serving

GOOD, OTHER = "127.0.9.1", "127.0.9.2"


def echo(connection: socket.socket, seen: Seen) -> None:
    """Tells the caller all it sent, in a header and in the body."""
    told = json.dumps({"headers": seen.headers, "body": seen.body.decode()}).encode()
    heard = answer(told, X_Echo=seen.headers.get("authorization", "-"), Content_Type="application/json")
    connection.sendall(heard)


@dataclass(frozen=True)
class Trust:
    """The TLS of both hosts, and the file with the authorities that vouch for them."""

    bundle: Path
    own: dict[str, ssl.SSLContext]


def made_trust(folder: Path) -> Trust:
    """Fresh certificates of both hosts."""
    own, roots = {}, b""
    for host in (GOOD, OTHER):
        (folder / host).mkdir()
        own[host] = server_context(folder / host, "host.test", host)
        roots += (folder / host / "ca.pem").read_bytes()
    (folder / "roots.pem").write_bytes(roots)
    return Trust(folder / "roots.pem", own)


@dataclass(frozen=True)
class Echoes:
    """The running servers, by names of which those at the other host begin with ``other``."""

    webs: dict[str, Web]

    def url(self, name: str) -> str:
        """Where one is."""
        host = OTHER if name.startswith("other") else GOOD
        return self.webs[name].url("/", host, "https" if name.endswith("tls") else "http")

    def heard(self, name: str) -> list[Seen]:
        """What one was told."""
        return self.webs[name].requests


@contextmanager
def echoes(trust: Trust) -> Iterator[Echoes]:
    """``good``, ``good_tls``, ``other`` and ``other_tls`` until the block ends."""
    with ExitStack() as stack:
        webs = {}
        for name, host in (("good", GOOD), ("other", OTHER)):
            webs[name] = stack.enter_context(serving(echo, host))
            webs[f"{name}_tls"] = stack.enter_context(serving(echo, host, trust.own[host]))
        yield Echoes(webs)
