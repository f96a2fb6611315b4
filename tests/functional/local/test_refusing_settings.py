"""A setting that cannot be used stops the start of a server, with one sentence that names it."""

import os
import subprocess
import sys

import pytest

from tests.support.server import ROOT


def start(name: str, value: str) -> "subprocess.CompletedProcess[str]":
    """`lambent dev` with that setting, until it ends."""
    kept = {word: given for word, given in os.environ.items() if not word.startswith("LAMBENT_")}
    command = [sys.executable, "-m", "chalicelib.cli.main", "dev", "--port", "0", "--model", "none", "--ephemeral"]
    return subprocess.run(
        command, cwd=ROOT, env=kept | {name: value}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAMBENT_SANDBOX", "docker"),
        ("LAMBENT_SANDBOX_MEMORY_MIB", "lots"),
        ("LAMBENT_MICROVM_START_SECONDS", "0"),
        ("LAMBENT_MODEL_TIMEOUT", "long"),
        ("LAMBENT_SEARCH_PROVIDER", "the web"),
        ("LAMBENT_SIGN_IN_MAKES_TENANTS", "perhaps"),
        ("LAMBENT_EMBEDDING_PROVIDER", "mine"),
    ],
)
def test_the_setting_is_named_in_one_sentence(name: str, value: str) -> None:
    done = start(name, value)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {name} must be ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
