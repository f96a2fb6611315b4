"""Writes docs/openapi.json from the route tables; ``--check`` only compares and tells what differs."""

import argparse
import json
import sys
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "openapi.json"
_SHOWN_LINES = 40


def rendered() -> str:
    """The document as the file has it."""
    from chalicelib.doors import all_doors
    from chalicelib.http.openapi import document

    return json.dumps(document(all_doors()), indent=1, ensure_ascii=False) + "\n"


def difference(old: str, new: str) -> list[str]:
    """The first lines that differ."""
    lines = list(unified_diff(old.splitlines(), new.splitlines(), "docs/openapi.json", "the route tables", "", "", 2))
    more = len(lines) - _SHOWN_LINES
    return lines[:_SHOWN_LINES] + ([f"… and {more} more lines"] if more > 0 else [])


def main(arguments: list[str]) -> int:
    """Exit status 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    parser.add_argument("--file", type=Path, default=TARGET, help="the file to write or compare")
    chosen = parser.parse_args(arguments)
    new = rendered()
    if not chosen.check:
        chosen.file.write_text(new, "utf-8")
        return 0
    old = chosen.file.read_text("utf-8") if chosen.file.exists() else ""
    if old == new:
        return 0
    print(*difference(old, new), sep="\n")
    print("docs/openapi.json is behind the routes; renew it with: make openapi")
    return 1


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
