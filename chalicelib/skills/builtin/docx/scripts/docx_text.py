#!/usr/bin/env python3
"""Paragraphs of Word documents to and from text, with Python's standard library alone."""

import argparse
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
W = f"{{{MAIN}}}"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
HEADING = re.compile(r"(#{1,6})\s+(.*)")
ENTRY = re.compile(r"[-*]\s+(.*)")
MARKED = re.compile(r"\*\*(.+?)\*\*|\*(.+?)\*")
RULE = re.compile(r"\|?[\s:|-]*-[\s:|-]*\|?")
SIGNS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
SILENT = {
    f"{W}pPr",
    f"{W}rPr",
    f"{W}del",
    f"{W}moveFrom",
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}
"""Settings, what was taken out, and what stands there a second time for older programs."""
SIZES = (36, 30, 26, 24, 22, 22)


class BadDocument(Exception):
    """The file is no document that can be read."""


def _xml(archive: zipfile.ZipFile, member: str) -> ElementTree.Element:
    try:
        with archive.open(member) as file:
            return ElementTree.parse(file).getroot()  # noqa: S314 - nothing outside of the file is ever read
    except (KeyError, ElementTree.ParseError) as error:
        raise BadDocument(f"{member} is missing or damaged") from error


LIST = -1
"""Instead of a level: the style of entries of a list."""


def _levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """The level of headings, and which entries of lists are, by the id of their style."""
    if "word/styles.xml" not in archive.namelist():
        return {}
    found = {}
    for style in _xml(archive, "word/styles.xml").iter(f"{W}style"):
        name = style.find(f"{W}name")
        label = "" if name is None else name.get(f"{W}val", "").lower()
        numbered = re.fullmatch(r"heading ([1-9])", label)
        if numbered or label == "title":
            found[style.get(f"{W}styleId", "")] = min(int(numbered[1]), 6) if numbered else 1
        elif style.find(f"{W}pPr/{W}numPr") is not None:
            found[style.get(f"{W}styleId", "")] = LIST
    return found


def blocks(archive: zipfile.ZipFile) -> Iterator[str]:
    """The paragraphs and tables of a document as text. Raises BadDocument."""
    body = _xml(archive, "word/document.xml").find(f"{W}body")
    if body is None:
        raise BadDocument("the document has no body")
    yield from _blocks(body, _levels(archive))


def _blocks(parent: ElementTree.Element, levels: dict[str, int]) -> Iterator[str]:
    for child in parent:
        if child.tag == f"{W}p":
            yield _paragraph(child, levels)
        elif child.tag == f"{W}tbl":
            yield "\n".join(_row(row) for row in child.iter(f"{W}tr"))
        elif child.tag == f"{W}sdt":
            content = child.find(f"{W}sdtContent")
            yield from _blocks(content if content is not None else (), levels)  # type: ignore[arg-type]


def _row(row: ElementTree.Element) -> str:
    cells = (" ".join(_runs(one) for one in cell.iter(f"{W}p")) for cell in row.iter(f"{W}tc"))
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def _paragraph(paragraph: ElementTree.Element, levels: dict[str, int]) -> str:
    text = _runs(paragraph)
    properties = paragraph.find(f"{W}pPr")
    if properties is None or not text:
        return text
    style = properties.find(f"{W}pStyle")
    level = levels.get("" if style is None else style.get(f"{W}val", ""), 0)
    if level > 0:
        return f"{'#' * level} {text}"
    return f"- {text}" if level == LIST or properties.find(f"{W}numPr") is not None else text


def _runs(paragraph: ElementTree.Element) -> str:
    return "".join(_said(paragraph)).strip("\n")


def _said(parent: ElementTree.Element) -> Iterator[str]:
    for node in parent:
        if node.tag in SIGNS:
            yield SIGNS[node.tag]
        elif node.tag == f"{W}t":
            yield node.text or ""
        elif node.tag not in SILENT:
            yield from _said(node)


def read(path: str) -> None:
    """Print the text of a document."""
    with zipfile.ZipFile(path) as archive:
        found = [block for block in blocks(archive) if block.strip()]
    joined = ""
    for before, block in zip(["", *found], found, strict=False):
        close = before.startswith("- ") and block.startswith("- ")
        joined += ("\n" if close else "\n\n" if joined else "") + block
    sys.stdout.write(joined + "\n" if joined else "")


def _run(text: str, *, bold: bool = False, italic: bool = False) -> str:
    marks = ("<w:b/>" if bold else "") + ("<w:i/>" if italic else "")
    properties = f"<w:rPr>{marks}</w:rPr>" if marks else ""
    lines = escape(CONTROL.sub("", text)).split("\n")
    inner = "<w:br/>".join(f'<w:t xml:space="preserve">{line}</w:t>' for line in lines)
    return f"<w:r>{properties}{inner}</w:r>"


