"""Which e-mail addresses may sign in, and which places people may be sent back to."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from chalicelib.core.errors import InvalidRequest

EVERYBODY = "*"
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,255}")
_PATH = re.compile(r"/(?:[\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?")
_LONGEST_PATH = 1024


def is_address(text: str) -> bool:
    """Whether a text has the form of one e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


def same(text: str) -> str:
    """The form in which addresses are compared. Only ASCII letters lose their case: others would become like them."""
    return text.lower() if text.isascii() else text


class AllowList:
    """Domains (``example.com``, which leaves out what is below it), addresses, and ``*`` for everybody."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = frozenset(same(entry.removeprefix("@")) for entry in entries)

    def permits(self, email: str) -> bool:
        """Whether the holder of a verified address may come in."""
        if not is_address(email):
            return False
        whole = same(email)
        return bool(self._entries & {EVERYBODY, whole, whole.partition("@")[2]})


def checked_path(text: str | None) -> str:
    """A path on the console's own host; empty when none is asked for. Raises InvalidRequest for anything else."""
    if not text:
        return ""
    if len(text) > _LONGEST_PATH or not _PATH.fullmatch(text):
        raise InvalidRequest("return_to: must be a path such as /sessions", field="return_to")
    return text


def destination(console: str, path: str) -> str:
    """The absolute address people are sent to: the console, or a path of its host."""
    if not path:
        return console
    parts = urlsplit(console)
    return f"{parts.scheme}://{parts.netloc}{path}"
