"""Signatures of file URLs."""

import hashlib
import time
from base64 import b64encode

import pytest

from chalicelib.core.errors import Unauthenticated
from chalicelib.doors.e2b.signatures import Operation, Signed

TOKEN = "the-token"


def signature(text: str) -> str:
    return "v1_" + b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def signed(text: str, operation: Operation = "read", path: str = "/a b", user: str = "", until: str = "") -> Signed:
    return Signed(signature(text), operation, path, user, until)


def test_the_holder_of_the_token_signs_path_operation_and_user() -> None:
    assert signed("/a b:read::the-token").is_by(TOKEN)
    assert signed("/a b:write:me:the-token", "write", user="me").is_by(TOKEN)
    assert signed(":write::the-token", "write", path="").is_by(TOKEN)
    assert signed("/ä:read::the-token", path="/ä").is_by(TOKEN)


@pytest.mark.parametrize(
    "other",
    [
        signed("/a b:read::another-token"),
        signed("/a:read::the-token"),
        signed("/a b:write::the-token"),
        signed("/a b:read:me:the-token"),
        signed("/a b:read::the-token:99", until="98"),
        signed("/a b:read::the-token", until="99"),
        signed("/a b:read::the-token:99"),
        Signed("v1_ä", "read", "/a b", ""),
    ],
)
def test_nothing_of_it_can_be_changed(other: Signed) -> None:
    assert not other.is_by(TOKEN)


def test_a_moment_is_part_of_it_and_can_pass() -> None:
    later, earlier = str(int(time.time()) + 60), str(int(time.time()) - 1)
    lasting = signed(f"/a b:read::the-token:{later}", until=later)
    lasting.check()
    assert lasting.is_by(TOKEN)
    signed("/a b:read::the-token").check()
    for until in (earlier, "soon", "-1"):
        with pytest.raises(Unauthenticated):
            signed(f"/a b:read::the-token:{until}", until=until).check()


@pytest.mark.parametrize(
    "text", ["", "zzz", "v1_", "v1_" + "a" * 42, "v1_" + "a" * 44, "v2_" + "a" * 43, "v1_" + "ä" * 43]
)
def test_what_can_be_nobodys_signature_is_refused_without_looking_for_its_maker(text: str) -> None:
    with pytest.raises(Unauthenticated):
        Signed(text, "read", "/a b", "").check()
