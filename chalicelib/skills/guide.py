"""Reads the guide of a skill: its front matter and its body."""

from dataclasses import dataclass

from chalicelib.skills.errors import invalid
from chalicelib.skills.model import GUIDE, MIB, MOST_BODY

MOST_GUIDE_BYTES = MIB
_MOST_HEAD, _MOST_BRACKETS = 16_384, 256
_FENCE = "---"


@dataclass(frozen=True, slots=True)
class Guide:
    """What a guide says; ``name`` and ``description`` are empty where its front matter does not tell."""

    name: str = ""
    description: str = ""
    body: str = ""

    def shown_body(self) -> tuple[str, bool]:
        """As much of the body as is ever given to a model at once, and whether that is not all."""
        return self.body[:MOST_BODY], len(self.body) > MOST_BODY


def read(raw: bytes) -> Guide:
    """The guide behind a file's bytes. Raises InvalidSkill."""
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise invalid("files", f"{GUIDE} is not UTF-8") from None
    if "\0" in text:
        raise invalid("files", f"{GUIDE} holds a NUL character")
    head, body = _split(text)
    said = _front_matter(head)
    return Guide(_line(said, "name"), _line(said, "description"), body.strip("\n"))


def _split(text: str) -> tuple[str, str]:
    """Front matter and body; a guide without front matter is all body."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return "", text
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :])
    raise invalid("files", f"the front matter of {GUIDE} does not end")


def _front_matter(head: str) -> dict[str, object]:
    if not head.strip():
        return {}
    if len(head) > _MOST_HEAD or head.count("[") + head.count("{") > _MOST_BRACKETS:
        # The parser's time grows with the square of what is nested.
        raise invalid("files", f"the front matter of {GUIDE} is too long or too deep")
    import yaml  # type: ignore[import-untyped]

    try:
        # Every value as the text that stands there: a name like 2024 or no stays what it is.
        said = yaml.load(head, Loader=yaml.BaseLoader)  # noqa: S506 - makes nothing but text, lists and mappings
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" at line {mark.line + 2}"
        raise invalid("files", f"the front matter of {GUIDE} is not YAML{where}") from None
    if not isinstance(said, dict):
        raise invalid("files", f"the front matter of {GUIDE} is not a mapping")
    return said


def _line(said: dict[str, object], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise invalid("files", f"{name} in the front matter of {GUIDE} must be text")
    return " ".join(value.split())
