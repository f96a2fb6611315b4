"""What the README and the documentation show can be pasted: all of a page, in order, works as it stands there.

A block that cannot be run has a comment above it that says why; JavaScript is run with its SDKs, in `typescript`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.model_server import FakeModel
from tests.support.pages import programs
from tests.support.server import Server

SECONDS = 120
ADDRESS, KEY = "http://127.0.0.1:8000", "lmb_…"
# Answers of 400 and above end a script, as they would stop a reader.
SHELL = 'set -euo pipefail; curl() { command curl --fail-with-body "$@"; }'
FOUND = {
    ("README.md", "sh"): ["event: agent.message\n", "event: session.status_idle\n"],
    ("README.md", "python"): ["agent.message\n", "session.status_idle\n"],
    ("quickstart.md", "sh"): ["event: agent.message_chunk\n", "agent.message  hi word", '"status": "idle"'],
    ("quickstart.md", "python"): ["hi word word", "5 data.txt"],
    ("how-to.md", "sh"): ["event: agent.message\n", '"matched":', '"model_calls":', '"imported_from":'],
    ("how-to.md", "python"): ["Take an umbrella.", "Half full.", r"sum.txt b'3\n'"],
    ("openai.md", "python"): ["hi word word"],
    ("e2b.md", "python"): ["5 data.txt"],
    ("operations.md", "sh"): ['"name":"Dashboard"', '"write":600', '"set_by":"operator"', '"status":"suspended"'],
    ("self-hosted.md", "sh"): ['"key":"lmbe_'],
    ("sign-in.md", "sh"): ['"type":"tenant_invitation"'],
}
"""What the programs print, among other things."""


def use(name: str, **given: object) -> dict[str, object]:
    return {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": given}


def said(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


SUM = "awk -F, '{ sum += $2 } END { print sum }' /workspace/numbers.csv > /mnt/session/outputs/sum.txt"
REPLIES = [
    {"match": "weather in Paris", "blocks": [use("get_weather", city="Paris")]},
    {"match": "weather in Paris", "blocks": [said("Take an umbrella.")]},
    {"match": "How full is the disk", "blocks": [use("bash", command="df -h")]},
    {"match": "How full is the disk", "blocks": [said("Half full.")]},
    {"match": "Add up /workspace", "blocks": [use("bash", command=SUM)]},
]
"""What the model says where a page needs more than an answer."""


RUN_BY = {"sh": "bash", "python": sys.executable}
NO_SHELL = not (shutil.which("curl") and shutil.which("jq"))


@pytest.mark.parametrize(
    ("page", "language", "text"),
    [
        pytest.param(page, language, text, id=f"{page.name}-{language}")
        for language in RUN_BY
        for page, text in programs(language)
    ],
)
def test_a_page_works_as_it_stands(
    server: Server, key: str, model: FakeModel, tmp_path: Path, page: Path, language: str, text: str
) -> None:
    if language == "sh" and NO_SHELL:
        pytest.skip("curl and jq are not installed")
    model.script(*REPLIES)
    program = tmp_path / page.name
    program.write_text((SHELL if language == "sh" else "") + text.replace(ADDRESS, server.url).replace(KEY, key))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "OPENAI_", "E2B_"))}
    done = subprocess.run(
        [RUN_BY[language], str(program)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=tmp_path,
        env=kept | {"LAMBENT": server.url, "KEY": key, "ROOT_KEY": server.root_key} | of_sdks(server, key),
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert [words for words in FOUND.get((page.name, language), ()) if words not in done.stdout] == []


def of_sdks(server: Server, key: str) -> dict[str, str]:
    """The variables that the pages on OpenAI's and E2B's SDKs have their readers set."""
    return {
        "OPENAI_BASE_URL": f"{server.url}/openai/v1",
        "OPENAI_API_KEY": key,
        "E2B_API_URL": server.url,
        "E2B_SANDBOX_URL": server.url,
        "E2B_API_KEY": key,
    }
