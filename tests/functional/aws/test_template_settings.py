"""Every setting reaches AWS by a parameter or is known not to; functions get what they need; secrets stay secret."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chalicelib.integrations.settings import NAMES as IN_THE_INTEGRATIONS_SECRET
from tests.support.variables import variables

ROOT = Path(__file__).parents[3]
WEB, WORKER = {"APIHandler", "Stream"}, {"RunWorker"}
FUNCTIONS = WEB | WORKER | {"DeadLetters", "Tick"}
ROLES = {
    "APIHandler": "RestRole",
    "Stream": "StreamRole",
    "RunWorker": "WorkerRole",
    "DeadLetters": "DeadLettersRole",
    "Tick": "TickRole",
}
MOST_BYTES, MOST_PARAMETERS, MOST_TEMPLATE_BYTES = 4096, 200, 1_000_000

# What no parameter sets, and why.
ON_A_LAPTOP = {
    "PORT": "no function listens",
    "MODEL": "chooses the demo model of `make run`",
    "LAMBENT_MODEL": "the demo model is not in the bundle",
    "LAMBENT_ROOT_SECRET": "KMS wraps the root key",
    "LAMBENT_PRICES": "a file beside the server; in AWS prices are set by the API",
    "LAMBENT_SANDBOX": "sandboxes are MicroVMs",
    "LAMBENT_SANDBOX_SCRATCH": "sandboxes are MicroVMs",
    "LAMBENT_SANDBOX_FIRST_UID": "sandboxes are MicroVMs",
    "LAMBENT_BWRAP": "sandboxes are MicroVMs",
    "LAMBENT_WEBHOOK_PLAIN_HTTP": "what leaves AWS travels encrypted",
    "LAMBENT_SCHEDULE_JITTER": "for tests, which cannot wait",
    "LAMBENT_ASGI_APP": "for tests of the streaming runtime",
    "LAMBENT_URL": "for commands, which ask a server",
    "LAMBENT_KEY": "for commands, which ask a server",
    "LAMBENT_MAX_UPLOAD_MIB": "what Lambda takes of a request is far less",
}
OF_THE_SURROUNDINGS = {
    "AWS_REGION": "Lambda's",
    "AWS_DEFAULT_REGION": "Lambda's",
    "AWS_LAMBDA_FUNCTION_NAME": "Lambda's",
    "AWS_LAMBDA_RUNTIME_API": "Lambda's",
    "AWS_XRAY_CONTEXT_MISSING": "the library's own, for the tracer",
    "AWS_ENDPOINT_URL": "for emulators",
    "AWS_ENDPOINT_URL_S3": "for emulators",
}
FITTED = {
    "LAMBENT_LEASE_SECONDS": "fitted to the heartbeat and the queue",
    "LAMBENT_HEARTBEAT_SECONDS": "fitted to the lease",
    "LAMBENT_WORK_LEASE_SECONDS": "fitted to what the official worker does",
    "LAMBENT_MAX_ATTEMPTS": "fitted to the queue's own count",
    "LAMBENT_MODEL_TIMEOUT": "fitted to the worker's fifteen minutes",
    "LAMBENT_MODEL_IDLE_TIMEOUT": "fitted to the worker's fifteen minutes",
    "LAMBENT_MODEL_TRIES": "fitted to the worker's fifteen minutes",
    "LAMBENT_MODEL_BACKOFF_MS": "fitted to the worker's fifteen minutes",
    "LAMBENT_COMPACT_RATIO_PERCENT": "fitted to what a summary needs",
    "LAMBENT_POLL_ACTIVE_MS": "fitted to what a read costs",
    "LAMBENT_POLL_IDLE_MS": "fitted to what a read costs",
    "LAMBENT_PING_SECONDS": "fitted to the gateway's patience",
    "LAMBENT_STREAM_SECONDS": "a stream ends before its function does",
    "LAMBENT_MICROVM_INGRESS": "the functions are in no VPC, so Lambda's own way in is the one they can take",
    "LAMBENT_MICROVM_SUSPENDED_SECONDS": "fitted to Lambda's eight hours",
    "LAMBENT_MICROVM_START_SECONDS": "fitted to what a start takes",
}
ELSEWHERE = ON_A_LAPTOP | OF_THE_SURROUNDINGS | FITTED
# What the template sets that the library's source does not name.
FOR_LAMBDA = {"AWS_LAMBDA_EXEC_WRAPPER", "POWERTOOLS_SERVICE_NAME"}


@cache
def template() -> Any:
    code = "import json, package_template; print(json.dumps(package_template.combined()))"
    env = {"PYTHONPATH": str(ROOT / "scripts"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def own_environment(function: str) -> dict[str, Any]:
    properties = template()["Resources"][function]["Properties"]
    return dict(properties.get("Environment", {}).get("Variables", {}))


def environment(function: str) -> dict[str, Any]:
    common: dict[str, Any] = template()["Globals"]["Function"]["Environment"]["Variables"]
    return common | own_environment(function)


def everywhere() -> dict[str, Any]:
    return {name: value for function in FUNCTIONS for name, value in environment(function).items()}


def who_knows(setting: str) -> set[str]:
    return {function for function in FUNCTIONS if setting in environment(function)}


def parameter_of(value: Any) -> str | None:
    """The parameter a setting comes from, if it does."""
    found = re.search(r'(?:"Ref": "|secretsmanager:\$\{)(\w+)', json.dumps(value))
    name = found[1] if found else ""
    return name if name in template()["Parameters"] else None


def test_every_setting_is_a_parameter_or_is_known_to_be_none() -> None:
    here = set(everywhere()) - FOR_LAMBDA
    assert variables() - here - IN_THE_INTEGRATIONS_SECRET - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) - variables() == set()
    assert here & set(ELSEWHERE) == set()
    assert here & IN_THE_INTEGRATIONS_SECRET == set()


def test_no_function_is_told_what_nobody_reads() -> None:
    assert set(everywhere()) - FOR_LAMBDA - variables() == set()


def test_every_parameter_is_used() -> None:
    text = json.dumps({name: part for name, part in template().items() if name != "Parameters"})
    assert {name for name in template()["Parameters"] if f'"Ref": "{name}"' not in text} == set()


def test_a_parameter_that_is_not_given_is_no_setting() -> None:
    group = json.loads((ROOT / "infra" / "settings.json").read_text())
    for name in (name for each in group for name in each["parameters"]):
        assert template()["Parameters"][name]["Default"] == "", name
        pattern = template()["Parameters"][name].get("AllowedPattern", "")
        assert re.fullmatch(pattern, "") or not pattern, name
        assert template()["Conditions"][f"Has{name}"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}


def test_secrets_are_named_never_given() -> None:
    told = {name: value for name, value in everywhere().items() if re.search(r"SECRET|TOKEN$|_KEY$", name)}
    del told["LAMBENT_KMS_KEY"]
    assert (
        {name for name, value in told.items() if "{{resolve:secretsmanager:" in json.dumps(value)}
        == {
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "OPENAI_API_KEY",
            "LAMBENT_EMBEDDING_API_KEY",
            "LAMBENT_SEARCH_KEY",
            "LAMBENT_SIGN_IN_CLIENT_SECRET",
        }
        == set(told) - {"LAMBENT_INTEGRATIONS_SECRET"}
    )
    for value in told.values():
        parameter = parameter_of(value)
        assert parameter is not None
        assert parameter.endswith("Secret")


@pytest.mark.parametrize(
    ("setting", "functions"),
    [
        ("LAMBENT_SIGN_IN_CLIENT_SECRET", WEB),
        ("LAMBENT_PUBLIC_URL", WEB),
        ("LAMBENT_INTEGRATIONS_SECRET", WEB | WORKER),
        ("ANTHROPIC_API_KEY", {"Stream"} | WORKER),
        ("ANTHROPIC_AUTH_TOKEN", {"Stream"} | WORKER),
        ("OPENAI_API_KEY", {"Stream"} | WORKER),
        ("LAMBENT_SEARCH_KEY", WORKER),
        ("LAMBENT_EMBEDDING_API_KEY", FUNCTIONS - {"DeadLetters"}),
    ],
)
def test_only_those_know_a_setting_that_need_it(setting: str, functions: set[str]) -> None:
    assert who_knows(setting) == functions


def test_only_those_may_read_the_integrations_secret_that_are_told_of_it() -> None:
    readers = {
        name: resource
        for name, resource in template()["Resources"].items()
        if "secretsmanager:" in json.dumps(resource.get("Properties", {}).get("PolicyDocument", {}))
        or "secretsmanager:" in json.dumps(resource.get("Properties", {}).get("Policies", {}))
    }
    assert set(readers) == {"IntegrationsPolicy"}
    policy = readers["IntegrationsPolicy"]
    assert policy["Condition"] == "HasIntegrationsSecret"
    told = {ROLES[function] for function in who_knows("LAMBENT_INTEGRATIONS_SECRET")}
    assert {role["Ref"] for role in policy["Properties"]["Roles"]} == told
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "secretsmanager:GetSecretValue"
    assert statement["Resource"] == {"Ref": "IntegrationsSecret"}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("arn:aws:secretsmanager:eu-west-1:000000000000:secret:lambent/integrations-a1B2c3", True),
        ("arn:aws-us-gov:secretsmanager:us-gov-west-1:000000000000:secret:apps-a1B2c3", True),
        ("lambent/integrations", False),
        ("arn:aws:secretsmanager:eu-west-1:000000000000:secret:lambent/integrations", False),
        ("arn:aws:secretsmanager:eu-west-1:000000000000:secret:*", False),
    ],
)
def test_what_may_be_read_is_one_secret(given: str, taken: bool) -> None:
    pattern = template()["Parameters"]["IntegrationsSecret"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, given)) is taken


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://agents.example.com", True),
        ("https://abc.execute-api.eu-west-1.amazonaws.com/live", True),
        ("http://agents.example.com", False),
        ("agents.example.com", False),
        ("https://user@agents.example.com", False),
        ("https://agents.example.com/?a=b", False),
    ],
)
def test_browsers_come_over_tls(given: str, taken: bool) -> None:
    for name in ("PublicUrl", "ConsoleUrl"):
        assert bool(re.fullmatch(template()["Parameters"][name]["AllowedPattern"], given)) is taken


def test_a_role_for_microvms_is_passed_by_those_who_start_them_and_no_other_role_is() -> None:
    policy = template()["Resources"]["SandboxRolePolicy"]
    assert policy["Condition"] == "HasMicrovmRole"
    assert policy["Properties"]["Roles"] == template()["Resources"]["SandboxPolicy"]["Properties"]["Roles"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("iam:PassRole", {"Ref": "MicrovmRole"})


# About as long as such things become.
URL = "https://abcdefghij.execute-api.ap-northeast-1.amazonaws.com/live"
ARN = "arn:aws:secretsmanager:ap-northeast-1:000000000000:secret:production/lambent/integrations-a1B2c3"
LIST = ",".join(f"subsidiary-{number}.example.com" for number in range(8))
LENGTHS = {
    "LAMBENT_ROOT_KEY_SHA256": 64,
    "LAMBENT_TABLE": 41,
    "LAMBENT_BUCKET": 63,
    "LAMBENT_KMS_KEY": 90,
    "LAMBENT_SIGN_IN_CLIENT_ID": 72,
    "LAMBENT_SIGN_IN_CLIENT_SECRET": 40,
    "LAMBENT_SEARCH_KEY": 41,
    "LAMBENT_MICROVM_LOG_GROUP": 40,
    "ANTHROPIC_API_KEY": 108,
    "ANTHROPIC_AUTH_TOKEN": 108,
    "POWERTOOLS_METRICS_NAMESPACE": 43,
    "AWS_LAMBDA_EXEC_WRAPPER": 26,
} | dict.fromkeys(("LAMBENT_SIGN_IN_ALLOW", "LAMBENT_OUTBOUND_ALLOW", "LAMBENT_MODELS"), len(LIST))


def length(name: str, value: Any) -> int:
    if name in LENGTHS:
        return LENGTHS[name]
    if "{{resolve:" in json.dumps(value):
        return 164
    if name.endswith("_URL"):
        return len(URL)
    return len(ARN) if re.search(r"SECRET$|_IMAGE$|_ROLE$|_EGRESS$", name) else len("28800")


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_with_everything_set_an_environment_is_not_too_long_for_lambda(function: str) -> None:
    size = sum(len(name) + length(name, value) for name, value in environment(function).items())
    assert size < MOST_BYTES


def test_the_template_is_not_too_long_for_cloudformation() -> None:
    assert len(template()["Parameters"]) <= MOST_PARAMETERS
    assert len(json.dumps(template())) < MOST_TEMPLATE_BYTES


def test_every_parameter_is_told_and_no_other() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    section = page.partition("\n## Parameters\n")[2].partition("\n## ")[0]
    told = {name for row in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section, re.MULTILINE) for name in row.split("`")}
    assert told - {"", ", "} == set(template()["Parameters"])
