"""URLs that AWS would take: made without asking anybody, for the bucket's own region, with every promise signed."""

from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.core.settings import Settings
from chalicelib.storage.direct import Terms
from chalicelib.wiring import Services

KEY = "tenants/a/files/b/c"


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A function's credentials, and no endpoint but AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token of the role")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def signed(region: str, terms: Terms) -> str:
    settings = Settings(table="t", bucket="lambent-1-region", queue_url="", region=region)
    return Services(settings).objects.signed_put(KEY, terms, 3600)


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1"])
@pytest.mark.usefixtures("surroundings")
def test_a_url_names_the_bucket_in_its_region_and_binds_what_was_announced(region: str) -> None:
    terms = Terms(5, "text/plain; charset=utf-8", "0" * 64)
    url = urlsplit(signed(region, terms))
    host = "s3.amazonaws.com" if region == "us-east-1" else f"s3.{region}.amazonaws.com"
    assert (url.scheme, url.netloc, url.path) == ("https", f"lambent-1-region.{host}", f"/{KEY}")
    told = parse_qs(url.query)
    assert told["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert told["X-Amz-SignedHeaders"] == [";".join(sorted({*terms.headers(), "host"}))]
    assert told["X-Amz-Expires"] == ["3600"]
    assert told["X-Amz-Security-Token"] == ["token of the role"]


def test_an_endpoint_of_its_own_is_named_as_it_is(surroundings: pytest.MonkeyPatch) -> None:
    surroundings.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    url = urlsplit(signed("us-east-1", Terms(5, "text/plain")))
    assert (url.netloc, url.path) == ("localhost:4566", f"/lambent-1-region/{KEY}")
