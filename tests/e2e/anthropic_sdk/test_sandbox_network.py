"""What commands reach: named hosts and the hosts of flags under limited networking, every public host without limits,
and in no case the machine the server runs on, the networks around it, or anything past the proxy.

The server has a hosts file of its own, in which all names lead to one address that its operator opened.
"""

import json
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from anthropic import Anthropic

from chalicelib.environments.networking import registries
from tests.e2e.anthropic_sdk.helpers import listed, make_agent, make_environment, make_session, of, official, rest, said
from tests.e2e.anthropic_sdk.helpers import say as tell
from tests.fakes.model_server import FakeModel
from tests.functional.outbound.web import Seen, Web, answer, serving
from tests.support.api import Api
from tests.support.names import can_name, naming
from tests.support.server import Server

pytestmark = pytest.mark.skipif(not can_name(), reason="a server with host names of its own takes root")

OPENED = "127.0.9.1"
# One registry that is a host itself, and hosts below domains of registries.
REGISTRY = next(host for host in registries() if not host.startswith("*."))
BELOW = [f"some.{host.removeprefix('*.')}" for host in registries() if host.startswith("*.")][:2]
LEADING_THERE = [
    "open.test",
    "sub.open.test",
    "wild.test",
    "a.wild.test",
    "c.b.a.wild.test",
    "notwild.test",
    "other.test",
    "tools.test",
    "sub.tools.test",
    REGISTRY,
    f"fake{REGISTRY}",
    *BELOW,
    f"{BELOW[0]}.other.test",
]
NAMES = dict.fromkeys(LEADING_THERE, OPENED) | {"inner.test": "10.1.2.3", "own.test": "127.0.0.1"}
TOOLSET = {"type": "agent_toolset_20260401"}
# One line for each address: what was asked, the status, that of a tunnel, and the beginning of the body.
VISIT = """visit() {
  : > /tmp/body
  printf '%s ' "$1"
  curl --silent --globoff --noproxy '' --max-time 10 --output /tmp/body --write-out '%{http_code} %{http_connect} ' "$1"
  head -c 300 /tmp/body | tr '\\n' ' '; printf '\\n'
}
"""
CLOSED = "the network rules of this environment do not allow it"
NOT_PUBLIC = "It is not a host on the public internet"


@dataclass(frozen=True)
class Visit:
    """How a request from inside ended; ``tunnel`` is the status of the proxy's answer to CONNECT."""

    status: int
    tunnel: int
    text: str


