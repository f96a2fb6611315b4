"""No address that is not public can be reached through an MCP server's URL, its redirects, a token endpoint, or what
discovery documents name. The server under test allows 127.0.0.1 and nothing else."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.e2e.mcp.conftest import agent_for, oauth, of_type, vault_with
from tests.support.api import Api
from tests.support.inner_urls import INNER, LOOPBACK_IPV6
from tests.support.mcp_server import McpSite

HOSTS = [
    *("localhost", "LOCALHOST.", "127.0.0.2", "127.1.2.3", "0.0.0.0", "0", "0x7f.0.0.2", "2130706434", "0177.0.0.2"),
    *("[::1]", "[::]", "[::ffff:127.0.0.2]", "[::ffff:0.0.0.0]", "[64:ff9b::7f00:2]", "127.0.0.2.", "127%2e0.0.2"),
    *("①②⑦.0.0.2", "10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "192.168.0.1", "100.64.0.1"),
]


class Trap:
    """Listens on every address of the machine and remembers who came."""

    def __init__(self) -> None:
        self.met: list[str] = []
        self._sockets = [_listening(socket.AF_INET, "127.0.0.2", 0)]
        self.port: int = self._sockets[0].getsockname()[1]
        for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.1.2.3")):
            with suppress(OSError):
                self._sockets.append(_listening(family, host, self.port))
        for one in self._sockets:
            threading.Thread(target=self._watch, args=(one,), daemon=True).start()

    def _watch(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                came, peer = listening.accept()
                self.met.append(str(peer))
                came.close()

    def close(self) -> None:
        """Stop listening."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _listening(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind((host, port))
    made.listen()
    return made


@pytest.fixture
def trap() -> Iterator[Trap]:
    """A listener that nothing may reach."""
    made = Trap()
    yield made
    made.close()


def test_no_inner_address_is_reached_as_an_mcp_server(api: Api, trap: Trap) -> None:
    hosts = list(dict.fromkeys([*HOSTS, *INNER[:12], *LOOPBACK_IPV6[:4]]))
    for start in range(0, len(hosts), 10):
        some = hosts[start : start + 10]
        agent = agent_for(api, *(f"http://{host}:{trap.port}/mcp" for host in some))
        log = api.turn(api.session(agent), "hello")
        errors = [one["error"] for one in of_type(log, "session.error")]
        assert [one["type"] for one in errors] == ["mcp_connection_failed_error"] * len(some)
        assert log[-1]["stop_reason"] == {"type": "end_turn"}
    assert trap.met == []


def test_no_redirect_leads_elsewhere(api: Api, site: McpSite, trap: Trap) -> None:
    places = [f"http://{host}:{trap.port}/mcp" for host in HOSTS]
    places += [f"//127.0.0.2:{trap.port}/x", "file:///etc/passwd", f"http://user@127.0.0.1:{site.port}/mcp"]
    for place in places:
        site.redirect = place.encode("ascii", "ignore").decode()
        log = api.turn(api.session(agent_for(api, site.url, site.sse_url)), "hello")
        assert [one["error"]["type"] for one in of_type(log, "session.error")] == ["mcp_connection_failed_error"] * 2
    assert trap.met == []


def test_no_inner_address_is_reached_as_a_token_endpoint(api: Api, sdk_api: Api, site: McpSite, trap: Trap) -> None:
    site.tokens = set()
    for host in HOSTS:
        auth = oauth(site)
        auth["refresh"]["token_endpoint"] = f"http://{host}:{trap.port}/token"
        vault = vault_with(api, auth)
        credential = api.get(f"/v1/vaults/{vault}/credentials")["data"][0]["id"]
        ids = {"vault_id": vault, "credential_id": credential}
        assert api.call("POST", "/v1/oauth/refresh", ids).status_code == 502
    site.oauth.access.clear()
    told = sdk_api.ok("POST", f"/v1/vaults/{vault}/credentials/{credential}/mcp_oauth_validate")
    assert (told["status"], told["refresh"]["status"]) == ("unknown", "connect_error")
    assert trap.met == []


def test_no_inner_address_is_reached_for_what_discovery_names(api: Api, site: McpSite, trap: Trap) -> None:
    site.tokens = set()
    vault = vault_with(api)
    query = {"mcp_server_url": site.url, "vault_id": vault}
    for host in HOSTS:
        place = f"http://{host}:{trap.port}"
        site.protected, site.oauth.metadata = {"authorization_servers": [place]}, {}
        assert api.call("GET", "/v1/oauth/authorize", params=query).status_code == 502
        site.protected, site.oauth.metadata = {}, {"registration_endpoint": f"{place}/register"}
        assert api.call("GET", "/v1/oauth/authorize", params=query).status_code == 502
        server = {"mcp_server_url": f"{place}/mcp", "vault_id": vault}
        assert api.call("GET", "/v1/oauth/authorize", params=server).status_code == 502
    site.oauth.metadata = {}
    site.challenge = f"http://127.0.0.2:{trap.port}/metadata"
    assert api.call("GET", "/v1/oauth/authorize", params=query).status_code == 502
    assert trap.met == []
