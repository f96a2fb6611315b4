"""Forms, whatever pieces they come in."""

import io
import random

import pytest

from chalicelib.sandbox.guest.multipart import Form, parameters
from chalicelib.sandbox.guest.wire import Problem

TYPE = "multipart/form-data; boundary=edge"


class Trickle:
    """A body that comes in pieces of random length."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._data = io.BytesIO(data)
        self._random = random.Random(seed)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, self._random.choice((1, 2, 3, 7, 50))))


def part(disposition: str, content: bytes) -> bytes:
    return b"--edge\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize("seed", range(12))
def test_content_is_the_same_in_any_pieces(seed: int) -> None:
    contents = [b"", b"\r\n", b"\r\n--edg", b"--edge--", b"\r\n--\r\n--edgE\r\n", b"x" * 300, b"\r\n\r\n--"]
    body = b"preamble\r\n" + b"".join(part(f'name="file"; filename="{n}"', one) for n, one in enumerate(contents))
    form = Form(TYPE, Trickle(body + b"--edge--\r\nepilogue", seed))
    found = [(part.filename, part.content.read()) for part in form.parts()]
    assert found == [(str(number), content) for number, content in enumerate(contents)]


def test_what_is_not_read_of_a_part_is_passed_over() -> None:
    body = part('name="file"; filename="a"', b"x" * 200_000) + part('name="note"', b"text") + b"--edge--"
    parts = [(part.name, part.filename) for part in Form(TYPE, io.BytesIO(body)).parts()]
    assert parts == [("file", "a"), ("note", None)]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="a/b c.txt"', "a/b c.txt"),
        ('filename="q%22uote"', 'q"uote'),
        ('filename="q\\"uote"', 'q"uote'),
        ('filename="back\\\\slash"', "back\\slash"),
        ('filename="lone\\slash"', "lone\\slash"),
        ('filename="100%20"', "100%20"),
        ('filename="line%0D%0Aend"', "line\r\nend"),
        ('filename="semi;colon=1"', "semi;colon=1"),
        ('filename="日本"', "日本"),
        ("filename=plain", "plain"),
        ("filename=\"old\"; filename*=UTF-8''%e2%82%ac/new", "€/new"),
        ('filename=""', ""),
    ],
)
def test_file_names(disposition: str, name: str) -> None:
    body = part(f'name="file"; {disposition}', b"x") + b"--edge--"
    assert [one.filename for one in Form(TYPE, io.BytesIO(body)).parts()] == [name]


@pytest.mark.parametrize(
    "body",
    [b"", b"--edge", b"--edge\r\nhead", b"--edge??", part('name="f"', b"x"), b"--edge\r\n" + b"h" * 20_000,
     b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xff\"\r\n\r\nx\r\n--edge--"],
)  # fmt: skip
def test_malformed_forms(body: bytes) -> None:
    with pytest.raises(Problem):
        [one.content.read() for one in Form(TYPE, io.BytesIO(body)).parts()]


@pytest.mark.parametrize(
    "header", ["multipart/form-data", "multipart/form-data; boundary=", f"x; boundary={'b' * 201}"]
)
def test_a_boundary_is_needed(header: str) -> None:
    with pytest.raises(Problem):
        Form(header, io.BytesIO(b""))


def test_parameters() -> None:
    assert parameters('form-data; Name="a;b"; x=y ; z="1"') == {"name": "a;b", "x": "y", "z": "1"}
