"""What a model is told of an agent's skills: names and descriptions, and of some agents the guides in full.

The same session gives the same bytes, whenever it is asked: providers keep what they have seen before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.skills.model import GUIDE
from chalicelib.skills.places import FOLDER, WORKER_FOLDER

MOST_LINE = 1024
MOST_IN_FULL = 128_000
_HEAD = (
    "You have skills: folders with a guide and often scripts and other files for a certain kind of work. When a task "
    f"fits the description of one, read its {GUIDE} before you begin, and its other files when the guide sends you to "
    "them. Run its scripts where they stand; the folders are for reading only."
)

Document = Mapping[str, Any]


def section(agent: Document, skills: Sequence[Document], *, self_hosted: bool = False) -> str:
    """The part of the system prompt about an agent's skills; empty without any.

    ``skills`` are those pinned for its session. ``self_hosted``: a worker of the customer puts the folders into its
    working directory.
    """
    mine = _of(agent, skills)
    if not mine:
        return ""
    root = WORKER_FOLDER if self_hosted else FOLDER
    lines = [_line(one, f"{root}/{one['name'] if self_hosted else one['folder']}") for one in mine]
    parts = [_HEAD, "\n".join(lines), *_in_full(agent, mine)]
    return "\n\n".join(parts)


def _of(agent: Document, skills: Sequence[Document]) -> list[Document]:
    by_version = {one["version"]: one for one in skills}
    wanted = dict.fromkeys(one["version"] for one in agent.get("skills") or [])
    return [by_version[version] for version in wanted if version in by_version]


def _line(skill: Document, folder: str) -> str:
    description = " ".join(skill["description"].split())
    if len(description) > MOST_LINE:
        description = f"{description[:MOST_LINE]} …"
    return f"- {skill['name']} ({folder}/{GUIDE}): {description}"


def _in_full(agent: Document, mine: Sequence[Document]) -> list[str]:
    """The guides, as long as there is room for whole ones."""
    if agent.get("origin") != "plain":
        return []
    room, parts = MOST_IN_FULL, []
    for one in mine:
        body = one.get("body") or ""
        if not body or len(body) > room:
            continue
        room -= len(body)
        rest = f"\n[The guide goes on in {GUIDE}.]" if one.get("body_cut") else ""
        inner = f'<skill name="{one["name"]}">\n{body}{rest}\n</skill>'
        parts.append(f'<source name="skill:{one["id"]}">\n{inner}\n</source>')
    return parts
