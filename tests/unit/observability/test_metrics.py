"""Metrics: embedded in the log in AWS, nothing elsewhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.observability import count, timed


def test_nothing_is_written_outside_aws(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBENT_STAGE", raising=False)
    count("Things")
    with timed("Work"):
        pass
    assert capsys.readouterr().out == ""


def test_counts_and_times_are_embedded_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBENT_STAGE", "aws")
    count("Things", 3, kind="round")
    with pytest.raises(KeyError), timed("Work"):
        raise KeyError
    counted, measured = map(json.loads, capsys.readouterr().out.splitlines())
    assert counted["Things"] == [3.0]
    assert counted["kind"] == "round"
    [told] = counted["_aws"]["CloudWatchMetrics"]
    assert told["Namespace"] == "Lambent"
    assert told["Metrics"][0]["Unit"] == "Count"
    assert measured["_aws"]["CloudWatchMetrics"][0]["Metrics"][0] == {"Name": "Work", "Unit": "Milliseconds"}
    assert 0 <= measured["Work"][0] < 1000


def test_a_laptop_imports_neither_tracer_nor_powertools() -> None:
    code = (
        "import sys; import chalicelib.observability as o; o.logger('x').info('y'); o.count('z')\n"
        "with o.timed('w'): pass\n"
        "print([m for m in sys.modules if m.startswith(('aws_xray_sdk', 'aws_lambda_powertools'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert found.stdout == "[]\n"


def test_a_span_in_lambda_is_a_subsegment(tmp_path: Path) -> None:
    code = (
        "from chalicelib.observability import span\n"
        "with span('work'):\n"
        "    from aws_xray_sdk.core import xray_recorder\n"
        "    found = xray_recorder.current_subsegment()\n"
        "    print(found.name, found.trace_id)"
    )
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    env = {
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "_X_AMZN_TRACE_ID": f"Root={trace};Parent=53995c3f42cd8ad8;Sampled=1",
    }
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert found.stdout == f"work {trace}\n"
