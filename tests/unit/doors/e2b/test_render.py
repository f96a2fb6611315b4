"""Sandboxes as clients see them."""

import json
from dataclasses import replace

import pytest

from chalicelib.doors.e2b import render
from chalicelib.sandbox.hosts.base import Limits
from chalicelib.sandbox.model import Sandbox

ID = "0b9a6a7e-1c5d-4f1e-9d7b-2f4a8c6e1d3f"
ONE = Sandbox(ID, "tenant", "e2b", "base", 1000, 2000, 3000, metadata={"a": "b"}, env={"SECRET": "hidden"})
LIMITS = Limits(memory_mib=512, disk_mib=1024, cpus=1.5)


def test_how_to_speak_with_one() -> None:
    shown = render.sandbox(ONE, "token", None, None)
    assert shown == {
        "templateID": "base",
        "sandboxID": ID,
        "clientID": "lambent",
        "envdVersion": "0.6.13",
        "envdAccessToken": "token",
        "domain": None,
    }


def test_one_that_is_not_public_shows_what_its_visitors_need() -> None:
    shown = render.sandbox(ONE, "token", "sandboxes.example.net", "traffic")
    assert (shown["domain"], shown["trafficAccessToken"]) == ("sandboxes.example.net", "traffic")


def test_a_list_shows_no_token() -> None:
    shown = render.listed(ONE, LIMITS)
    assert (shown["startedAt"], shown["endAt"]) == ("1970-01-01T00:00:02.000Z", "1970-01-01T00:00:03.000Z")
    assert (shown["cpuCount"], shown["memoryMB"], shown["diskSizeMB"]) == (2, 512, 1024)
    assert (shown["state"], shown["metadata"]) == ("running", {"a": "b"})
    assert "envdAccessToken" not in shown


def test_all_about_one_without_its_environment() -> None:
    shown = render.detailed(
        replace(ONE, auto_resume=True, on_timeout="pause", internet=False), LIMITS, "token", "x.net"
    )
    assert shown["lifecycle"] == {"autoResume": True, "onTimeout": "pause"}
    assert shown["allowInternetAccess"] is False
    assert shown["envdAccessToken"] == "token"
    assert "hidden" not in json.dumps(shown)


def test_one_without_end_ends_in_a_far_year() -> None:
    assert render.listed(replace(ONE, end_at=None), LIMITS)["endAt"].startswith("9999-")


def test_a_metric_has_all_fields_whatever_was_measured() -> None:
    shown = render.metric({"cpuUsedPct": 12.5, "memUsed": 7, "memTotal": 1 << 40}, LIMITS, 1_700_000_000_123)
    assert shown["timestamp"] == "2023-11-14T22:13:20.123Z"
    assert shown["timestampUnix"] == 1_700_000_000
    assert (shown["cpuUsedPct"], shown["memUsed"], shown["memTotal"], shown["diskTotal"]) == (12.5, 7, 512 << 20, 0)
    assert render.metric({}, LIMITS, 0)["memTotal"] == 512 << 20


@pytest.mark.parametrize("text", ["snap_" + ID.replace("-", ""), "SNAP_" + ID])
def test_a_snapshot_is_a_template(text: str) -> None:
    assert render.is_snapshot(text)
    assert render.snapshot_id_of(text) == ID
    assert render.snapshot_name(ID) == "snap_" + ID.replace("-", "")
    assert not render.is_snapshot("base")
