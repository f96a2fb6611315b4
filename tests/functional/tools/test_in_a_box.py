"""The tools in a sandbox as production isolates it: own processes, own files, limits."""

from collections.abc import Iterator

import pytest

from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.client import GuestClient
from chalicelib.sandbox.hosts.base import BoxSpec, Limits
from chalicelib.sandbox.hosts.local import LocalHost
from chalicelib.tools.base import Tool
from chalicelib.tools.bash import Bash
from chalicelib.tools.edit import Edit
from chalicelib.tools.glob import Glob
from chalicelib.tools.grep import Grep
from chalicelib.tools.read import Read
from chalicelib.tools.write import Write
from tests.functional.sandbox.box.inside import isolated, passable
from tests.functional.tools.contexts import context
from tests.functional.tools.sandboxes import text_of


class Boxed:
    """The way to a box that nothing is stored from."""

    def __init__(self, client: GuestClient) -> None:
        self._client = client
        self._calls = 0

    def client(self) -> GuestClient:
        return self._client

    def persist(self, paths: object = None) -> None:
        return

    def lost(self) -> None:
        return

    def notice(self) -> None:
        return

    def says(self, tool: Tool, **arguments: object) -> str:
        """The text of a tool's result."""
        self._calls += 1
        return text_of(tool.run(context(sandbox=self, tool_use_id=f"use_{self._calls}"), arguments))


@pytest.fixture(scope="module")
def box() -> Iterator[Boxed]:
    """One box for all."""
    with passable() as scratch:
        host = LocalHost(isolated(BoxSettings(scratch=scratch)))
        try:
            handle = host.start(BoxSpec("t", "box", {"GIVEN": "yes"}, limits=Limits(disk_mib=32)))
            client = GuestClient(host.link(handle))
            yield Boxed(client)
            client.close()
        finally:
            host.close()


def test_the_shell(box: Boxed) -> None:
    assert box.says(Bash(), command="cd /tmp; x=1; echo $GIVEN $HOME; id -u | wc -l") == "yes /workspace\n1"
    assert "was stopped after 0.3 s" in box.says(Bash(), command="sleep 60; echo no", timeout=300)
    assert box.says(Bash(), command="echo $PWD $x; jobs; exit 3").startswith("/tmp 1\nexit=3\n")
    assert box.says(Bash(), command="echo $PWD").startswith("/workspace\n[The shell had ended.")


def test_files(box: Boxed) -> None:
    assert box.says(Write(), file_path="src/f.py", content="one\ntwo\n") == "Wrote 8 bytes to /workspace/src/f.py."
    assert box.says(Edit(), file_path="src/f.py", old_string="two", new_string="2").endswith("     1\tone\n     2\t2")
    assert box.says(Read(), file_path="src/f.py") == "     1\tone\n     2\t2"
    assert box.says(Glob(), pattern="*.py") == "/workspace/src/f.py"
    assert box.says(Grep(), pattern="^2$") == "/workspace/src/f.py:2:2"
    assert box.says(Bash(), command="cat ~/src/f.py") == "one\n2"


def test_what_is_closed_is_told_when_it_is_named(box: Boxed) -> None:
    box.says(Bash(), command="mkdir -p shut; echo needle | tee secret open shut/in > made; chmod 0 shut secret")
    for name in ("shut", "secret"):
        assert "permission denied" in box.says(Grep(), pattern="needle", path=name)
    assert "permission denied" in box.says(Glob(), pattern="*", path="shut")
    found = box.says(Grep(), pattern="needle", output_mode="files_with_matches")
    assert found.split() == ["/workspace/made", "/workspace/open"]
    box.says(Bash(), command="chmod 700 shut; rm -rf shut secret open made")


def test_long_output_is_where_it_is_said_to_be(box: Boxed) -> None:
    text = box.says(Bash(), command="seq 1 200000")
    path = next(word for word in text.split() if word.startswith("/mnt/session/results/"))
    assert box.says(Bash(), command=f"tail -1 {path}; wc -l <{path}") == "200000\n200000"
    background = box.says(Bash(), command="echo quiet", run_in_background=True)
    log = background.split()[-1].rstrip(".")
    assert box.says(Bash(), command=f"sleep 0.2; cat {log}") == "quiet"


def test_a_full_disk_leaves_a_shell_to_tidy_up_with(box: Boxed) -> None:
    box.says(Bash(), command="head -c 100M /dev/zero >/workspace/full; head -c 100M /dev/zero >/tmp/full")
    assert "exit=" in box.says(Bash(), command="echo x >/workspace/more")
    assert "seq: write error" not in box.says(Bash(), command="seq 1 200000")
    assert box.says(Bash(), command="rm /workspace/full /tmp/full; echo x >/workspace/more && echo fits") == "fits"
