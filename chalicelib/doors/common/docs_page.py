"""The interactive documentation: one page with its style and script inside, and a policy that admits nothing else."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class DocsPage:
    """The page and its Content-Security-Policy."""

    html: bytes
    policy: str


@cache
def docs_page() -> DocsPage:
    """Put the page together from its parts."""
    style = (_PAGE / "docs.css").read_text("utf-8")
    script = (_PAGE / "docs.js").read_text("utf-8")
    html = (_PAGE / "docs.html").read_text("utf-8").replace("/*style*/", style).replace("/*script*/", script)
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; style-src {_source(style)}; script-src {_source(script)}"
    )
    return DocsPage(html.encode(), policy)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
