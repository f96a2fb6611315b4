"""A server that has no sandboxes says so once; clients do not try again what cannot succeed."""

import re
from collections.abc import Iterator

import pytest
from e2b import Sandbox, SandboxException

from tests.support.api import wait_for
from tests.support.server import Server


@pytest.fixture(scope="module")
def bare_server() -> Iterator[Server]:
    with Server({"LAMBENT_SANDBOX": "none", "LOG_LEVEL": "INFO"}) as running:
        yield running


def test_what_cannot_succeed_is_asked_once(bare_server: Server) -> None:
    key = bare_server.tenant()
    with pytest.raises(SandboxException, match="runs no commands") as refused:
        Sandbox.create(api_key=key, api_url=bare_server.url, sandbox_url=bare_server.url)
    assert refused.value.status_code == 501
    assert Sandbox.list(api_key=key, api_url=bare_server.url, sandbox_url=bare_server.url).next_items() == []
    # A request is logged after its answer is sent: the line of the later one says that the earlier ones are all there.
    wait_for(lambda: "GET /v2/sandboxes 200" in bare_server.log(), "the log of the later request")
    assert len(re.findall(r"POST /v2/sandboxes 501", bare_server.log())) == 1
