"""What can go wrong with uploads whose content does not come through the API."""

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, PreconditionFailed


class UploadNotFound(NotFound):
    """No such upload of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such upload")


class UploadExpired(UploadNotFound):
    """The upload's time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.message, self.code = "the upload has expired; begin another one", "file_upload_expired"


class UploadCompleted(Conflict):
    """The upload has become a file, which is no part of it any more."""

    def __init__(self) -> None:
        super().__init__("the upload is complete; delete the file instead", code="file_upload_completed")


class NothingUploaded(InvalidRequest):
    """Nothing lies where the content was to be put."""

    def __init__(self) -> None:
        super().__init__("upload: nothing has been stored at its URL", field="upload", code="nothing_uploaded")


class AlreadyUploaded(PreconditionFailed):
    """There is content already."""

    def __init__(self) -> None:
        super().__init__("the content is there already; complete the upload", code="already_uploaded")


class NotAdmitted(Forbidden):
    """The URL is not one that was given out, not any more, or what is sent is not what it was given out for."""

    def __init__(self, message: str = "the URL is not valid, or not any more", field: str | None = None) -> None:
        super().__init__(message, field=field, code="upload_url_refused")
