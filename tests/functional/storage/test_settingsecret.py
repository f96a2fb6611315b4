"""Settings in a secret of Secrets Manager: read once, by those who need them, and never told."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from chalicelib.core.settings import Settings
from chalicelib.integrations.settings import NAMES, SECRET
from chalicelib.storage.settingsecret import overlaid
from chalicelib.wiring import Services

SLACK = {
    "LAMBENT_SLACK_CLIENT_ID": "id",
    "LAMBENT_SLACK_CLIENT_SECRET": "canary-secret",
    "LAMBENT_SLACK_SIGNING_SECRET": "signing",
}

Keep = Callable[[str], str]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="us-east-1")


@pytest.fixture
def keep(client: Any) -> Keep:
    """Keeps a text as a secret; its ARN."""
    return lambda text: str(client.create_secret(Name="lambent/integrations", SecretString=text)["ARN"])


def read(env: dict[str, str], client: Any) -> dict[str, str]:
    return dict(overlaid(env, SECRET, NAMES, lambda: client))


@pytest.mark.parametrize("env", [{}, {SECRET: " "}])
def test_without_a_secret_nobody_is_asked(env: dict[str, str]) -> None:
    def connect() -> Any:
        raise AssertionError("was asked")

    assert overlaid(env, SECRET, NAMES, connect) == env


def test_it_goes_over_the_environment(client: Any, keep: Keep) -> None:
    env = {SECRET: keep(json.dumps(SLACK)), "LAMBENT_SLACK_CLIENT_ID": "old", "LAMBENT_SLACK_APP_ID": "A1"}
    assert read(env, client) == env | SLACK


def test_numbers_are_texts(client: Any, keep: Keep) -> None:
    assert read({SECRET: keep('{"LAMBENT_GITHUB_APP_ID": 123456}')}, client)["LAMBENT_GITHUB_APP_ID"] == "123456"


def test_a_name_will_do_for_an_arn(client: Any, keep: Keep) -> None:
    keep(json.dumps(SLACK))
    assert SLACK.items() <= read({SECRET: "lambent/integrations"}, client).items()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("canary-secret", "a JSON object"),
        ('["canary-secret"]', "a JSON object"),
        ('{"LAMBENT_SLACK_CLIENT_SECRETS": "canary-secret"}', "LAMBENT_SLACK_CLIENT_SECRETS"),
        ('{"LAMBENT_ROOT_SECRET": "canary-secret"}', "LAMBENT_ROOT_SECRET"),
        ('{"LAMBENT_SLACK_CLIENT_SECRET": ["canary-secret"]}', "LAMBENT_SLACK_CLIENT_SECRET"),
        ('{"LAMBENT_SLACK_CLIENT_ID": true}', "LAMBENT_SLACK_CLIENT_ID"),
        ('{"LAMBENT_SLACK_CLIENT_ID": null}', "LAMBENT_SLACK_CLIENT_ID"),
    ],
)
def test_one_that_cannot_be_used_is_told_of_without_its_text(client: Any, keep: Keep, text: str, told: str) -> None:
    arn = keep(text)
    with pytest.raises(ValueError, match=rf"^{SECRET}: .*{told}") as caught:
        read({SECRET: arn}, client)
    assert "canary-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_one_that_is_bytes_cannot_be_used(client: Any) -> None:
    arn = client.create_secret(Name="lambent/integrations", SecretBinary=b"{}")["ARN"]
    with pytest.raises(ValueError, match=SECRET):
        read({SECRET: arn}, client)


def test_one_that_is_not_there_is_named_by_its_variable(client: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{SECRET}: .*ResourceNotFoundException"):
        read({SECRET: "lambent/nothing"}, client)


@pytest.mark.parametrize(
    ("code", "expected"), [("AccessDeniedException", ValueError), ("ThrottlingException", ClientError)]
)
def test_what_passes_by_itself_stays_what_it_is(client: Any, code: str, expected: type[Exception]) -> None:
    with Stubber(client) as stubbed:
        stubbed.add_client_error("get_secret_value", code)
        with pytest.raises(expected, match=code):
            read({SECRET: "lambent/integrations"}, client)


def test_a_process_reads_it_when_integrations_are_needed_and_once(
    services: Services, client: Any, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, keep(json.dumps(SLACK)))
    assert "integrations" not in services.__dict__
    app = services.integrations.settings.sites["slack"].app
    assert app is not None
    assert (app.id, app.client_secret) == ("id", "canary-secret")
    client.delete_secret(SecretId="lambent/integrations", ForceDeleteWithoutRecovery=True)
    assert services.integrations.settings.any_configured


def test_a_process_that_could_not_read_it_asks_again(
    settings: Settings, client: Any, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services(settings)
    monkeypatch.setenv(SECRET, "lambent/integrations")
    with pytest.raises(ValueError, match=SECRET):
        _ = services.integrations
    keep(json.dumps(SLACK))
    assert services.integrations.settings.any_configured
