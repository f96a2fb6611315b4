"""What holds for sandboxes in boxes of this machine holds for those in MicroVMs: the same tests, through E2B's SDKs.

Only connections end differently: none outlives the suspension of a MicroVM.
"""

import pytest
from e2b import Sandbox, SandboxException

from tests.e2e.e2b import test_lives as lives
from tests.e2e.e2b.test_commands import *  # noqa: F403
from tests.e2e.e2b.test_coroutines import *  # noqa: F403
from tests.e2e.e2b.test_creating import *  # noqa: F403
from tests.e2e.e2b.test_files import *  # noqa: F403
from tests.e2e.e2b.test_javascript import *  # noqa: F403
from tests.e2e.e2b.test_lives import *  # noqa: F403
from tests.e2e.e2b.test_ports import *  # noqa: F403
from tests.e2e.e2b.test_refusals import *  # noqa: F403
from tests.e2e.e2b.test_watching import *  # noqa: F403

pytestmark = pytest.mark.long

del globals()[lives.test_a_frozen_stream_goes_on_when_it_is_resumed.__name__]


def test_a_pause_ends_a_stream_and_not_its_process(sandbox: Sandbox, options: dict[str, str]) -> None:
    command = "sleep 1; echo survived > told; sleep 600"
    handle = sandbox.commands.run(command, background=True, timeout=0)
    sandbox.pause()
    with pytest.raises(SandboxException):
        handle.wait()
    Sandbox.connect(sandbox.sandbox_id, **options)
    assert sandbox.commands.run("until [ -s told ]; do sleep 0.1; done; cat told").stdout == "survived\n"
    assert handle.pid in [process.pid for process in sandbox.commands.list()]
    assert sandbox.commands.kill(handle.pid)
