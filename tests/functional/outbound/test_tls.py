"""TLS: the name that was asked for decides, not the address that was found."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from chalicelib.outbound.errors import OutboundUnreachable, UrlRefused
from chalicelib.outbound.guard import Outbound
from tests.functional.outbound.calls import LOCAL, Names, call
from tests.functional.outbound.certificates import server_context
from tests.functional.outbound.web import Handler, Web, answer, fixed, serving

NAMES = {"good_test": [["127.0.0.1"]], "other_test": [["127.0.0.1"]]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def tls(folder: Path) -> ssl.SSLContext:
    return server_context(folder, "good.test")


@pytest.fixture
def trusting(folder: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Outbound:
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    return Outbound(LOCAL, lookup=Names(**NAMES))


def test_a_trusted_host_is_called_by_name_and_by_address(trusting: Outbound, tls: ssl.SSLContext) -> None:
    with serving(fixed(answer(b"x" * 50_000)), tls=tls) as web:
        for host in ("good.test", "GOOD.test.", "127.0.0.1", "0x7f.1"):
            assert len(call(trusting, web.url(host=host, scheme="https")).body) == 50_000
    assert [seen.headers["host"] for seen in web.requests][:2] == [f"good.test:{web.port}"] * 2


def test_a_certificate_for_another_name_is_refused(trusting: Outbound, tls: ssl.SSLContext) -> None:
    with (
        serving(fixed(answer(b"x")), tls=tls) as web,
        pytest.raises(OutboundUnreachable, match=r"certificate of other\.test"),
    ):
        call(trusting, web.url(host="other.test", scheme="https"))
    assert web.requests == []


def test_an_unknown_authority_is_refused(tls: ssl.SSLContext) -> None:
    outbound = Outbound(LOCAL, lookup=Names(**NAMES))
    with serving(fixed(answer(b"x")), tls=tls) as web, pytest.raises(OutboundUnreachable, match="not trusted"):
        call(outbound, web.url(host="good.test", scheme="https"))
    assert web.requests == []


def test_a_host_without_tls_is_said_so(trusting: Outbound) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"220 mail.test ESMTP\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(OutboundUnreachable, match="No secure connection"):
            call(trusting, f"https://good.test:{server.getsockname()[1]}/")


def _downgrade(to: Web) -> Handler:
    return fixed(answer(b"", "307 Temporary Redirect", Location=to.url()))


@pytest.mark.parametrize(
    ("body", "headers"), [(b"x", {}), (None, {"Authorization": "Bearer s"}), (None, {"X-Token": "s"})]
)
def test_what_was_confidential_is_not_sent_in_the_open(
    trusting: Outbound, tls: ssl.SSLContext, body: bytes | None, headers: dict[str, str]
) -> None:
    with (
        serving(fixed(answer(b"x"))) as plain,
        serving(_downgrade(plain), tls=tls) as web,
        pytest.raises(UrlRefused, match="from https to http"),
    ):
        call(trusting, web.url(host="good.test", scheme="https"), "POST", body=body, headers=headers)
    assert plain.connections == 0


def test_an_open_page_may_lead_from_https_to_http(trusting: Outbound, tls: ssl.SSLContext) -> None:
    with serving(fixed(answer(b"plain"))) as plain, serving(_downgrade(plain), tls=tls) as web:
        got = call(trusting, web.url(host="good.test", scheme="https"), headers={"Accept": "text/html"})
    assert (got.body, got.url) == (b"plain", plain.url())
