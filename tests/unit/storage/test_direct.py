"""What a client has to send with content it puts into the bucket, and what the bucket tells of it afterwards."""

import hashlib
from base64 import b64encode

import pytest

from chalicelib.storage.direct import Described, Terms, described

DIGEST = hashlib.sha256(b"words")
PACKED = b64encode(DIGEST.digest()).decode()


def test_all_that_is_known_is_demanded_and_the_object_may_not_be_there() -> None:
    assert Terms(5, "text/plain").headers() == {
        "content-length": "5",
        "content-type": "text/plain",
        "if-none-match": "*",
    }
    known = Terms(5, "text/plain", DIGEST.hexdigest())
    assert known.headers() == Terms(5, "text/plain").headers() | {"x-amz-checksum-sha256": PACKED}


def test_headers_and_parameters_say_the_same() -> None:
    terms = Terms(5, "text/plain", DIGEST.hexdigest())
    assert terms.parameters() == {
        "ContentLength": 5,
        "ContentType": "text/plain",
        "IfNoneMatch": "*",
        "ChecksumSHA256": PACKED,
    }
    assert set(terms.parameters()) - set(Terms(5, "text/plain").parameters()) == {"ChecksumSHA256"}


@pytest.mark.parametrize(
    ("told", "sha256"),
    [
        ({"ChecksumSHA256": PACKED}, DIGEST.hexdigest()),
        ({}, None),
        ({"ChecksumCRC32": "x"}, None),
        ({"ChecksumSHA256": f"{PACKED}-2"}, None),
        ({"ChecksumSHA256": "AAAA"}, None),
    ],
)
def test_only_a_checksum_of_the_whole_content_counts(told: dict[str, str], sha256: str | None) -> None:
    assert described({"ContentLength": 5, **told}) == Described(5, sha256)
