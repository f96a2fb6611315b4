"""What a bundle costs: its size, and what each function's start imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SIZE_LIMIT = 250 * 1024 * 1024
HANDLERS = ("app.app", "app.run_worker", "app.dead_letters", "app.tick", "stream runtime")
MODEL_SDKS = ("anthropic", "openai")

# What Lambda's own Python brings, taken from this environment.
_PROVIDED = ("boto3", "botocore", "jmespath", "dateutil", "s3transfer", "six.py", "urllib3")

_PROBE = """
import json, sys, time
sys.path[:0] = json.loads(sys.argv[1])
wall, cpu = time.perf_counter(), time.process_time()
if sys.argv[2] == "stream runtime":
    import chalicelib.aws.stream_runtime.__main__ as runtime
    runtime.make_app(runtime.DEFAULT_APP)
else:
    import app
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, sorted(sys.modules)]))
"""


class BundleTooBigError(Exception):
    """Lambda would refuse the bundle."""


class StartTooHeavyError(Exception):
    """A function imports at its start what only a run that calls a model needs."""


@dataclass(frozen=True)
class Start:
    """What one function imports at its start; times in seconds, best of a few."""

    wall: float
    cpu: float
    modules: frozenset[str]
    heaviest: list[tuple[str, float]]


def provided(folder: Path) -> Path:
    """A directory like that of Lambda's runtime: boto3 and what it needs, nothing else."""
    import boto3

    packages = Path(boto3.__file__).parent.parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PROVIDED:
        link = folder / name
        if not link.exists():
            link.symlink_to(packages / name)
    return folder


def measure(bundle: Path, runtime: Path, handler: str, *, times: int = 3) -> Start:
    """Starts `handler` in fresh processes that see only the bundle, `runtime` and the standard library.

    Raises:
        subprocess.CalledProcessError: it does not start; its own words are on standard error.
    """
    runs = [json.loads(_start(bundle, runtime, handler).stdout.splitlines()[-1]) for _ in range(times)]
    traced = _start(bundle, runtime, handler, "-X", "importtime").stderr
    wall, cpu = min(run[0] for run in runs), min(run[1] for run in runs)
    return Start(wall=wall, cpu=cpu, modules=frozenset(runs[0][2]), heaviest=_heaviest(traced))


def _start(bundle: Path, runtime: Path, handler: str, *options: str) -> subprocess.CompletedProcess[str]:
    # Without site-packages (-S) a package missing from the bundle is missing here too.
    command = [sys.executable, *options, "-S", "-E", "-B", "-c", _PROBE, json.dumps([str(bundle), str(runtime)])]
    env = {"PATH": os.environ["PATH"], "_HANDLER": handler, "AWS_DEFAULT_REGION": "us-east-1"} | SETTINGS
    done = subprocess.run([*command, handler], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        done.check_returncode()
    return done


# Stand-ins for what the template puts into every function's environment.
SETTINGS = {
    "LAMBENT_STAGE": "aws",
    "LAMBENT_TABLE": "state",
    "LAMBENT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/runs.fifo",
    "LAMBENT_DLQ_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/runs-dead.fifo",
    "LAMBENT_BUCKET": "bucket",
    "LAMBENT_ROOT_KEY_SHA256": "0" * 64,
}


def _heaviest(trace: str) -> list[tuple[str, float]]:
    """Seconds by top-level package, from the interpreter's own import trace; the six longest."""
    spent: dict[str, float] = defaultdict(float)
    for line in trace.splitlines():
        own, _, name = line.removeprefix("import time:").partition("|")
        if own.strip().isdigit():
            spent[name.partition("|")[2].strip().partition(".")[0]] += int(own) / 1e6
    return sorted(spent.items(), key=lambda item: -item[1])[:6]


def size_of(tree: Path) -> int:
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


def describe(bundle: Path, archive: Path, runtime: Path) -> str:
    """The report, a line for each fact.

    Raises:
        BundleTooBigError: the bundle is over Lambda's limit.
        StartTooHeavyError: a function starts with a model SDK.
    """
    unzipped = size_of(bundle)
    if unzipped > SIZE_LIMIT:
        raise BundleTooBigError(f"{unzipped} bytes unzipped; Lambda takes {SIZE_LIMIT}")
    share = unzipped / SIZE_LIMIT
    lines = [f"{archive}: {_mb(archive.stat().st_size)}; unzipped {_mb(unzipped)}, {share:.0%} of the limit"]
    for handler in HANDLERS:
        start = measure(bundle, runtime, handler)
        heavy = ", ".join(f"{name} {seconds * 1000:.0f}" for name, seconds in start.heaviest)
        if sdks := [name for name in MODEL_SDKS if name in start.modules]:
            raise StartTooHeavyError(f"{handler} imports {', '.join(sdks)}")
        lines.append(
            f"{handler:16} start {start.wall * 1000:5.0f} ms, cpu {start.cpu * 1000:5.0f} ms,"
            f" {len(start.modules)} modules; ms: {heavy}"
        )
    return "\n".join(lines)


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
