"""Cards out of requests: what is shown, what is sealed, what an update keeps."""

from typing import Any

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.modelcards.building import changed, made
from chalicelib.modelcards.draft import CardCreate, CardUpdate, normal_base


def create(**fields: Any) -> CardCreate:
    usual = {"model_id": "m", "provider": "oai", "api_key": "sk-12345678"}
    return CardCreate.model_validate(usual | fields)


def update(**fields: Any) -> CardUpdate:
    return CardUpdate.model_validate(fields)


def test_headers_that_may_be_secret_are_kept_apart() -> None:
    card, secrets = made(create(custom_headers={"Authorization": "a", "X-Title": "b"}), "id", 1)
    assert card.custom_headers == {"authorization": None, "x-title": "b"}
    assert secrets.headers == {"authorization": "a"}
    assert "sk-1234" not in repr(card) + repr(secrets)


@pytest.mark.parametrize(("key", "preview"), [("sk-12345678", "5678"), ("abc", "c"), ("abcdef", "def"), ("a", "a")])
def test_the_preview_is_the_end_of_the_key_and_never_most_of_it(key: str, preview: str) -> None:
    assert made(create(api_key=key), "id", 1)[0].api_key_preview == preview


def test_a_model_that_was_not_named_apart_follows_the_model_id() -> None:
    card, secrets = made(create(), "id", 1)
    assert changed(card, secrets, update(model_id="n"))[0].model == "n"
    named, secrets = made(create(model="real"), "id", 1)
    assert changed(named, secrets, update(model_id="n"))[0].model == "real"
    assert changed(named, secrets, update(model=None))[0].model == "m"


def test_an_update_keeps_what_it_does_not_name() -> None:
    card, secrets = made(create(base_url="https://a.example", custom_headers={"x": "1"}), "id", 1)
    after, kept = changed(card, secrets, update(provider="ant"))
    assert after == card.model_copy(update={"provider": "ant"})
    assert kept == secrets
    after, kept = changed(card, secrets, update(api_key="sk-87654321"))
    assert (after.api_key_preview, kept.api_key, kept.headers) == ("4321", "sk-87654321", {"x": "1"})


@pytest.mark.parametrize("field", ["model_id", "provider", "api_key", "is_default"])
def test_what_a_card_cannot_be_without_is_not_cleared(field: str) -> None:
    card, secrets = made(create(), "id", 1)
    with pytest.raises(InvalidRequest, match=field):
        changed(card, secrets, update(**{field: None}))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("HTTPS://A.example:443/x/", "https://a.example/x"),
        ("http://a.example", "http://a.example"),
        ("https://a.example/v1", "https://a.example/v1"),
    ],
)
def test_an_address_is_kept_in_one_spelling(given: str, kept: str) -> None:
    assert normal_base(given) == kept
