"""Sealed secrets: readable in their own place alone, different every time, useless when altered; derived tokens."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chalicelib.storage import rootkey
from chalicelib.storage.errors import NoRootSecret, SecretUnreadable
from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import FORMAT, SecretBox

ROOT = rootkey.from_secret("a root secret for tests")
HERE, THERE = Space("tenant-a"), Space("tenant-b")


@pytest.fixture
def box() -> SecretBox:
    return SecretBox(lambda: ROOT)


@pytest.mark.parametrize("secret", ["s3cret", "", "schlüssel \N{KEY}", "x" * 100_000])
def test_a_secret_comes_back_as_it_was(box: SecretBox, secret: str) -> None:
    sealed = box.seal(HERE, "credential", "c1", secret)
    assert box.open_text(HERE, "credential", "c1", sealed) == secret
    assert not secret or secret not in sealed


def test_bytes_come_back_as_they_were(box: SecretBox) -> None:
    assert box.open(HERE, "p", "o", box.seal(HERE, "p", "o", b"\x00\xff")) == b"\x00\xff"


def test_another_process_with_the_same_root_reads_it(box: SecretBox) -> None:
    assert SecretBox(lambda: ROOT).open_text(HERE, "p", "o", box.seal(HERE, "p", "o", "s")) == "s"


def test_the_same_secret_is_sealed_differently_every_time(box: SecretBox) -> None:
    assert len({box.seal(HERE, "p", "o", "s") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("space", "purpose", "owner"),
    [(THERE, "credential", "c1"), (HERE, "resource", "c1"), (HERE, "credential", "c2"), (HERE, "credentialc", "1")],
)
def test_it_opens_nowhere_but_in_its_place(box: SecretBox, space: Space, purpose: str, owner: str) -> None:
    sealed = box.seal(HERE, "credential", "c1", "s")
    with pytest.raises(SecretUnreadable):
        box.open(space, purpose, owner, sealed)


def test_another_root_key_opens_nothing(box: SecretBox) -> None:
    other = SecretBox(lambda: rootkey.from_secret("another root secret"))
    with pytest.raises(SecretUnreadable):
        other.open(HERE, "p", "o", box.seal(HERE, "p", "o", "s"))


def test_a_bit_more_or_less_and_it_does_not_open(box: SecretBox) -> None:
    packed = base64.urlsafe_b64decode(box.seal(HERE, "p", "o", "secret").removeprefix(FORMAT))
    for position in range(len(packed)):
        changed = packed[:position] + bytes([packed[position] ^ 1]) + packed[position + 1 :]
        with pytest.raises(SecretUnreadable):
            box.open(HERE, "p", "o", FORMAT + base64.urlsafe_b64encode(changed).decode())


@pytest.mark.parametrize("text", ["", "secret", "lbs2.AAAA", FORMAT, FORMAT + "A", FORMAT + "%%%%", FORMAT + "AAAA"])
def test_what_is_not_sealed_is_said_to_be_unreadable(box: SecretBox, text: str) -> None:
    with pytest.raises(SecretUnreadable):
        box.open(HERE, "p", "o", text)


def test_derived_tokens_follow_from_their_parts_alone(box: SecretBox) -> None:
    token = box.derive("sandbox", "tenant-a", "id", "1")
    assert len(token) == 32
    assert token == SecretBox(lambda: ROOT).derive("sandbox", "tenant-a", "id", "1")
    others = {
        box.derive("sandbox", "tenant-a", "id", "2"),
        box.derive("sandbox", "tenant-a", "id1"),
        box.derive("sandboxtenant-a", "id", "1"),
        SecretBox(lambda: hashlib.sha256(b"x").digest()).derive("sandbox", "tenant-a", "id", "1"),
    }
    assert len(others | {token}) == 5


def test_the_root_key_is_asked_for_once_and_not_before_it_is_needed() -> None:
    asked = []

    def root() -> bytes:
        asked.append(1)
        return ROOT

    box = SecretBox(root)
    assert asked == []
    box.open(HERE, "p", "o", box.seal(HERE, "p", "o", "s"))
    box.derive("a")
    assert asked == [1]


def test_without_a_root_secret_nothing_is_sealed() -> None:
    with pytest.raises(NoRootSecret):
        SecretBox(lambda: rootkey.from_secret("")).seal(HERE, "p", "o", "s")


def test_keys_are_derived_as_the_standard_says() -> None:
    expected = HKDF(SHA256(), 32, salt=None, info=b"info").derive(b"input")
    assert rootkey.hkdf(b"input", b"info") == expected
