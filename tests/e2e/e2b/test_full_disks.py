"""A machine whose disk is full refuses what it cannot keep, says so, and goes on when there is room again."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2b import Sandbox, SandboxException

from tests.support.server import Server

_MOUNTED = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8m none "$0" && exec "$@"')


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose state has 8 MiB."""
    state = tmp_path_factory.mktemp("state")
    if os.geteuid() != 0 or subprocess.run([*_MOUNTED, state, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    with Server(state=Path(state), launcher=(*_MOUNTED, str(state))) as server:
        yield server


def test_what_cannot_be_kept_is_refused_and_the_operator_told(cramped: Server) -> None:
    options = {"api_key": cramped.api_key, "api_url": cramped.url, "sandbox_url": cramped.url}
    with Sandbox.create(**options) as sandbox:
        sandbox.files.write("small", "kept")
        with pytest.raises(SandboxException, match="503: a part behind the server does not answer right now"):
            sandbox.files.write("large", os.urandom(20_000_000))
        assert "the disk that keeps the state is full" in cramped.log()
        assert "Traceback" not in cramped.log()
        sandbox.commands.run("rm large")
        sandbox.files.write("other", "also kept")
        assert {entry.name for entry in sandbox.files.list(".")} == {"small", "other"}
