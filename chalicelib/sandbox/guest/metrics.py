"""GET /metrics and GET /health."""

import os
import threading
import time

from . import paths, proctable
from .wire import Json, Reply, Request, Routes

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.1
_KIB = 1024


class _Processor:
    """The processor time all processes of the sandbox have used, from one look to the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[float, int] | None = None
        self._told = 0.0

    def used(self) -> float:
        """Percent of one processor, over the time since the last look (a short one at first)."""
        with self._lock:
            if self._last is None:
                self._last = _ticks()
                time.sleep(_SAMPLE_SECONDS)
            now, ticks = _ticks()
            elapsed = now - self._last[0]
            if elapsed >= _SAMPLE_SECONDS:
                # Of a process that ended without its parent asking, the time is lost.
                self._told = max(0.0, (ticks - self._last[1]) / _TICKS / elapsed * 100)
                self._last = (now, ticks)
            return round(self._told, 2)


_processor = _Processor()


def _ticks() -> tuple[float, int]:
    own = proctable.row(os.getpid())
    total = sum(row.ticks for row in proctable.descendants(os.getpid()))
    return time.monotonic(), total + (own.ticks if own else 0)


def _memory() -> dict[str, int]:
    with open("/proc/meminfo", encoding="ascii") as file:
        return {name: int(rest.split()[0]) * _KIB for name, _, rest in (line.partition(":") for line in file)}


def metrics(_request: Request) -> Reply:
    """What the sandbox uses: percent of one processor, and bytes."""
    machine = _memory()
    disk = os.statvfs(paths.real(paths.WORKSPACE))
    pages = sum(row.pages for row in proctable.descendants(os.getpid()))
    return Json(
        {
            "cpuCount": len(os.sched_getaffinity(0)),
            "cpuUsedPct": _processor.used(),
            "memUsed": pages * _PAGE,
            "memTotal": machine["MemTotal"],
            "memCache": machine.get("Cached", 0),
            "diskUsed": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
            "diskTotal": disk.f_blocks * disk.f_frsize,
        }
    )


def health(_request: Request) -> Reply:
    """The guest answers."""
    return Json(status=204)


ROUTES: Routes = {("GET", "/metrics"): metrics, ("GET", "/health"): health}
