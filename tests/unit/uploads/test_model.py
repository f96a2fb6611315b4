"""What may be announced."""

import pytest

from chalicelib.core.errors import InvalidRequest, TooLarge
from chalicelib.files.model import FileDraft
from chalicelib.uploads.model import MOST_AT_ONCE, FileUpload, UploadDraft

FILE = FileDraft("dir/a.txt", "text/plain", lifetime=3600)


def test_a_draft_is_tidied() -> None:
    draft = UploadDraft(FILE, 5, "AB" * 32).checked(10)
    assert (draft.file.filename, draft.size, draft.sha256) == ("a.txt", 5, "ab" * 32)


@pytest.mark.parametrize("digest", ["", "ab", "zz" * 32, "ab" * 33, "ab" * 32 + "\n"])
def test_what_is_no_checksum_is_refused(digest: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^sha256: "):
        UploadDraft(FILE, 5, digest).checked(10)


@pytest.mark.parametrize(("limit", "most"), [(10, 10), (80 << 30, MOST_AT_ONCE)])
def test_nothing_over_a_limit_is_begun_and_storage_has_one_too(limit: int, most: int) -> None:
    assert UploadDraft(FILE, most).checked(limit).size == most
    with pytest.raises(TooLarge) as refusal:
        UploadDraft(FILE, most + 1).checked(limit)
    assert refusal.value.details == {"limit_bytes": most}


def test_a_file_lives_from_its_completion_on() -> None:
    upload = FileUpload("id", "a.txt", "text/plain", 5, "key", created_at=1, expires_at=2, lifetime=3600)
    file = upload.file("digest", 1000)
    assert (file.id, file.object_key, file.sha256) == ("id", "key", "digest")
    assert (file.created_at, file.expires_at, file.maker) == (1000, 3_601_000, "client")
