"""What the tests of sandboxes share."""

import time
from collections.abc import Callable

from e2b import Sandbox

from tests.support.patience import PATIENCE


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether the condition comes true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def is_alive(sandbox: Sandbox, pid: int) -> bool:
    """Whether a process is there and not just a remainder that waits for its parent."""
    told = sandbox.commands.run(f"grep -s State: /proc/{pid}/status || true").stdout
    return told != "" and "Z (" not in told
