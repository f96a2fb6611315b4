"""Programs that know nothing of the proxy but their environment."""

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.sandbox.box.egress.variables import proxy_environment
from chalicelib.sandbox.hosts.base import Network
from tests.functional.outbound.web import Web, serving
from tests.functional.sandbox.egress.boxes import CANARY, PLACEHOLDER, Box, box, injection
from tests.functional.sandbox.egress.test_injection import ON_THE_WIRE, echo

Tls = tuple[ssl.SSLContext, ssl.SSLContext]
HERE = {"good_test": "127.0.0.1", "other_test": "127.0.0.1"}
RULES = Network("limited", ("good.test",), (injection("good.test"),))
URLLIB = """
import sys, urllib.request, urllib.error
asked = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
try:
    print(urllib.request.urlopen(asked, timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except urllib.error.URLError as error:
    print(error.reason)
"""
HTTPX = """
import sys, httpx2
with httpx2.Client(timeout=10) as client:
    for _ in range(2):
        try:
            answer = client.get(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
            print(answer.status_code, answer.text)
        except httpx2.ProxyError as error:
            print(error)
"""
Program = Callable[[str], list[str]]
PROGRAMS: dict[str, Program] = {
    "urllib": lambda url: [sys.executable, "-c", URLLIB, url, PLACEHOLDER],
    "httpx": lambda url: [sys.executable, "-c", HTTPX, url, PLACEHOLDER],
    "curl": lambda url: [
        shutil.which("curl") or pytest.skip("curl is not installed"),
        "-sS",
        "--max-time",
        "10",
        *("-H", f"Authorization: Bearer {PLACEHOLDER}"),
        url,
    ],
}


def run(program: str, inside: Box, folder: Path, url: str) -> str:
    """What the program prints, with the environment a box gives it."""
    bundle = folder / "bundle.pem"
    bundle.write_bytes(inside.egress.ca_bundle() or b"")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **proxy_environment(inside.port, str(bundle))}
    done = subprocess.run(PROGRAMS[program](url), env=environment, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_find_their_way(good: Tls, program: str, tmp_path: Path) -> None:
    own, trust = good
    with serving(echo, tls=own) as web, serving(echo) as plain, box(RULES, trust=trust, **HERE) as inside:
        for host in (web.url("/a", "good.test", "https"), plain.url("/a", "good.test")):
            told = run(program, inside, tmp_path, host)
            assert '"target": "/a"' in told
            assert "****" in told
            assert CANARY not in told
        _all_got_the_value(web, plain)
        assert "403" in run(program, inside, tmp_path, web.url("/a", "other.test", "https"))
        refused = run(program, inside, tmp_path, plain.url("/a", "other.test"))
        assert "other.test cannot be reached: the network rules of this environment" in refused


def _all_got_the_value(*webs: Web) -> None:
    for web in webs:
        assert {seen.headers["authorization"] for seen in web.requests} == {f"Bearer {ON_THE_WIRE}"}
