"""Headers that go in and come out."""

from chalicelib.doors.e2b.plane.forwarding import inward, outward


def test_keys_and_tokens_stay_outside() -> None:
    sent = {"x-api-key": "k", "x-access-token": "t", "authorization": "Bearer key", "cookie": "c", "host": "h"}
    assert inward(sent | {"e2b-sandbox-id": "x"}) == {"accept-encoding": "identity"}


def test_what_the_guest_needs_goes_in() -> None:
    sent = {
        "authorization": "Basic cm9vdDo=",
        "accept-encoding": "gzip",
        "content-type": "application/connect+json",
        "content-length": "3",
        "connect-timeout-ms": "1000",
        "keepalive-ping-interval": "50",
        "range": "bytes=0-1",
        "x-metadata-author": "me",
    }
    assert inward(sent) == sent
    assert "content-length" not in inward(sent, leave_out=("content-length",))


def test_what_the_client_needs_comes_out_and_acts_as_no_page() -> None:
    told = {"content-length": "3", "content-range": "bytes 0-2/9", "x-metadata-author": "me", "set-cookie": "a=b"}
    shown = outward(told | {"access-control-allow-origin": "https://evil.example"})
    assert shown.items() >= {"content-length": "3", "content-range": "bytes 0-2/9", "x-metadata-author": "me"}.items()
    assert shown["content-security-policy"].startswith("sandbox;")
    assert not {"set-cookie", "access-control-allow-origin"} & set(shown)
