"""Server-sent events, reduced to what model APIs use: the data of each event."""


class DataDecoder:
    """Bytes in, payloads out; an event may come in any number of pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete with this piece."""
        text = self._rest + data if self._rest else data
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        *events, self._rest = text.split(b"\n\n")
        return [payload for event in events if (payload := _data(event))]

    def end(self) -> list[bytes]:
        """What is left when the stream is over: an event without its closing blank line."""
        rest, self._rest = self._rest, b""
        payload = _data(rest)
        return [payload] if payload else []


def _data(event: bytes) -> bytes:
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)