@pytest.fixture(scope="module")
def server(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Knows names that nobody else knows; its operator opened one address."""
    env = {
        "ANTHROPIC_BASE_URL": shared_model.url,
        "ANTHROPIC_API_KEY": "provider-key",
        "LAMBENT_OUTBOUND_ALLOW": OPENED,
    }
    with Server(env, launcher=naming(tmp_path_factory.mktemp("names"), NAMES)) as running:
        yield running


@pytest.fixture
def client(server: Server, key: str) -> Iterator[Anthropic]:
    """The official client of a tenant of that server."""
    with official(server.url, key) as made:
        yield made


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server at the opened address that tells by which name it was asked."""

    def named(connection: socket.socket, seen: Seen) -> None:
        connection.sendall(answer(f"this is {seen.headers['host'].partition(':')[0]}".encode()))

    with serving(named, OPENED) as running:
        yield running


def session_in(client: Anthropic, networking: Any, **agent: Any) -> str:
    """A session whose commands run under these rules."""
    environment = make_environment(client, config={"type": "cloud", "networking": networking})
    made = make_agent(client, **({"tools": [TOOLSET]} | agent))
    return str(make_session(client, made, environment_id=environment.id).id)


def run(client: Anthropic, session: str, command: str) -> str:
    """Have the agent run a command; what it printed."""
    tell(client, session, f"tool:bash input:{json.dumps({'command': command})} tokens:2")
    rest(client, session, 60)
    result = of(listed(client, session), "agent.tool_result")[-1]
    assert not result.is_error, said(result)
    return said(result)


def visit(client: Anthropic, session: str, *urls: str) -> dict[str, Visit]:
    """Ask for every URL from inside."""
    printed = run(client, session, VISIT + "\n".join(f"visit {shlex.quote(url)}" for url in urls))
    lines = [line.split(" ", 3) for line in printed.splitlines() if line.startswith("http")]
    found = {url: Visit(int(status), int(tunnel), text) for url, status, tunnel, text in lines}
    assert list(found) == list(urls)
    return found


def asked(web: Web) -> list[str]:
    """The names under which requests arrived."""
    return [seen.headers["host"].partition(":")[0] for seen in web.requests]


def reached(client: Anthropic, session: str, web: Web, *hosts: str) -> list[str]:
    """Ask every host from inside; those that answered. All others were refused with a reason."""
    found = visit(client, session, *(web.url("/", host) for host in hosts))
    passed = []
    for host in hosts:
        one = found[web.url("/", host)]
        if one.status == 200:
            assert one.text.strip() == f"this is {host}"
            passed.append(host)
        else:
            assert (one.status, one.text.strip()) == (403, f"{host} cannot be reached: {CLOSED}.")
    assert asked(web) == passed
    return passed


class TestLimited:
    """Only what the rules name answers."""

    def test_hosts_are_reached_by_their_very_names_and_by_patterns_at_any_depth(
        self, client: Anthropic, web: Web
    ) -> None:
        session = session_in(client, {"type": "limited", "allowed_hosts": ["open.test", "*.wild.test"]})
        hosts = [*LEADING_THERE, OPENED]
        assert reached(client, session, web, *hosts) == ["open.test", "a.wild.test", "c.b.a.wild.test"]

    def test_a_tunnel_is_refused_as_well(self, client: Anthropic, web: Web) -> None:
        session = session_in(client, {"type": "limited", "allowed_hosts": ["open.test"]})
        closed, opened = (web.url("/", host, "https") for host in ("other.test", "open.test"))
        found = visit(client, session, closed, opened)
        assert (found[closed].tunnel, found[opened].tunnel) == (403, 200)
        assert web.connections == 1

    def test_an_empty_list_closes_everything(self, client: Anthropic, web: Web) -> None:
        session = session_in(client, {"type": "limited", "allowed_hosts": []})
        assert reached(client, session, web, "open.test", REGISTRY, "tools.test", OPENED) == []

    def test_package_registries_are_open_with_their_flag_only(self, client: Anthropic, web: Web) -> None:
        session = session_in(client, {"type": "limited", "allowed_hosts": [], "allow_package_managers": True})
        opened = [REGISTRY, *BELOW]
        others = [f"fake{REGISTRY}", f"{BELOW[0]}.other.test", "open.test"]
        assert reached(client, session, web, *opened, *others) == opened

    @pytest.mark.parametrize("opened", [True, False])
    def test_the_agents_mcp_servers_are_open_with_their_flag_only(
        self, client: Anthropic, web: Web, opened: bool
    ) -> None:
        session = session_in(
            client,
            {"type": "limited", "allowed_hosts": [], "allow_mcp_servers": opened},
            mcp_servers=[{"type": "url", "name": "tools", "url": "https://tools.test/mcp"}],
            tools=[TOOLSET, {"type": "mcp_toolset", "mcp_server_name": "tools"}],
        )
        expected = ["tools.test"] if opened else []
        assert reached(client, session, web, "tools.test", "sub.tools.test", "other.test") == expected


class TestUnlimited:
    """Every host on the public internet, or opened by the operator, but nothing else."""

    def test_any_name_is_reached(self, client: Anthropic, web: Web) -> None:
        session = session_in(client, {"type": "unrestricted"})
        hosts = ["open.test", "other.test", REGISTRY, OPENED]
        assert reached(client, session, web, *hosts) == hosts

    def test_private_places_are_not_in_whatever_notation(self, client: Anthropic, server: Server, web: Web) -> None:
        session = session_in(client, {"type": "unrestricted"})
        port = server.url.rpartition(":")[2]
        own = ("127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "own.test")
        around = ("10.0.0.1", "192.168.0.1", "172.16.0.1", "[fd00:ec2::254]", "0.0.0.0", "inner.test")
        metadata = ("169.254.169.254", "169.254.170.2", "0xa9fea9fe")
        urls = [f"http://{host}:{port}/livez" for host in own]
        urls += [f"http://{host}/latest/meta-data/" for host in (*around, *metadata)]
        for url, found in visit(client, session, *urls).items():
            assert (found.status, NOT_PUBLIC in found.text) == (403, True), (url, found)
        tunnel = f"https://127.0.0.1:{port}/"
        assert visit(client, session, tunnel)[tunnel].tunnel == 403

    def test_a_deny_list_closes_hosts_for_commands(self, client: Anthropic, server: Server, web: Web) -> None:
        plain = Api(server.url, client.auth_token or client.api_key or "")
        environment = plain.environment(network={"denylist": ["other.test", "*.wild.test", OPENED]})
        plain.close()
        session = str(make_session(client, make_agent(client, tools=[TOOLSET]), environment_id=environment["id"]).id)
        closed = ["other.test", "a.wild.test", "c.b.a.wild.test", OPENED]
        opened = ["open.test", "wild.test", REGISTRY]
        assert reached(client, session, web, *closed, *opened) == opened


PROBES = """
import socket
def tried(what, call):
    try:
        call()
    except OSError as error:
        print(what, type(error).__name__)
    else:
        print(what, "WORKED")
for host, port in {targets}:
    tried(f"tcp {{host}}", lambda: socket.create_connection((host, port), timeout=3).close())
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tried("udp", lambda: udp.sendto(b"x", ("1.1.1.1", 53)))
tried("name", lambda: socket.getaddrinfo("open.test", 80))
print("cards", [name for _, name in socket.if_nameindex()])
"""


def test_there_is_no_way_around_the_proxy(client: Anthropic, server: Server, web: Web) -> None:
    session = session_in(client, {"type": "unrestricted"})
    own = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    targets = [own, (OPENED, web.port), ("1.1.1.1", 443), ("169.254.169.254", 80), ("2606:4700::1111", 443)]
    printed = run(client, session, f"/usr/bin/python3 - <<'E'\n{PROBES.format(targets=targets)}E").splitlines()
    assert "cards ['lo']" in printed
    tried = [line for line in printed if line.startswith(("tcp", "udp", "name"))]
    assert len(tried) == len(targets) + 2
    assert not [line for line in tried if line.endswith("WORKED")]
    direct = run(client, session, f"curl --silent --noproxy '*' {web.url('/', 'open.test')}; echo ended $?")
    assert "ended 6" in direct
    assert web.connections == 0
