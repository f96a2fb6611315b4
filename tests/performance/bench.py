"""Measures the server as a process against a scripted model, and counts its AWS calls.

    python -m tests.performance.bench [--quick] [--json FILE] [--only http|calls|boxes]

The model is a process of its own; the variable LAMBENT_BENCH_MODEL may name another script to be it. Two servers are
measured in turns, one that keeps nothing and one that keeps its state, so that noise meets both alike.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.performance import boxes, calls
from tests.performance.bench_model import BenchModel, bench_model
from tests.performance.figures import Figure, save, table
from tests.performance.footprint import resident_mb
from tests.performance.site import Site
from tests.performance.toolhost import tool_host
from tests.support.server import Server

_SETTLED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    rounds: int
    starts: int
    turns: int
    long: int
    edge: int
    seconds: float


FULL, QUICK = Size(6, 4, 10, 500, 15, 2.0), Size(2, 1, 8, 40, 8, 1.0)


def started(env: dict[str, str], state: Path | None, starts: int, ready: Figure, idle: Figure) -> Server:
    """A fresh server; it is started as often as asked, to see how long that takes and what it needs at rest."""
    for left in reversed(range(starts)):
        server = Server(env, state)
        before = time.monotonic()
        server.start()
        ready.add(time.monotonic() - before)
        time.sleep(_SETTLED_SECONDS)
        idle.add(resident_mb(server.pid))
        if left:
            server.kill()
    return server


async def measure(sites: list[Site], size: Size) -> None:
    """Everything over HTTP, in turns."""
    for site in sites:
        await site.prepare()
    for site in sites:
        await site.turns(3)
        site.figures["one-call turn over the model's own"].samples.clear()
    for _ in range(size.rounds):
        for site in sites:
            await site.creates(2 * size.turns)
            await site.first_tokens(size.turns)
            await site.turns(size.turns)
            await site.processor(2 * size.turns)
            await site.tool_turns(2)
            await site.at_once()
    for site in sites:
        await site.reads(size.seconds)
        await site.readers(size.turns)
    await sites[0].long_session(size.long, size.edge)


def over_http(model: BenchModel, size: Size, groups: dict[str, list[Figure]]) -> None:
    """Measure both servers into ``groups``."""
    env = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "provider-key"}
    with ExitStack() as stack:
        tool_url = stack.enter_context(tool_host())
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lambent-bench-")))
        sites = []
        for title, kept in (("ephemeral", None), ("with a state directory", state)):
            ready, idle = Figure("from start to ready", "s", 2), Figure("resident at rest", "MiB", 120)
            server = stack.enter_context(started(env, kept, size.starts, ready, idle))
            after = Figure("resident after all turns", "MiB")
            sites.append(Site(server, model, tool_url))
            groups[title] = [ready, idle, after]
        asyncio.run(measure(sites, size))
        for site, figures in zip(sites, groups.values(), strict=True):
            figures[2].add(resident_mb(site.server.pid))
            figures += site.figures.values()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer samples, below 40 seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", choices=["http", "calls", "boxes"], help="one part of it")
    chosen = parser.parse_args()
    begun = time.monotonic()
    groups: dict[str, list[Figure]] = {}
    more: dict[str, Any] = {}
    with bench_model() as model:
        if chosen.only in (None, "http"):
            over_http(model, QUICK if chosen.quick else FULL, groups)
            print(table(groups), end="\n\n")
        if chosen.only in (None, "boxes"):
            sandboxes = {"sandboxes": boxes.measure(2 if chosen.quick else 8)}
            print(table(sandboxes), end="\n\n")
            groups |= sandboxes
        if chosen.only in (None, "calls"):
            more["calls"] = counted = calls.count(model.url)
            print(calls.table(counted))
    more["seconds"] = round(time.monotonic() - begun, 1)
    if chosen.json:
        save(chosen.json, groups, more)
    print(f"\nmeasured in {more['seconds']:.0f} s")


if __name__ == "__main__":
    main()
