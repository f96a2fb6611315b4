"""What each function imports while Lambda starts it.

All functions share one bundle and one entry module, and each pays for its own imports only. They happen in
the start phase, which has a whole processor whatever the function's memory.
"""

from __future__ import annotations

import importlib
import os

_QUEUE = ("chalicelib.aws.queue", "chalicelib.runs.entry", "boto3")
_HTTP = ("chalicelib.aws.rest", "chalicelib.http.app", "boto3")
_MODULES = {
    "app.app": _HTTP,
    "app.stream": _HTTP,
    "app.run_worker": _QUEUE,
    "app.dead_letters": _QUEUE,
    "app.tick": _QUEUE,
}


def for_handler(handler: str | None = None) -> None:
    """Makes ready what `handler` needs, by default the one Lambda was told to run. Outside
    of Lambda, as when the bundle is made, it does nothing."""
    modules = _MODULES.get(handler or os.environ.get("_HANDLER", ""), ())
    for module in modules:
        importlib.import_module(module)
    if modules is _HTTP:
        importlib.import_module("chalicelib.aws.rest").prepare()
