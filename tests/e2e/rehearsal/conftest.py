"""The package, deployed to an AWS emulator once for all tests here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def scripts() -> Iterator[Any]:
    sys.path.insert(0, str(ROOT / "scripts"))
    import rehearse_conversation
    import rehearse_deploy
    import rehearse_stack

    yield SimpleNamespace(conversation=rehearse_conversation, deploy=rehearse_deploy, client=rehearse_stack.client)
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(scope="session")
def stack(scripts: Any) -> Iterator[Any]:
    """A fresh package, deployed: `.deployment`, `.root_key` and the emulator's `.log`."""
    subprocess.run([sys.executable, ROOT / "scripts" / "package.py", "--no-report"], check=True)
    with scripts.deploy.deployed() as (deployment, root_key, log):
        yield SimpleNamespace(deployment=deployment, root_key=root_key, log=log)


@pytest.fixture
def tenant(scripts: Any, stack: Any) -> Any:
    return scripts.conversation.tenant(stack.deployment.api_url, stack.root_key)
