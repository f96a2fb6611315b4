import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tools.html_text import read_page


def _text(html: str) -> str:
    return read_page(html, "https://h.test/dir/page", 100_000).text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one\n  two</p><p>three", "one two\n\nthree"),
        ("a<br>b<br/><br>c", "a\nb\n\nc"),
        ("<h1>T</h1><h3>S <em>x</em></h3>p", "# T\n\n### S x\n\np"),
        ("<ul><li>a<li>b<ol start=3><li>c</li><li>d</ol></ul>e", "- a\n- b\n  3. c\n  4. d\n\ne"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "A | B\n1 | 2"),
        ("<pre>\n  a\n    b  c\n</pre>x", "a\n    b  c\n\nx"),
        ("a &lt;b&gt; &amp; &copy; &#8364; &#x20AC; &nbsp;&unknown; &amp", "a <b> & © € € &unknown; &"),
        ("x<script>if (a<b) '</p>'</script>y<style>p{}</style>z", "xyz"),
        ("x<SCRIPT>no</script >y", "xy"),
        ("x<!-- <p> -- > no -->y<!-->z<!doctype x><?php no ?>!", "xyz!"),
        ("x<svg><title>no</title><path/></svg>y<svg/>z", "xyz"),
        ("x<svg><p>out of it", "x\n\nout of it"),
        ("<template>no</template><noscript>yes</noscript>", "yes"),
        ("a < b > c <3 <> </ >d", "a < b > c <3 <> d"),
        ("<p class='a>b' title=\"x>y\" data=1>t</p>", "t"),
        ("<p class='never closed>t</p>", "t"),
        ("<b>bo</b>ld <i> sp</i>aced", "bold spaced"),
        ("<img alt='A &amp; B'><img alt=''><img>", "[image: A & B]"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<a href=x>l</a>, <a href='/y?a=1&amp;b'>m</a>", "l (https://h.test/dir/x), m (https://h.test/y?a=1&b)"),
        ("<a href='#x'>l</a><a href='javascript:x()'>m</a><a href='mailto:a'>n</a><a>o</a>", "lmno"),
        ("<a href='https://o.test/'>https://o.test/</a>", "https://o.test/"),
        ("<a href=x></a><a href='http://[bad'>b</a>", "b"),
        ("<base href='https://o.test/d/'><a href=x>l</a>", "l (https://o.test/d/x)"),
        ("<a href=x>one <a href=y>two</a>", "one (https://h.test/dir/x) two (https://h.test/dir/y)"),
        ("soft\xadhyphen", "softhyphen"),
        ("</ul></ol></pre></a></p>x", "x"),
        ("unfinished <p class=", "unfinished"),
        ("unfinished <!-- comment", "unfinished"),
        ("unfinished <script>", "unfinished"),
        ("", ""),
    ],
)
def test_a_page_reads_well(html: str, text: str) -> None:
    assert _text(html) == text


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title> A\n &amp;  B </title>", "A & B"),
        ("<TITLE>a <b> c</TITLE>x", "a <b> c"),
        ("<title></title>", None),
        ("<svg><title>no</title></svg><title>yes</title>", "yes"),
        ("<title>one</title><title>two</title>", "one"),
        ("x", None),
    ],
)
def test_the_title(html: str, title: str | None) -> None:
    assert read_page(html, "https://h.test/", 1000).title == title


def test_reading_stops_at_the_limit() -> None:
    page = read_page(
        "<base href=https://h.test/" + "b" * 900 + "/>" + "<a href=x>y</a>" * 100_000, "https://h.test/", 50_000
    )
    assert not page.whole
    assert 50_000 <= len(page.text) < 52_000


TAGS = ["<a ", "<script>", "</script", "<p", "/>", "<title>", "<svg>", "</svg>", "<pre>", "<ul><li>", "</ul>", "<td>"]
OTHERS = ["<!--", "-->", "<", ">", "</", "'", '"', "=", "href='", "&amp", ";", "]]>", "\n", " ", "x", "\0", "<![CDATA["]
PIECES = [*TAGS, *OTHERS, "<base href="]
LONG = [*PIECES, "<a b='", '<a b="', "<title></title>", "<a href=x>y</a>", "<a b" + " " * 99]


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_no_page_is_too_broken(pieces: list[str]) -> None:
    read_page("".join(pieces), "https://h.test/", 1000)


@pytest.mark.parametrize(
    "piece", [*PIECES, "<a b='", '<a b="', "<title></title>", "<a href=x>y</a>", "<a b" + " " * 99]
)
def test_the_time_grows_with_the_page_and_not_with_its_square(piece: str) -> None:
    page = (piece * 200_000)[:400_000]
    began = time.process_time()
    read_page(page, "https://h.test/", 100_000)
    assert time.process_time() - began < 3
