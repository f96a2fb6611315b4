"""Building plain text out of running text, lines and paragraphs."""

import re
from dataclasses import dataclass, field

_SPACES = re.compile(r"[ \t\n\r\f]+")


@dataclass(slots=True)
class Flow:
    """Text under construction; white space is owed until something follows it."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    newlines: int = 0
    space: bool = False

    def write(self, text: str) -> None:
        """Exactly this text, after the white space that is owed."""
        if self.length:
            lead = "\n" * self.newlines or (" " if self.space else "")
            self.pieces.append(lead)
            self.length += len(lead)
        self.newlines, self.space = 0, False
        self.pieces.append(text)
        self.length += len(text)

    def run(self, text: str) -> None:
        """Running text: any white space is one space."""
        words = _SPACES.sub(" ", text)
        self.space = self.space or words.startswith(" ")
        if bare := words.strip(" "):
            self.write(bare)
            self.space = words.endswith(" ")

    def verbatim(self, text: str) -> None:
        """Preformatted text: its lines stay."""
        body = text.strip("\n")
        lines = len(text) - len(text.lstrip("\n"))
        self.newlines = max(self.newlines, lines)
        if body:
            self.write(body)
            self.newlines = len(text) - len(text.rstrip("\n"))

    def line(self, newlines: int = 1) -> None:
        """What follows begins a new line, or with 2 a new paragraph."""
        self.newlines = max(self.newlines, newlines)

    def aside(self, text: str) -> None:
        """A word right behind what was written, leaving the white space owed as it is."""
        space, newlines = self.space, self.newlines
        self.space, self.newlines = True, 0
        self.write(text)
        self.space, self.newlines = space, newlines

    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces).strip()
