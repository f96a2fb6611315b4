"""Secrets that the other side of a call repeats."""

import json
import re
from collections.abc import Iterable
from typing import Any

_HIDDEN = "[hidden]"


def hide(value: Any, secrets: Iterable[str]) -> Any:
    """The same value without the secrets in its texts."""
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            value = value.replace(secret, _HIDDEN) if secret else value
        return value
    if isinstance(value, dict):
        return {hide(name, secrets): hide(one, secrets) for name, one in value.items()}
    return [hide(one, secrets) for one in value] if isinstance(value, list) else value


class HiddenFlow:
    """Bytes that come in pieces, without the secrets in them, however they are cut; also as JSON writes them.

    Only what may be the beginning of a secret waits for the next piece.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        self._kept = b""

    def take(self, piece: bytes) -> bytes:
        """What can be shown after a piece has come."""
        if not self._forms:
            return piece
        text, shown, done = self._kept + piece, [], 0
        begun = min((_begun(text, form) for form in self._forms), default=len(text))
        for found in self._pattern.finditer(text):
            if found.start() >= begun:
                break
            shown += [text[done : found.start()], _HIDDEN.encode()]
            done = found.end()
        until = max(done, begun)
        self._kept = text[until:]
        return b"".join((*shown, text[done:until]))

    def rest(self) -> bytes:
        """What is left when no piece comes any more."""
        kept, self._kept = self._kept, b""
        return self._pattern.sub(_HIDDEN.encode(), kept) if kept else b""


def _forms(secret: str) -> Iterable[bytes]:
    for written in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield written.encode()
        yield written.replace("/", "\\/").encode()


def _begun(text: bytes, form: bytes) -> int:
    """Where at the end of a text a form has begun and is not over; the text's length where it has not."""
    at = text.find(form[:1], max(0, len(text) - len(form) + 1))
    while at >= 0 and not form.startswith(text[at:]):
        at = text.find(form[:1], at + 1)
    return len(text) if at < 0 else at
