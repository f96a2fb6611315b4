import html
import json
import random
from collections.abc import Callable
from urllib.parse import quote

import pytest

from chalicelib.sandbox.box.egress.scrub import Masks, Scrubber
from chalicelib.sandbox.box.egress.spellings import spellings

SECRET = "abcab-secret/+value"


def scrubbed(data: bytes, sizes: random.Random, *values: str) -> bytes:
    """The data after it went through in pieces, with pauses here and there."""
    scrubber, out = Scrubber(Masks(values)), b""
    while data:
        size = sizes.randint(1, 12)
        out, data = out + scrubber.feed(data[:size]), data[size:]
        if sizes.random() < 0.3:
            out += scrubber.pause()
            assert not scrubber.holding
    return out + scrubber.end()


@pytest.mark.parametrize("seed", range(40))
def test_pieces_and_pauses_change_nothing_but_a_few_first_letters(seed: int) -> None:
    sizes = random.Random(seed)
    data = b"".join(
        sizes.choice([SECRET.encode(), b"abcab", b"abcab-", b"x", b"abcabcab-secret", b"\n"]) for _ in range(40)
    )
    out = scrubbed(data, sizes, SECRET)
    assert len(out) == len(data)
    assert SECRET.encode()[4:] not in out
    covered = Masks((SECRET,)).masked(data)
    differing = [at for at in range(len(data)) if out[at] != covered[at]]
    assert all(out[at] == data[at] and covered[at] == ord("*") for at in differing)


def test_without_a_secret_nothing_is_held() -> None:
    scrubber = Scrubber(Masks(()))
    assert [scrubber.feed(b"abc"), scrubber.holding, scrubber.end()] == [b"abc", False, b""]


def test_what_begins_like_a_secret_comes_out_at_the_end() -> None:
    scrubber = Scrubber(Masks((SECRET,)))
    assert scrubber.feed(b"see abcab-sec") == b"see "
    assert scrubber.holding
    assert scrubber.pause() == b"abca"
    assert scrubber.pause() == b""
    assert scrubber.feed(b"!") == b"b-sec!"
    assert scrubber.feed(b"abc") + scrubber.end() == b"abc"


def test_several_secrets_in_one_text() -> None:
    masks = Masks(("first-secret", "first-secret-longer", "other"))
    assert masks.masked(b"first-secret-longer first-secret other") == b"*" * 19 + b" " + b"*" * 12 + b" " + b"*" * 5


@pytest.mark.parametrize("inner", [json.dumps, html.escape, quote, str])
@pytest.mark.parametrize("outer", [json.dumps, lambda text: json.dumps(text, ensure_ascii=False), html.escape])
def test_a_text_inside_of_a_text(inner: Callable[[str], str], outer: Callable[[str], str]) -> None:
    secret = "own/+\"&=<'\\é~secret"
    told = outer(f"a {inner(secret)} b").encode()
    masked = Masks((secret,)).masked(told)
    assert b"own" not in masked
    assert b"secret" not in masked


def test_too_short_a_value_covers_nothing() -> None:
    assert spellings("abc") == ()
    assert spellings("abcd")


def test_base64_wherever_the_value_begins() -> None:
    import base64

    masks = Masks((SECRET,))
    for before in range(6):
        for after in range(4):
            text = base64.b64encode(b"u" * before + SECRET.encode() + b"v" * after)
            assert masks.masked(text).count(b"*") >= len(SECRET) * 8 // 6 - 3
