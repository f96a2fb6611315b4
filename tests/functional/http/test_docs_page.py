"""The documentation page, by its text and, where there is a browser, at work."""

import base64
import hashlib
import re
import shutil
from pathlib import Path

import pytest

from tests.functional.http.browser import browser
from tests.functional.http.client import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_the_page_is_whole_small_and_needs_no_key(site: Site) -> None:
    reply = site.ask("GET", "/docs", key=None)
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert len(reply.body) < 40_000
    page = reply.body.decode()
    assert "/*style*/" not in page
    assert "/*script*/" not in page
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_the_policy_admits_the_pages_own_parts_and_nothing_else(site: Site) -> None:
    reply = site.ask("GET", "/docs")
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", reply.body.decode(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_lists_searches_sends_and_shows_streams_live(site: Site, tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{site.port}/docs"
    with browser(str(CHROMIUM), str(tmp_path)) as page:
        page.go(f"{base}#post_t_things")
        page.wait("document.querySelectorAll('nav li').length > 20")
        page.value(
            "const s = document.getElementById('search'); s.value = 'stream'; s.dispatchEvent(new Event('input'))"
        )
        assert page.value("document.querySelectorAll('nav li').length") == 1

        page.value("document.querySelector('button.send').click()")
        page.wait("document.getElementById('result').innerText.includes('401')")
        page.value("document.getElementById('key').value = 'key-a'; document.querySelector('#key-form button').click()")
        page.value("document.querySelector('button.send').click()")
        page.wait("document.getElementById('answer-body').innerText.includes('\"id\": \"thing-1\"')")
        assert "201 Created" in page.value("document.getElementById('result').innerText")

        page.go(f"{base}#get_t_stream_count")
        page.wait("document.querySelector('main').innerText.includes('/t/stream/')")
        page.value("document.querySelector('[name=count]').value = '1000'")
        page.value("document.querySelector('button.send').click()")
        page.wait("(document.getElementById('answer-body')?.innerText || '').includes('id: 3')")
        page.value("document.getElementById('stop').click()")
        page.wait("document.getElementById('result').innerText.includes('stopped')")
        assert site.services.closed.wait(2)
        refused = [complaint for complaint in page.complaints if "401" not in complaint]
        assert refused == []
