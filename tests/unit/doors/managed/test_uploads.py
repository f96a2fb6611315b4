import pytest

from chalicelib.core.errors import InvalidRequest, TooLarge
from chalicelib.doors.managed.uploads import FormReader

TYPE = "multipart/form-data; boundary=b"


def part(name: str, content: str = "abc", more: str = "") -> str:
    return f'--b\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n{content}\r\n'


def read(text: str, size: int = 1 << 20) -> FormReader:
    reader, raw = FormReader(TYPE), text.encode()
    for start in range(0, len(raw), size):
        reader.feed(raw[start : start + size])
    return reader


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_a_form_in_pieces_of_any_size(size: int) -> None:
    file = (
        '--b\r\nContent-Disposition: form-data; name="file"; filename="d/ü %22x%22.txt"\r\n'
        "Content-Type: text/x\r\n\r\na\r\n--bc\r\n"
    )
    reader = read(part("session_id", "s") + file + part("note", "ü") + "--b--\r\n", size)
    form = reader.finish()
    assert form.fields == {"session_id": "s", "note": "ü"}
    assert form.file is not None
    assert (form.file.filename.rsplit("/", 1)[-1], form.file.media_type) == ('ü "x".txt', "text/x")
    assert reader.take() == b"a\r\n--bc"
    assert reader.take() == b""


def test_a_form_must_be_whole_and_hold_one_file() -> None:
    with pytest.raises(InvalidRequest, match="boundary"):
        FormReader("multipart/form-data")
    with pytest.raises(InvalidRequest, match="closing boundary"):
        read(part("file")).finish()
    with pytest.raises(InvalidRequest, match="field required"):
        read(part("other") + "--b--\r\n").finish()
    with pytest.raises(InvalidRequest, match="only one"):
        read(part("file") * 2)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read("nonsense")


def test_forms_cannot_grow_without_end() -> None:
    with pytest.raises(TooLarge, match="field"):
        read(part("x", "y" * 65_537))
    with pytest.raises(TooLarge, match="parts"):
        read(part("x") * 65)
