"""The pages of the documentation, as programs: what they show in a language, at the lines where it stands."""

import re
from pathlib import Path

from tests.support.server import ROOT

PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
_FENCE = re.compile(r"```(\w*)$")
# Above a block that cannot be run, with the reason.
_NOT_RUN = re.compile(r"<!-- not run: \S.* -->$")


def program(page: Path, language: str) -> str:
    """All blocks of a language, one after the other; empty when there are none.

    Every line stands where it stands on the page, so that a traceback names the page's lines.
    """
    lines: list[str] = []
    inside, above = "", ""
    for line in page.read_text().splitlines():
        fence = _FENCE.match(line)
        if fence:
            inside = "" if inside else _kind(fence[1] or "text", above)
        lines.append(line if inside == language and not fence else "")
        above = line or above
    return "\n".join(lines) + "\n" if any(lines) else ""


def _kind(language: str, above: str) -> str:
    return "text" if _NOT_RUN.match(above) else language


def programs(language: str) -> list[tuple[Path, str]]:
    """Each page that has something to run in a language, with the program in it."""
    found = [(page, program(page, language)) for page in PAGES]
    return [(page, text) for page, text in found if text]
