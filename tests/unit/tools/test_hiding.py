import json

import pytest

from chalicelib.tools.hiding import HiddenFlow, hide

SECRET = 'to/ke"n-ü-1'


def test_secrets_are_hidden_at_any_depth() -> None:
    assert hide({"a": ["x secret y", {"secret": 1}]}, ("secret", "")) == {"a": ["x [hidden] y", {"[hidden]": 1}]}


def test_a_secret_that_begins_like_another_is_hidden_whole() -> None:
    assert hide("secret-more secret", ("secret", "secret-more")) == "[hidden] [hidden]"


def flow(text: bytes, size: int, *secrets: str) -> bytes:
    """What is shown of a text that comes in pieces of a size."""
    hiding = HiddenFlow(secrets)
    return b"".join(hiding.take(text[at : at + size]) for at in range(0, len(text), size)) + hiding.rest()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize(
    "written",
    [SECRET, json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", "\\/")],
)
def test_a_secret_is_hidden_however_it_is_cut_and_written(size: int, written: str) -> None:
    assert flow(f"tot {written}{written}, to".encode(), size, "other", SECRET) == b"tot [hidden][hidden], to"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_of_secrets_that_overlap_the_first_and_longest_is_hidden(size: int) -> None:
    assert flow(b"abcdef abcx xxcdex abc", size, "abc", "abcdef", "cde") == b"[hidden] [hidden]x xx[hidden]x [hidden]"
    assert flow(b"abcde", size, "abc", "cde") == b"[hidden]de"


def test_only_what_may_be_a_secret_waits() -> None:
    hiding = HiddenFlow(("secret",))
    assert [hiding.take(piece) for piece in (b"data: x\n\n", b"a sec", b"ond", b"sec", b"ret!")] == [
        b"data: x\n\n",
        b"a ",
        b"second",
        b"",
        b"[hidden]!",
    ]
    assert hiding.rest() == b""


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_secrets_nothing_changes(secrets: tuple[str, ...]) -> None:
    assert flow(b"as it is", 3, *secrets) == b"as it is"
