"""What can go wrong with files."""

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, NotFound


class FileNotFound(NotFound):
    """No such file of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such file")


class FileExpired(FileNotFound):
    """The file's time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.message, self.code = "the file has expired", "file_expired"


class FileNotDownloadable(Forbidden):
    """The file's content may not be read by clients."""

    def __init__(self) -> None:
        super().__init__("the content of this file cannot be downloaded", code="file_not_downloadable")


class FileDiffers(Conflict):
    """A repeated upload brought other content than the first."""


class ScopeNotFound(NotFound):
    """The session a file is to belong to does not exist."""


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its name."""
    return InvalidRequest(f"{field}: {reason}", field=field)
