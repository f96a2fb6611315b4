"""Secrets taken out of what comes back."""

from chalicelib.sandbox.box.egress.spellings import spellings

_MASK = b"*"
_MOST_SHOWN_EARLY = 4


class Masks:
    """Knows the values that must not be seen inside, in their spellings."""

    def __init__(self, values: tuple[str, ...]) -> None:
        # The longest first: a value may begin with another one.
        self._spellings = sorted({one for value in values for one in spellings(value)}, key=len, reverse=True)
        self.longest = max(map(len, self._spellings), default=0)

    def masked(self, data: bytes) -> bytes:
        """The same with every value covered; the length stays, because others count on it."""
        for one in self._spellings:
            if one in data:
                data = data.replace(one, _MASK * len(one))
        return data

    def begun(self, data: bytes) -> int:
        """How many bytes at the end may be the beginning of a value."""
        start = max(0, len(data) - self.longest + 1)
        return max((_begun(data, one, start) for one in self._spellings), default=0)


class Scrubber:
    """Covers values in a stream. What may be the beginning of one is held back until more comes."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._held = b""
        self._shown = 0

    @property
    def holding(self) -> bool:
        """Whether ``pause`` would give something."""
        return min(len(self._held), _MOST_SHOWN_EARLY) > self._shown

    def feed(self, data: bytes) -> bytes:
        """What may go on after these came."""
        known = self._masks.masked(self._held + data)
        keep = len(known) - self._masks.begun(known)
        out, self._held = known[self._shown : keep], known[keep:]
        self._shown = max(0, self._shown - keep)
        return out

    def pause(self) -> bytes:
        """A few of the held bytes: a message that happens to end like a value begins must not wait for ever."""
        out = self._held[self._shown : _MOST_SHOWN_EARLY]
        self._shown += len(out)
        return out

    def end(self) -> bytes:
        """The rest."""
        out, self._held, self._shown = self._held[self._shown :], b"", 0
        return out


def _begun(data: bytes, wanted: bytes, start: int) -> int:
    at = data.find(wanted[:1], start)
    while at >= 0:
        if wanted.startswith(data[at:]):
            return len(data) - at
        at = data.find(wanted[:1], at + 1)
    return 0
