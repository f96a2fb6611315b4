"""Where calls go and which headers they carry."""

from typing import Any

import pytest

from chalicelib.modelcards.addressing import base_of, headers_of, is_official
from chalicelib.modelcards.model import ModelCard, Secrets


def card(**fields: Any) -> ModelCard:
    usual = {"id": "i", "model_id": "m", "model": "m", "provider": "oai", "api_key_preview": "k", "created_at": 1}
    return ModelCard.model_validate(usual | {"updated_at": 1} | fields)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        (None, "https://api.openai.com/v1"),
        ("https://a.example", "https://a.example/v1"),
        ("https://a.example/", "https://a.example/v1"),
        ("https://a.example/v1", "https://a.example/v1"),
        ("https://a.example/v1/", "https://a.example/v1"),
        ("https://a.example/api", "https://a.example/api/v1"),
    ],
)
def test_the_version_is_put_in_unless_it_is_there(given: str | None, base: str) -> None:
    assert base_of("openai", given) == base


def test_a_cards_own_headers_win() -> None:
    mine = card(custom_headers={"authorization": None, "openai-project": "p"})
    sent = headers_of(mine, Secrets(api_key="k", headers={"authorization": "Basic x"}))
    assert sent == {"authorization": "Basic x", "openai-project": "p"}


def test_only_the_vendor_is_official() -> None:
    assert is_official(card())
    assert is_official(card(base_url="https://api.openai.com/v1"))
    assert not is_official(card(base_url="https://a.example"))