def _marked(text: str, *, bold: bool = False) -> str:
    parts, at = [], 0
    for found in MARKED.finditer(text):
        parts.append(_run(text[at : found.start()], bold=bold) if found.start() > at else "")
        parts.append(_run(found[1] or found[2], bold=bold or bool(found[1]), italic=bool(found[2])))
        at = found.end()
    return "".join(parts) + (_run(text[at:], bold=bold) if at < len(text) else "")


def _p(text: str, style: str = "", properties: str = "", *, bold: bool = False) -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    inner = f"<w:pPr>{named}{properties}</w:pPr>" if named or properties else ""
    return f"<w:p>{inner}{_marked(text, bold=bold)}</w:p>"


def _table(rows: list[str]) -> str:
    cells = [
        [cell.strip().replace("\0", "|") for cell in row.replace("\\|", "\0").strip().strip("|").split("|")]
        for row in rows
        if not RULE.fullmatch(row.strip())
    ]
    width = max((len(row) for row in cells), default=0)
    lines = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    grid = "<w:gridCol/>" * width
    body = "".join(
        "<w:tr>"
        + "".join(f"<w:tc>{_p(cell, bold=number == 0)}</w:tc>" for cell in row + [""] * (width - len(row)))
        + "</w:tr>"
        for number, row in enumerate(cells)
    )
    head = f'<w:tblPr><w:tblW w:w="0" w:type="auto"/><w:tblBorders>{lines}</w:tblBorders></w:tblPr>'
    return f"<w:tbl>{head}<w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl><w:p/>" if cells else ""


def body_of(text: str) -> Iterator[str]:
    """The blocks of a document's body for a text."""
    held: list[str] = []
    rows: list[str] = []
    for line in [*text.replace("\r\n", "\n").split("\n"), ""]:
        is_row = line.strip().startswith("|")
        if held and (is_row or not line.strip() or HEADING.match(line) or ENTRY.match(line)):
            yield _p("\n".join(held))
            held = []
        if rows and not is_row:
            yield _table(rows)
            rows = []
        if is_row:
            rows.append(line)
        elif heading := HEADING.match(line):
            yield _p(heading[2], f"Heading{len(heading[1])}")
        elif entry := ENTRY.match(line):
            yield _p(entry[1], properties='<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>')
        elif line.strip():
            held.append(line.strip())


def _styles() -> str:
    headings = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/>'
        f'<w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:pPr><w:keepNext/>'
        f'<w:spacing w:before="240" w:after="80"/>'
        f'<w:outlineLvl w:val="{level - 1}"/></w:pPr><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr></w:style>'
        for level, size in enumerate(SIZES, 1)
    )
    return (
        f'<w:styles xmlns:w="{MAIN}"><w:docDefaults><w:rPrDefault><w:rPr>'
        '<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri"/><w:sz w:val="22"/></w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="120"/></w:pPr></w:pPrDefault></w:docDefaults>'
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
        f"{headings}</w:styles>"
    )


def _parts(text: str) -> dict[str, str]:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    types = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    overrides = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{types}.{kind}+xml"/>'
        for name, kind in (("document", "document.main"), ("styles", "styles"), ("numbering", "numbering"))
    )
    relations = f'{head}<Relationships xmlns="{PACKAGE}/relationships">'
    section = (
        '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1134" w:right="1134" w:bottom="1134" w:left="1134" '
    )
    section += 'w:header="708" w:footer="708" w:gutter="0"/></w:sectPr>'
    return {
        "[Content_Types].xml": f'{head}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
        "_rels/.rels": f'{relations}<Relationship Id="rId1" Type="{DOCUMENT}/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'{relations}<Relationship Id="rId1" Type="{DOCUMENT}/styles" '
        'Target="styles.xml"/>'
        f'<Relationship Id="rId2" Type="{DOCUMENT}/numbering" Target="numbering.xml"/></Relationships>',
        "word/document.xml": f'{head}<w:document xmlns:w="{MAIN}"><w:body>{"".join(body_of(text))}{section}</w:body>'
        "</w:document>",
        "word/styles.xml": head + _styles(),
        "word/numbering.xml": f'{head}<w:numbering xmlns:w="{MAIN}"><w:abstractNum w:abstractNumId="0">'
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/><w:lvlJc w:val="left"/>'
        '<w:pPr><w:ind w:left="720" w:hanging="360"/></w:pPr></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        "</w:numbering>",
    }


def write(target: str, text: str) -> None:
    """Make a document of a text."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in _parts(text).items():
            archive.writestr(member, content)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="print the text of a document")
    reading.add_argument("document")
    writing = commands.add_parser("write", help="make a document of a text")
    writing.add_argument("document")
    writing.add_argument("text", nargs="?", help="a file; standard input when it is not given")
    said = parser.parse_args()
    try:
        if said.command == "read":
            read(said.document)
        else:
            write(said.document, Path(said.text).read_text("utf-8-sig") if said.text else sys.stdin.read())
    except (BadDocument, OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        sys.exit(f"docx_text: {error}")


if __name__ == "__main__":
    main()
