"""The parts of a text that get vectors: a bounded number, whatever its length."""

import re

MOST = 6
LONGEST = 480
_BREAKS = re.compile("(?<=[.!?])\\s+|(?<=[\u3002\uff01\uff1f])|\n")


def passages(text: str) -> list[str]:
    """Pieces of at most ``LONGEST`` characters, cut where sentences end.

    Of a long text these are its beginning and an even choice of the rest.
    """
    pieces = _pieces(text)
    if len(pieces) <= MOST:
        return pieces
    step = (len(pieces) - 1) / (MOST - 1)
    return [pieces[round(number * step)] for number in range(MOST)]


def _pieces(text: str) -> list[str]:
    found: list[str] = []
    held = ""
    for sentence in _BREAKS.split(text):
        for part in _cut(sentence.strip()):
            if held and len(held) + len(part) >= LONGEST:
                found.append(held)
                held = ""
            held = f"{held} {part}" if held else part
    return [*found, held] if held else found


def _cut(sentence: str) -> list[str]:
    return [sentence[at : at + LONGEST] for at in range(0, len(sentence), LONGEST)]
