"""Combines the fragments of infra/ into the one template that `chalice package` merges into its own.

    python scripts/package_template.py OUT

Each fragment holds one concern. What two of them say about the same thing must not contradict.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent.parent / "infra"
FRAGMENTS = ("data.json", "functions.json", "access.json", "api.json", "alarms.json", "microvm.json")
SETTINGS = "settings.json"

Json = dict[str, Any]


class FragmentsDisagreeError(Exception):
    """Two fragments give one place different values."""


def combined() -> Json:
    """All fragments, the settings and the gateway's paths as one template.

    Raises:
        FragmentsDisagreeError: two fragments contradict.
    """
    template: Json = {}
    for name in FRAGMENTS:
        _merge(template, json.loads((INFRA / name).read_text()), name)
    for group in json.loads((INFRA / SETTINGS).read_text()):
        _merge(template, settings(**group), SETTINGS)
    paths = gateway_paths(json.loads((INFRA / "stream_paths.json").read_text()))
    _merge(template, {"Resources": {"RestAPI": {"Properties": {"DefinitionBody": {"paths": paths}}}}}, "paths")
    return template


def settings(parameters: dict[str, Json], functions: list[str] | None = None) -> Json:
    """The fragment that hands `parameters` to `functions` (None: to all) as the settings they name.

    An empty parameter is no setting. Where one is a `Secret` it names the secret whose text is the setting;
    CloudFormation reads that itself, and the text is in no template and no parameter.
    """
    made: Json = {"Parameters": {}, "Conditions": {}}
    variables: Json = {}
    for name, told in parameters.items():
        declared = {key: value for key, value in told.items() if key not in ("Setting", "Secret")}
        made["Parameters"][name] = {"Type": "String", "Default": ""} | declared
        made["Conditions"][f"Has{name}"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}
        value = _secret_text(name) if told.get("Secret") else {"Ref": name}
        variables[told["Setting"]] = {"Fn::If": [f"Has{name}", value, {"Ref": "AWS::NoValue"}]}
    environment = {"Environment": {"Variables": variables}}
    if functions is None:
        return made | {"Globals": {"Function": environment}}
    return made | {"Resources": {function: {"Properties": environment} for function in functions}}


def _secret_text(parameter: str) -> Json:
    return {"Fn::Sub": f"{{{{resolve:secretsmanager:${{{parameter}}}:SecretString}}}}"}


def gateway_paths(streaming: list[str]) -> Json:
    """The gateway's path items for the `streaming` paths and for all they branch off from.

    With `/v1/sessions/{id}/stream` the gateway also makes `/v1/sessions/{id}`, as a place without methods.
    What it does with requests there is not documented. So every place on the way gets the ordinary handler
    and, where no parameter stands in its way, a catch-all of its own.
    """
    places = {place for path in streaming for place in _ancestors(path)} - set(streaming)
    with_parameter = {path.rpartition("/{")[0] for path in places | set(streaming) if path.endswith("}")}
    items = {path: _item(path, stream=True) for path in streaming}
    items |= {path: _item(path, stream=False) for path in places}
    for path in places | set(streaming):
        if path not in with_parameter:
            items[f"{path}/{{proxy+}}"] = _item(f"{path}/{{proxy+}}", stream=False)
    return dict(sorted(items.items()))


def _ancestors(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(2, len(parts))]


def _item(path: str, *, stream: bool) -> Json:
    names = [part.strip("{}").rstrip("+") for part in path.split("/") if part.startswith("{")]
    return {
        "x-amazon-apigateway-any-method": {
            "parameters": [{"name": n, "in": "path", "required": True, "type": "string"} for n in names],
            "responses": {},
            "x-amazon-apigateway-integration": _streamed() if stream else _buffered(),
        }
    }


def _buffered() -> Json:
    uri = "lambda:path/2015-03-31/functions/${APIHandler.Arn}/invocations"
    return {"type": "aws_proxy", "httpMethod": "POST", "uri": _arn(uri)}


def _streamed() -> Json:
    uri = "lambda:path/2021-11-15/functions/${Stream.Arn}/response-streaming-invocations"
    return {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": _arn(uri),
        "responseTransferMode": "STREAM",
        "timeoutInMillis": 600_000,
    }


def _arn(tail: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{tail}"}


def _merge(into: Json, new: Json, where: str) -> None:
    for key, value in new.items():
        place = f"{where}/{key}"
        if isinstance(into.get(key), dict) and isinstance(value, dict):
            _merge(into[key], value, place)
        elif key == "Description" or key not in into:
            into[key] = value
        elif into[key] != value:
            raise FragmentsDisagreeError(f"{place}: {into[key]!r} is already there, {value!r} comes")


def main() -> None:
    Path(sys.argv[1]).write_text(json.dumps(combined(), indent=1) + "\n")


if __name__ == "__main__":
    main()
