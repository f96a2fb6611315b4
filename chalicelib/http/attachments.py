"""Content that is saved where it arrives."""

from urllib.parse import quote


def attachment(filename: str, size: int) -> dict[str, str]:
    """How content of ``size`` bytes travels: to be saved under a name, never shown as a page of this server."""
    plain = "".join(letter if " " <= letter < "\x7f" and letter not in '"\\' else "_" for letter in filename)
    return {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}",
        "content-length": str(size),
        "x-content-type-options": "nosniff",
    }
