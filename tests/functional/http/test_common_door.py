"""Probes, index and documents, over real storage."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from openapi_spec_validator import validate

from chalicelib.doors import common
from chalicelib.http.about import NAME, VERSION
from chalicelib.http.app import create_app
from chalicelib.observability import logger
from chalicelib.wiring import Services
from tests.functional.conftest import ROOT_KEY
from tests.functional.http.client import Site, running, wait_for
from tests.functional.http.standins import DOOR


@pytest.fixture
def real_site(services: Services) -> Iterator[Site]:
    with running(create_app(services, (common.DOOR, DOOR)), services) as found:
        yield found


def test_the_probes(real_site: Site) -> None:
    assert real_site.ask("GET", "/healthz", key=None).json == {"ok": True}
    assert real_site.ask("GET", "/health", key=None).json == {"status": "ok", "version": VERSION}
    ready = real_site.ask("GET", "/readyz", key=None)
    assert (ready.status, ready.json) == (200, {"ready": True, "away": []})


@pytest.mark.parametrize(("setting", "part"), [("table", "table"), ("queue_url", "queue")])
def test_readiness_names_what_is_away(services: Services, setting: str, part: str) -> None:
    gone = {"table": "no-such-table", "queue_url": services.settings.queue_url + "-gone"}[setting]
    lame = Services(replace(services.settings, **{setting: gone}))
    with running(create_app(lame, (common.DOOR,)), lame) as site:
        reply = site.ask("GET", "/readyz", key=None)
    assert (reply.status, reply.json) == (503, {"ready": False, "away": [part]})


def test_the_index_is_a_page_for_browsers_and_json_for_programs(site: Site) -> None:
    told = site.ask("GET", "/", key=None)
    assert told.json["name"] == NAME
    assert all(site.ask("GET", path, key=None).status == 200 for path in told.json["links"].values())
    page = site.ask("GET", "/", key=None, accept="text/html,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html")
    assert b'href="/docs"' in page.body
    assert page.headers["vary"] == "accept"


def test_the_document_is_that_of_the_mounted_doors(site: Site) -> None:
    reply = site.ask("GET", "/openapi.json", key=None)
    document = json.loads(reply.body)
    validate(document)
    assert {"/healthz", "/t/things"} <= set(document["paths"])


def test_unknown_paths_of_no_family_show_the_common_envelope(site: Site) -> None:
    body = site.ask("POST", "/nowhere").json
    assert body["error"] == {"type": "not_found", "message": "there is no route POST /nowhere"}
    assert body["request_id"].startswith("req_")


def test_the_pipeline_works_over_the_real_guards(real_site: Site) -> None:
    tenant, minted = real_site.services.tenants.create("ours", {"write": 3})
    real_site.services.made = 0
    key = minted.secret
    first = real_site.ask("POST", "/t/things", {"name": "x"}, key=key, idempotency_key="k")
    again = real_site.ask("POST", "/t/things", {"name": "x"}, key=key, idempotency_key="k")
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert real_site.ask("POST", "/t/things", {"name": "y"}, key=key, idempotency_key="k").status == 409
    assert real_site.ask("GET", "/t/things", key="wrong").status == 401
    assert real_site.ask("GET", "/t/root", key=ROOT_KEY).headers["x-ratelimit-limit"]
    assert real_site.ask("GET", "/t/root", key=key).status == 403
    assert real_site.ask("GET", "/t/who", key=key).json["before"]["tenant"] == tenant.id


def test_each_request_leaves_one_line_without_its_path_or_key(site: Site) -> None:
    lines: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record)

    log = logger("http.access")
    keep = Keep()
    log.addHandler(keep)
    log.setLevel(logging.INFO)
    try:
        reply = site.ask("GET", "/t/things/private-id")
        site.ask("HEAD", "/nowhere", key=None)
        # The line is written when the answer is out.
        assert wait_for(lambda: len(lines) == 2)
    finally:
        log.removeHandler(keep)
        log.setLevel(logging.NOTSET)
    first, second = (vars(line) for line in lines)
    assert (first["method"], first["route"], first["status"]) == ("GET", "/t/things/{id}", 200)
    assert (first["tenant"], first["request_id"]) == ("tenant-a", reply.headers["request-id"])
    assert 0 < first["duration_ms"] < 5000
    assert (second["method"], second["route"], second["status"], second["tenant"]) == ("HEAD", "(unknown)", 404, "")
    assert "private-id" not in str(first)
