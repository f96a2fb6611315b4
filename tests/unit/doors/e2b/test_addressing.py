"""Which sandbox a request names."""

import pytest

from chalicelib.doors.e2b.addressing import Address, address_of, is_addressed, is_for_a_port

ID = "0b9a6a7e-1c5d-4f1e-9d7b-2f4a8c6e1d3f"
BARE = ID.replace("-", "")


@pytest.mark.parametrize("text", [ID, BARE, ID.upper(), f"ws_{BARE}", f" {ID} "])
def test_the_header_names_it_in_any_dress(text: str) -> None:
    address = address_of({"e2b-sandbox-id": text, "host": "localhost:8000"})
    assert address == Address(ID, text)


@pytest.mark.parametrize("text", ["debug_sandbox_id", "", f"run_{BARE}", ID[:-1]])
def test_what_cannot_be_an_id_is_still_said(text: str) -> None:
    assert address_of({"e2b-sandbox-id": text}) == Address(None, text)


def test_a_host_names_sandbox_and_port() -> None:
    assert address_of({"host": f"49983-{ID}.example.com"}) == Address(ID, ID, 49983)
    assert address_of({"host": f"3000-{BARE}.localhost:8000"}) == Address(ID, BARE, 3000)
    assert address_of({"host": f"3000-{ID}.x", "e2b-sandbox-id": "other"}) == Address(ID, ID, 3000)


def test_a_token_alone_names_its_sandbox() -> None:
    token = BARE + "0" * 64
    assert address_of({"x-access-token": token, "host": "localhost:8000"}) == Address(ID, ID)
    assert address_of({"x-access-token": token, "e2b-sandbox-id": "other"}) == Address(None, "other")
    for other in ("", "x", token[1:], token + "0", token.upper()):
        assert address_of({"x-access-token": other}) is None


@pytest.mark.parametrize("host", ["localhost:8000", f"{ID}.example.com", f"x-{ID}.example.com", f"3000-{ID}", ""])
def test_other_hosts_name_none(host: str) -> None:
    assert address_of({"host": host}) is None
    assert not is_addressed({"host": host})
    assert not is_for_a_port({"host": host})


def test_kinds_of_requests() -> None:
    assert is_addressed({"e2b-sandbox-id": "x"})
    assert is_addressed({"x-access-token": "x"})
    assert is_addressed({"host": f"49983-{ID}.example.com"})
    assert not is_for_a_port({"host": f"49983-{ID}.example.com"})
    assert is_for_a_port({"host": f"8080-{ID}.example.com"})
