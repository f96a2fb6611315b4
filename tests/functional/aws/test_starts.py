"""What each function imports when Lambda starts it, seen in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROBE = "import json, sys, app; print(json.dumps(sorted(sys.modules)))"


def modules(handler: str) -> set[str]:
    env = {"PATH": os.environ["PATH"], "_HANDLER": handler, "AWS_DEFAULT_REGION": "us-east-1", "LAMBENT_STAGE": "aws"}
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("handler", ["app.app", "app.stream", "app.tick", "app.dead_letters", "app.run_worker"])
def test_no_function_starts_with_a_model_sdk(handler: str) -> None:
    loaded = modules(handler)
    assert {"chalicelib.http.app", "chalicelib.runs.entry"} & loaded
    assert not {"anthropic", "openai", "moto", "xllamacpp"} & loaded


def test_functions_without_http_load_no_http() -> None:
    assert not {"starlette", "mangum"} & modules("app.tick")


def test_making_the_package_loads_no_part_of_the_product() -> None:
    ours = {name for name in modules("") if name.startswith("chalicelib.")}
    assert ours == {"chalicelib.aws", "chalicelib.aws.preload"}
