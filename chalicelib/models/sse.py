"""Server-sent events, reduced to what model APIs use: the data of each event."""

MOST_BYTES = 16 << 20
"""So long may an event be that is not whole yet."""


class EventTooLong(ValueError):
    """An event does not come to an end."""


class DataDecoder:
    """Bytes in, payloads out; an event may come in any number of pieces."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._looked = 0
        self._return = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete with this piece. Raises EventTooLong."""
        data, self._return = self._return + data, b""
        if b"\r" in data:
            if data.endswith(b"\r"):
                data, self._return = data[:-1], b"\r"
            data = data.replace(b"\r\n", b"\n")
        self._rest += data
        found, start = [], 0
        while (end := self._rest.find(b"\n\n", max(start, self._looked - 1))) >= 0:
            found.append(bytes(self._rest[start:end]))
            start = end + 2
        del self._rest[:start]
        self._looked = len(self._rest)
        if self._looked > MOST_BYTES:
            raise EventTooLong("an event of the stream does not end")
        return [payload for event in found if (payload := _data(event))]

    def end(self) -> list[bytes]:
        """What is left when the stream is over: an event without its closing blank line."""
        rest, self._rest = bytes(self._rest), bytearray()
        self._looked = 0
        payload = _data(rest)
        return [payload] if payload else []


def _data(event: bytes) -> bytes:
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return lines[0] if len(lines) == 1 else b"\n".join(lines)
