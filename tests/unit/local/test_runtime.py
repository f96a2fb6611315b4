"""Where a server on this machine is reached."""

import pytest

from chalicelib.local.runtime import reached_at


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("box.example", "http://box.example:8000"),
    ],
)
def test_an_address_that_means_all_is_told_as_one_that_can_be_asked(host: str, url: str) -> None:
    assert reached_at(host, 8000) == url
