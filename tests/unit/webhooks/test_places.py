"""Which addresses messages go to."""

import pytest

from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.ip_literal import IpAddress, parse_host_address
from chalicelib.webhooks.errors import UrlNotAllowed
from chalicelib.webhooks.places import PlaceRules, demand_allowed

PUBLIC, INNER = "93.184.216.34", "10.1.2.3"


def lookup(host: str) -> list[IpAddress]:
    names = {"public.example": [PUBLIC], "inner.example": [INNER], "mixed.example": [PUBLIC, INNER]}
    found = (parse_host_address(text) for text in names.get(host, []))
    return [address for address in found if address is not None]


def allowed(url: str, rules: PlaceRules, *opened: str) -> bool:
    try:
        demand_allowed(Outbound(opened, lookup=lookup), rules, url)
    except UrlNotAllowed as error:
        return error.field != "url"
    return True


STRICT, HTTP, PORTS = PlaceRules(), PlaceRules(plain_http=True), PlaceRules(any_port=True)


@pytest.mark.parametrize(
    ("url", "rules", "fine"),
    [
        ("https://public.example/hook?x=1", STRICT, True),
        ("https://public.example:443/", STRICT, True),
        ("https://public.example:8443/", STRICT, False),
        ("https://public.example:8443/", PORTS, True),
        ("http://public.example/", STRICT, False),
        ("http://public.example/", PORTS, False),
        ("http://public.example/", HTTP, True),
        ("http://public.example:8080/", HTTP, False),
        ("https://public.example:80/", HTTP, False),
        ("http://public.example:8080/", PlaceRules(plain_http=True, any_port=True), True),
        ("https://inner.example/", PlaceRules(plain_http=True, any_port=True), False),
        ("https://mixed.example/", STRICT, False),
        ("https://unknown.example/", STRICT, False),
        ("https://public.example@inner.example/", STRICT, False),
        ("ftp://public.example/", STRICT, False),
        ("no address", STRICT, False),
    ],
)
def test_an_address_must_fit_the_rules(url: str, rules: PlaceRules, fine: bool) -> None:
    assert allowed(url, rules) is fine


def test_what_the_operator_opened_may_be_called_in_any_way() -> None:
    assert allowed("http://inner.example:8080/", STRICT, "inner.example")
    assert allowed("http://10.1.2.3:81/", STRICT, "10.0.0.0/8")
    assert not allowed("http://public.example:8080/", STRICT, "inner.example")
