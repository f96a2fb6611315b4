"""Names of files inside a skill."""

from collections.abc import Iterable

from chalicelib.skills.errors import invalid

_MOST_BYTES = 512
_MOST_PART_BYTES = 255
_MOST_DEEP = 16


def checked(given: str) -> str:
    """The path without what means nothing. Raises InvalidSkill for one that is absolute, climbs or cannot be a name."""
    shown = ascii(given[:80])
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in given) or "\\" in given:
        raise invalid("files", f"the name {shown} holds a control character or a backslash")
    try:
        raw = given.encode()
    except UnicodeEncodeError:
        raise invalid("files", f"the name {shown} is not UTF-8") from None
    if given.startswith("/"):
        raise invalid("files", f"the name {shown} is absolute")
    parts = [part for part in given.split("/") if part != "."]
    if ".." in parts:
        raise invalid("files", f"the name {shown} climbs out of the skill")
    if not parts or "" in parts:
        raise invalid("files", f"the name {shown} has an empty part")
    if (
        len(raw) > _MOST_BYTES
        or len(parts) > _MOST_DEEP
        or any(len(part.encode()) > _MOST_PART_BYTES for part in parts)
    ):
        raise invalid("files", f"the name {shown} is too long or too deep")
    return "/".join(parts)


def demand_apart(paths: Iterable[str]) -> None:
    """No path stands twice, and none is a folder of another. Raises InvalidSkill."""
    files, folders = set[str](), set[str]()
    for path in paths:
        if path in files:
            raise invalid("files", f"{path[:80]!a} is there more than once")
        files.add(path)
        parts = path.split("/")
        folders.update("/".join(parts[:deep]) for deep in range(1, len(parts)))
    if both := files & folders:
        raise invalid("files", f"{min(both)[:80]!a} is a file and a folder")


def top_folder(paths: Iterable[str]) -> str | None:
    """The one folder that all paths lie in; None when there is no such."""
    tops = {path.split("/", 1)[0] if "/" in path else None for path in paths}
    return tops.pop() if len(tops) == 1 else None
