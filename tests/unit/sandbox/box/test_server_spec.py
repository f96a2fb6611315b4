"""A computer's description goes through JSON unchanged."""

import json
from typing import Any

import pytest

from chalicelib.sandbox.box.server_spec import SpecInvalid, spec_from_json, spec_to_json
from chalicelib.sandbox.hosts.base import BoxSpec, Injection, Limits, Network

SECRET = Injection(("api.example.com",), "s3cret", placeholder="held", places=("header",))
FULL = BoxSpec(
    "tenant",
    "sandbox",
    env={"A": "ü\n"},
    network=Network(
        "limited", ("*.example.com",), (SECRET, Injection(("x.org",), "v", header="authorization")), ("x.org",)
    ),
    limits=Limits(memory_mib=512, disk_mib=64, processes=10, cpus=0.5),
    seconds=90,
)


@pytest.mark.parametrize("spec", [FULL, BoxSpec("tenant", "sandbox")])
def test_it_comes_back_as_it_was(spec: BoxSpec) -> None:
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


def changed(**parts: Any) -> Any:
    return {**json.loads(json.dumps(spec_to_json(FULL))), **parts}


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {},
        changed(sandbox_id=""),
        changed(tenant=None),
        changed(env={"A": 1}),
        changed(env=[]),
        changed(network={"internet": "some"}),
        changed(network={"hosts": "example.com"}),
        changed(network={"injections": [{"hosts": ["x"]}]}),
        changed(network={"blocked": ["x"]}),
        changed(network={"denied": "example.com"}),
        changed(limits={"memory_mib": 0}),
        changed(limits={"memory_mib": "much"}),
        changed(restriction=True),
    ],
)
def test_what_is_not_a_description_is_refused(raw: Any) -> None:
    with pytest.raises(SpecInvalid):
        spec_from_json(raw)


def test_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(spec_from_json(changed()))
