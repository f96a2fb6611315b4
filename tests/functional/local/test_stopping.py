"""How `lambent dev` ends: Ctrl-C is no failure and leaves nothing on standard error."""

from tests.support.server import Server


def test_a_server_that_is_stopped_says_nothing() -> None:
    with Server() as server:
        process = server.process
        server.stop()
        assert process is not None
        assert process.returncode == 0
        assert server.log() == ""
