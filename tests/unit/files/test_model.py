import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.files.model import FileDraft


@pytest.mark.parametrize(
    ("given", "media_type", "name"),
    [
        ("a.txt", "text/plain", "a.txt"),
        ("dir/sub/a.txt", "text/plain", "a.txt"),
        ("C:\\dir\\a.txt", "text/plain", "a.txt"),
        (" a.txt ", "text/plain", "a.txt"),
        ("", "text/plain; charset=utf-8", "unnamed.txt"),
        ("dir/", "application/pdf", "unnamed.pdf"),
        ("..", "application/x-unheard-of", "unnamed"),
        ("ü.txt", "text/plain", "ü.txt"),
    ],
)
def test_the_last_component_names_the_file(given: str, media_type: str, name: str) -> None:
    assert FileDraft(given, media_type).checked().filename == name


@pytest.mark.parametrize("given", ["a\nb", "a\x00b", "a" * 256, "ü" * 128])
def test_names_no_file_can_have(given: str) -> None:
    with pytest.raises(InvalidRequest, match="filename"):
        FileDraft(given, "text/plain").checked()


def test_the_type_is_taken_from_the_name_when_not_said() -> None:
    assert FileDraft("a.png", "").checked().media_type == "image/png"
    assert FileDraft("a", "").checked().media_type == "application/octet-stream"


@pytest.mark.parametrize("media_type", ["x", "a/b\r\nx: y", "a/b c", "é/x", "a/" + "b" * 255])
def test_what_is_no_media_type(media_type: str) -> None:
    with pytest.raises(InvalidRequest, match="media_type"):
        FileDraft("a", media_type).checked()
