"""The template's fragments: what they say together, and what each function may do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.storage.direct import Terms

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = tmp_path_factory.mktemp("template") / "template.json"
    subprocess.run([sys.executable, ROOT / "scripts" / "package_template.py", made], check=True)
    return json.loads(made.read_text())


@pytest.fixture(scope="module")
def paths(template: Any) -> Any:
    return template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]


def integration(paths: Any, path: str) -> Any:
    return paths[path]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]


def test_streaming_paths_stream(paths: Any) -> None:
    for path in json.loads((INFRA / "stream_paths.json").read_text()):
        found = integration(paths, path)
        assert found["responseTransferMode"] == "STREAM"
        assert "${Stream.Arn}/response-streaming-invocations" in found["uri"]["Fn::Sub"]


def test_what_sandboxes_say_streams_too(paths: Any) -> None:
    spoken = ("process.Process/Start", "process.Process/Connect", "filesystem.Filesystem/WatchDir", "files")
    for path in (*(f"/{name}" for name in spoken), "/v1/sessions/{session_id}/exec"):
        assert integration(paths, path)["timeoutInMillis"] == 600_000


def test_every_place_on_the_way_to_them_is_served(paths: Any) -> None:
    for path in paths:
        parts = path.split("/")
        for length in range(2, len(parts)):
            assert "/".join(parts[:length]) in paths


def test_whatever_branches_off_is_served(paths: Any) -> None:
    children: dict[str, set[str]] = {}
    for path in paths:
        parent, _, name = path.rpartition("/")
        children.setdefault(parent, set()).add(name)
    for path in paths:
        if not path.endswith("+}"):
            wild = {name for name in children.get(path, set()) if name.startswith("{")}
            # API Gateway takes one variable child in each place, and there must be one.
            assert len(wild) == 1, path


def test_path_parameters_are_declared(paths: Any) -> None:
    declared = paths["/v1/sessions/{session_id}/threads/{thread_id}/stream"]["x-amazon-apigateway-any-method"]
    assert [p["name"] for p in declared["parameters"]] == ["session_id", "thread_id"]


def test_the_data_stands_alone() -> None:
    data = json.loads((INFRA / "data.json").read_text())
    named = set(data["Resources"]) | {"AWS::StackName", "AWS::AccountId", "AWS::Region"}
    assert set(references(data)) <= named
    assert set(data["Outputs"]) == {"Table", "QueueUrl", "DlqUrl", "Bucket"}


def references(node: Any) -> Any:
    if isinstance(node, list):
        for each in node:
            yield from references(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value[0]
            elif key == "Fn::Sub":
                yield from (part.partition("}")[0].partition(".")[0] for part in value.split("${")[1:])
            else:
                yield from references(value)


def test_state_outlives_the_stack(template: Any) -> None:
    for name in ("Table", "RunsQueue", "RunsDeadLetters", "Bucket", "SecretsKey"):
        resource = template["Resources"][name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_pages_may_bring_uploads_to_the_bucket_and_do_nothing_else_there(template: Any) -> None:
    (rule,) = template["Resources"]["Bucket"]["Properties"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["PUT"], ["*"])
    # The length is the browser's own to tell.
    assert {*rule["AllowedHeaders"], "content-length"} == set(Terms(1, "text/plain", "0" * 64).headers())


def test_who_gives_out_urls_of_the_bucket_may_do_what_they_are_for(template: Any) -> None:
    for role in ("RestRole", "StreamRole"):
        assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} <= actions(template, role)["Bucket"]


def test_the_queue_outwaits_the_worker(template: Any) -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    timeouts = config["stages"]["live"]["lambda_functions"]
    queue = template["Resources"]["RunsQueue"]["Properties"]
    dead = template["Resources"]["RunsDeadLetters"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * timeouts["run_worker"]["lambda_timeout"]
    assert dead["VisibilityTimeout"] >= 6 * timeouts["dead_letters"]["lambda_timeout"]


def actions(template: Any, role: str) -> dict[str, set[str]]:
    """By the resource's logical id, what `role` may do there."""
    found: dict[str, set[str]] = {}
    for policy in template["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            allowed = statement["Action"]
            for target in list(references(statement["Resource"])) or ["*"]:
                found.setdefault(target, set()).update([allowed] if isinstance(allowed, str) else allowed)
    return found


@pytest.mark.parametrize("role", ["RestRole", "StreamRole", "WorkerRole", "DeadLettersRole", "TickRole"])
def test_no_function_may_change_infrastructure_or_scan(template: Any, role: str) -> None:
    allowed = {action for many in actions(template, role).values() for action in many}
    assert allowed
    assert not any("*" in action for action in allowed)
    forbidden = ("Create", "DeleteTable", "DeleteQueue", "Purge", "Scan", "UpdateTable")
    verbs = {action.partition(":")[2] for action in allowed} - {"CreateLogStream"}
    assert not any(verb.startswith(forbidden) for verb in verbs)


def test_only_the_worker_takes_runs_and_only_the_dead_letter_handler_takes_dead_ones(template: Any) -> None:
    takers: dict[str, set[str]] = {"RunsQueue": set(), "RunsDeadLetters": set()}
    for role in ("RestRole", "StreamRole", "WorkerRole", "DeadLettersRole", "TickRole"):
        for target, allowed in actions(template, role).items():
            if "sqs:ReceiveMessage" in allowed:
                takers[target].add(role)
    assert takers == {"RunsQueue": {"WorkerRole"}, "RunsDeadLetters": {"DeadLettersRole"}}


def test_the_secrets_key_is_used_by_those_who_handle_secrets_and_for_nothing_else(template: Any) -> None:
    users = {}
    for role in ("RestRole", "StreamRole", "WorkerRole", "DeadLettersRole", "TickRole"):
        for policy in template["Resources"][role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if "kms:" in json.dumps(statement["Action"]):
                    users[role] = statement
    assert set(users) == {"RestRole", "StreamRole", "WorkerRole", "TickRole"}
    for statement in users.values():
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        assert statement["Resource"] == {"Fn::GetAtt": ["SecretsKey", "Arn"]}
        assert statement["Condition"]["StringEquals"]["kms:EncryptionContext:table"] == {"Ref": "Table"}
    assert template["Resources"]["SecretsKey"]["Properties"]["EnableKeyRotation"] is True


def test_the_clock_may_remove_what_it_finds_expired(template: Any) -> None:
    allowed = {action for many in actions(template, "TickRole").values() for action in many}
    assert {"s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:ListBucket"} <= allowed


def variables(resource: Any) -> dict[str, Any]:
    return dict(resource.get("Properties", {}).get("Environment", {}).get("Variables", {}))


def test_only_what_asks_models_knows_their_keys(template: Any) -> None:
    common = template["Globals"]["Function"]["Environment"]["Variables"]
    holders = [
        name
        for name, resource in template["Resources"].items()
        if {"ANTHROPIC_API_KEY", "OPENAI_API_KEY"} & set(variables(resource))
    ]
    assert "API_KEY" not in json.dumps(common)
    assert holders == ["RunWorker", "Stream"]


def test_sandboxes_are_bounded_by_their_image(template: Any) -> None:
    policy = template["Resources"]["SandboxPolicy"]
    assert policy["Condition"] == "HasMicrovmImage"
    assert {role["Ref"] for role in policy["Properties"]["Roles"]} == {
        "RestRole",
        "StreamRole",
        "WorkerRole",
        "TickRole",
    }
    machines, connectors = policy["Properties"]["PolicyDocument"]["Statement"]
    assert machines["Resource"] == {"Ref": "MicrovmImage"}
    verbs = {"Run", "Get", "Suspend", "Resume", "Terminate"}
    assert set(machines["Action"]) == {f"lambda:{verb}Microvm" for verb in verbs} | {"lambda:CreateMicrovmAuthToken"}
    assert connectors["Action"] == "lambda:PassNetworkConnector"
    assert connectors["Resource"] != "*"


def test_without_an_image_no_function_hears_of_one(template: Any) -> None:
    told = template["Globals"]["Function"]["Environment"]["Variables"]["LAMBENT_MICROVM_IMAGE"]
    assert told == {"Fn::If": ["HasMicrovmImage", {"Ref": "MicrovmImage"}, {"Ref": "AWS::NoValue"}]}
    assert template["Parameters"]["MicrovmImage"]["Default"] == ""


def test_the_build_of_the_image_reads_its_source_alone(template: Any) -> None:
    source, logs = template["Resources"]["MicrovmBuildRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert (source["Action"], source["Resource"]) == ("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/microvm-image/*"})
    assert all(action.startswith("logs:") for action in logs["Action"])


def test_lambda_alone_may_assume_the_role_of_the_build_and_tags_its_session(template: Any) -> None:
    role = template["Resources"]["MicrovmBuildRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.slow
def test_what_chalice_makes_of_it_is_clean(tmp_path: Path) -> None:
    sys_path = {"PYTHONPATH": str(ROOT / "scripts")}
    code = "import package, pathlib, sys; package.make_template(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env={"PATH": "/usr/bin:/bin"} | sys_path)
    made = tmp_path / "sam.json"
    assert made.stat().st_size < 500_000
    lint = subprocess.run([Path(sys.executable).parent / "cfn-lint", made], capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout
