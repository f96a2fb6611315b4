"""What listens in a sandbox is reached under a name of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from e2b import Sandbox

from tests.e2e.e2b.conftest import Options
from tests.support.api import wait_for
from tests.support.server import Server

Create = Callable[..., Sandbox]
_PROGRAM = (Path(__file__).parent / "echo_server.py").read_text()


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        yield client


def listen(sandbox: Sandbox, port: int, place: str = "127.0.0.1") -> None:
    """Have a server started in the sandbox, and wait until it listens."""
    sandbox.files.write("server.py", _PROGRAM)
    sandbox.commands.run(f"python3 server.py {port} {place}", background=True)
    hexed = f"{port:04X}"
    sandbox.commands.run(f"until grep -q ':{hexed} ' /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done")


def visit(http: httpx2.Client, sandbox: Sandbox, port: int, path: str = "/", **wanted: Any) -> httpx2.Response:
    """A request as a browser makes it that finds the sandbox by its host name."""
    headers = {"host": sandbox.get_host(port), **wanted.pop("headers", {})}
    return http.request(wanted.pop("method", "GET"), path, headers=headers, **wanted)


def test_what_listens_is_reached_under_the_name_the_client_tells(
    sandbox: Sandbox, server: Server, http: httpx2.Client
) -> None:
    assert sandbox.get_host(3000) == f"3000-{sandbox.sandbox_id}.localhost:{server.url.rpartition(':')[2]}"
    listen(sandbox, 3000)
    reply = visit(http, sandbox, 3000, "/a%20b//c?x=1&y=%2F", method="POST", content=b"hello", headers={"x-mine": "1"})
    told = reply.json()
    assert (reply.status_code, told["target"], told["body"]) == (200, "/a%20b//c?x=1&y=%2F", "hello")
    assert told["headers"]["host"] == sandbox.get_host(3000)
    assert told["headers"]["x-mine"] == "1"
    assert not [name for name in told["headers"] if name.lower().startswith(("lambent", "x-aws"))]


def test_the_answer_is_the_sandboxs_own(sandbox: Sandbox, http: httpx2.Client) -> None:
    listen(sandbox, 3000)
    reply = visit(http, sandbox, 3000, "/teapot")
    assert reply.status_code == 418
    assert reply.headers["access-control-allow-origin"] == "https://app.example.com"
    assert reply.headers.get_list("set-cookie") == ["a=1; Path=/; HttpOnly", "b=2"]
    assert "content-security-policy" not in reply.headers
    assert "request-id" not in reply.headers
    assert len(reply.headers.get_list("date")) == 1
    preflight = visit(http, sandbox, 3000, method="OPTIONS")
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "https://app.example.com")
    head = visit(http, sandbox, 3000, method="HEAD")
    assert (head.status_code, head.content) == (200, b"")


def test_a_body_of_unknown_length_goes_in_as_it_comes(sandbox: Sandbox, http: httpx2.Client) -> None:
    listen(sandbox, 3000)
    pieces = [b"a" * 100_000, b"b" * 100_000]
    reply = visit(http, sandbox, 3000, method="PUT", content=iter(pieces))
    assert reply.json()["body"] == b"".join(pieces).decode()


def test_an_answer_comes_out_piece_by_piece_and_is_let_go_of(sandbox: Sandbox, http: httpx2.Client) -> None:
    listen(sandbox, 3000)
    headers = {"host": sandbox.get_host(3000)}
    with http.stream("GET", "/slowly", headers=headers) as reply:
        assert next(reply.iter_raw()) == b"data: 0\n\n"
    told = "grep -c ':0BB8 .* 01 ' /proc/net/tcp || true"
    assert wait_for(lambda: sandbox.commands.run(told).stdout == "0\n", "the connection to be let go of")


def test_a_server_that_listens_on_version_six_alone_is_reached_too(sandbox: Sandbox, http: httpx2.Client) -> None:
    sandbox.files.write(
        "six.py",
        _PROGRAM.replace("ThreadingHTTPServer(", "Six(").replace(
            "class Echo",
            "import socket\nclass Six(ThreadingHTTPServer):\n    address_family = socket.AF_INET6\n\n\nclass Echo",
        ),
    )
    sandbox.commands.run("python3 six.py 3000 ::1", background=True)
    sandbox.commands.run("until grep -q ':0BB8 ' /proc/net/tcp6; do sleep 0.05; done")
    assert visit(http, sandbox, 3000, "/six").json()["target"] == "/six"


@pytest.mark.parametrize("port", [3000, 3128, 0, 99999])
def test_a_port_nobody_may_reach_is_not_open(sandbox: Sandbox, http: httpx2.Client, port: int) -> None:
    reply = visit(http, sandbox, port)
    assert (reply.status_code, reply.json()["code"]) == (502, 502)
    assert "port is not open" in reply.json()["message"]
    assert reply.json()["port"] == port


def test_a_sandbox_that_is_not_public_wants_its_token(create: Create, http: httpx2.Client) -> None:
    sandbox = create(network={"allow_public_traffic": False})
    assert sandbox.traffic_access_token
    listen(sandbox, 3000)
    for headers in ({}, {"e2b-traffic-access-token": "wrong"}):
        assert visit(http, sandbox, 3000, headers=headers).status_code == 403
    reply = visit(http, sandbox, 3000, headers={"e2b-traffic-access-token": sandbox.traffic_access_token})
    assert reply.status_code == 200
    assert sandbox.traffic_access_token not in reply.text


def test_the_host_name_that_is_told_inside_can_be_another(create: Create, http: httpx2.Client) -> None:
    sandbox = create(network={"mask_request_host": "localhost:${PORT}"})
    assert sandbox.traffic_access_token is None
    listen(sandbox, 3000)
    assert visit(http, sandbox, 3000).json()["headers"]["host"] == "localhost:3000"


def test_a_paused_sandbox_is_away_unless_visits_wake_it(create: Create, http: httpx2.Client) -> None:
    resting = create()
    listen(resting, 3000)
    resting.pause()
    assert visit(http, resting, 3000).json()["message"] == "The sandbox was not found"
    woken = create(lifecycle={"on_timeout": "pause", "auto_resume": True})
    listen(woken, 3000)
    woken.pause()
    assert visit(http, woken, 3000).status_code == 200


def test_neighbours_and_the_machine_itself_are_out_of_reach(
    create: Create, server: Server, http: httpx2.Client, options: Options
) -> None:
    one, other = create(), create()
    listen(one, 3000)
    assert visit(http, other, 3000).status_code == 502
    assert visit(http, one, int(server.url.rpartition(":")[2])).status_code == 502
    assert options["api_key"] not in visit(http, one, 3000).text
