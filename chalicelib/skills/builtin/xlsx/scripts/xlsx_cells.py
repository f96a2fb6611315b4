#!/usr/bin/env python3
"""Cells of Excel workbooks to and from CSV, with Python's standard library alone."""

import argparse
import csv
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LINKS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,14})?([eE][+-]?[0-9]{1,2})?")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
MOST_COLUMNS, MOST_ROWS = 16_384, 1_048_576


class BadWorkbook(Exception):
    """The file is no workbook that can be read, or what was asked for is not in it."""


class Workbook:
    """An open workbook."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        root = self._xml("xl/workbook.xml")
        links = self._xml("xl/_rels/workbook.xml.rels")
        targets = {link.get("Id"): _member(link.get("Target", "")) for link in links.iter(f"{LINKS}Relationship")}
        self.sheets = {
            sheet.get("name", ""): targets.get(sheet.get(f"{{{DOCUMENT}}}id"), "")
            for sheet in root.iter(f"{MAIN}sheet")
        }
        properties = root.find(f"{MAIN}workbookPr")
        late = properties is not None and properties.get("date1904") in ("1", "true")
        self._epoch = datetime(1904, 1, 1) if late else datetime(1899, 12, 30)  # noqa: DTZ001 - cells know no zone
        self._texts = self._shared_texts()
        self._dates = self._date_styles()

    def _xml(self, member: str) -> ElementTree.Element:
        try:
            # Entities are not expanded from outside, and a definition of its own no program writes.
            with self._archive.open(member) as file:
                return ElementTree.parse(file).getroot()  # noqa: S314
        except (KeyError, ElementTree.ParseError) as error:
            raise BadWorkbook(f"{member} is missing or damaged") from error

    def _has(self, member: str) -> bool:
        return member in self._archive.namelist()

    def _shared_texts(self) -> list[str]:
        if not self._has("xl/sharedStrings.xml"):
            return []
        return [_text(entry) for entry in self._xml("xl/sharedStrings.xml").iter(f"{MAIN}si")]

    def _date_styles(self) -> set[int]:
        if not self._has("xl/styles.xml"):
            return set()
        root = self._xml("xl/styles.xml")
        own = {int(one.get("numFmtId", "0")): one.get("formatCode", "") for one in root.iter(f"{MAIN}numFmt")}
        formats = root.find(f"{MAIN}cellXfs")
        found = set()
        for place, style in enumerate(formats if formats is not None else ()):
            number = int(style.get("numFmtId", "0"))
            if number in DATE_FORMATS or _is_date_format(own.get(number, "")):
                found.add(place)
        return found

    def rows(self, sheet: str, *, formulas: bool) -> Iterator[list[str]]:
        """The cells of a sheet, row by row from the first. Raises BadWorkbook."""
        if sheet not in self.sheets:
            raise BadWorkbook(f"there is no sheet {sheet!r}; there are: {', '.join(self.sheets)}")
        expected = 1
        for row in self._xml(self.sheets[sheet]).iter(f"{MAIN}row"):
            number = int(row.get("r", expected))
            for _ in range(min(number, MOST_ROWS) - expected):
                yield []
            yield self._cells(row, formulas=formulas)
            expected = number + 1

    def _cells(self, row: ElementTree.Element, *, formulas: bool) -> list[str]:
        cells: list[str] = []
        for cell in row.iter(f"{MAIN}c"):
            column = _column(cell.get("r", "")) or len(cells) + 1
            cells += [""] * (min(column, MOST_COLUMNS) - len(cells) - 1)
            cells.append(self._value(cell, formulas=formulas))
        return cells

    def _value(self, cell: ElementTree.Element, *, formulas: bool) -> str:
        formula = cell.find(f"{MAIN}f")
        if formulas and formula is not None and formula.text:
            return f"={formula.text}"
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = cell.find(f"{MAIN}is")
            return "" if inline is None else _text(inline)
        raw = cell.findtext(f"{MAIN}v", "")
        if kind == "s":
            return self._texts[int(raw)] if raw else ""
        if kind == "b":
            return "TRUE" if raw == "1" else "FALSE"
        if kind == "n" and raw and int(cell.get("s", "0")) in self._dates:
            return self._date(float(raw))
        return _plain_number(raw) if kind == "n" else raw

    def _date(self, days: float) -> str:
        try:
            moment = self._epoch + timedelta(days=days)
        except OverflowError:
            return str(days)
        moment = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
        if 0 <= days < 1:
            return f"{moment:%H:%M:%S}"
        return f"{moment:%Y-%m-%d}" if days == int(days) else f"{moment:%Y-%m-%dT%H:%M:%S}"


def _member(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _text(entry: ElementTree.Element) -> str:
    """The text of an entry, without the readings that East Asian texts carry along."""
    parts = [entry.findtext(f"{MAIN}t", "")]
    parts += [run.findtext(f"{MAIN}t", "") for run in entry.iter(f"{MAIN}r")]
    return "".join(parts)


def _is_date_format(code: str) -> bool:
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code).lower()
    return bool(re.search(r"[dmyhs]", bare)) and "general" not in bare


def _plain_number(raw: str) -> str:
    try:
        value = float(raw)
    except ValueError:
        return raw
    return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)


def _column(reference: str) -> int:
    """The number of a column, 1 for A; 0 when the reference tells none."""
    number = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number


def _letters(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _sheet_xml(rows: Iterable[list[str]]) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{MAIN[1:-1]}"><sheetData>'
    for number, row in enumerate(rows, 1):
        cells = (_cell_xml(f"{_letters(place)}{number}", text) for place, text in enumerate(row, 1) if text)
        yield f'<row r="{number}">{"".join(cells)}</row>'
    yield "</sheetData></worksheet>"


def _cell_xml(place: str, text: str) -> str:
    if NUMBER.fullmatch(text):
        return f'<c r="{place}"><v>{text}</v></c>'
    clean = escape(CONTROL.sub("", text))
    if text.startswith("=") and len(text) > 1:
        return f'<c r="{place}"><f>{clean[1:]}</f></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{clean}</t></is></c>'


def _parts(names: list[str]) -> dict[str, str]:
    """The members of a new workbook besides its sheets."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(names) + 1)
    overrides = [
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{types}.worksheet+xml"/>' for n in numbers
    ]
    overrides.append(f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>')
    overrides.append(f'<Override PartName="/xl/styles.xml" ContentType="{types}.styles+xml"/>')
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, names, strict=True)
    )
    links = [
        f'<Relationship Id="rId{n}" Type="{DOCUMENT}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    ]
    links.append(f'<Relationship Id="rId{len(names) + 1}" Type="{DOCUMENT}/styles" Target="styles.xml"/>')
    relations = f'<Relationships xmlns="{LINKS[1:-1]}">'
    return {
        "[Content_Types].xml": f'{head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{"".join(overrides)}</Types>',
        "_rels/.rels": f'{head}{relations}<Relationship Id="rId1" Type="{DOCUMENT}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook xmlns="{MAIN[1:-1]}" xmlns:r="{DOCUMENT}"><sheets>{sheets}</sheets>'
        '<calcPr fullCalcOnLoad="1"/></workbook>',
        "xl/_rels/workbook.xml.rels": f"{head}{relations}{''.join(links)}</Relationships>",
        "xl/styles.xml": f'{head}<styleSheet xmlns="{MAIN[1:-1]}"><fonts count="1"><font><sz val="11"/>'
        '<name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/>'
        '<bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" '
        'borderId="0"/></cellStyleXfs><cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" '
        'xfId="0"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>",
    }


def _sheet_name(given: str, taken: set[str]) -> str:
    """A name as Excel takes it: at most 31 letters, none of them special, none twice in any case."""
    name = re.sub(r"[\[\]:*?/\\]", "_", given).strip("'")[:31] or "Sheet"
    number = 2
    while name.lower() in taken:
        ending = f" ({number})"
        name, number = name[: 31 - len(ending)] + ending, number + 1
    taken.add(name.lower())
    return name


def write(target: str, sources: list[str]) -> None:
    """Make a workbook of CSV files, given as ``NAME=FILE`` or ``FILE``."""
    taken: set[str] = set()
    pairs = [one.split("=", 1) if "=" in one else [Path(one).stem, one] for one in sources]
    names = [_sheet_name(name, taken) for name, _ in pairs]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in _parts(names).items():
            archive.writestr(member, text)
        for number, (_, path) in enumerate(pairs, 1):
            with (
                archive.open(f"xl/worksheets/sheet{number}.xml", "w") as sheet,
                Path(path).open(newline="", encoding="utf-8-sig") as file,
            ):
                for piece in _sheet_xml(csv.reader(file)):
                    sheet.write(piece.encode())


def read(path: str, sheet: str | None, *, formulas: bool) -> None:
    """Print one sheet as CSV."""
    with zipfile.ZipFile(path) as archive:
        book = Workbook(archive)
        if not book.sheets:
            raise BadWorkbook("the workbook has no sheets")
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows(book.rows(sheet or next(iter(book.sheets)), formulas=formulas))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sheets = commands.add_parser("sheets", help="print the names of the sheets")
    sheets.add_argument("workbook")
    reading = commands.add_parser("read", help="print a sheet as CSV")
    reading.add_argument("workbook")
    reading.add_argument("--sheet", help="the first one when it is not given")
    reading.add_argument("--formulas", action="store_true", help="formulas instead of their values")
    writing = commands.add_parser("write", help="make a workbook of CSV files")
    writing.add_argument("workbook")
    writing.add_argument("source", nargs="+", help="NAME=FILE.csv or FILE.csv")
    return parser.parse_args()


def main() -> None:
    """Run the command line."""
    said = _arguments()
    try:
        if said.command == "write":
            write(said.workbook, said.source)
        elif said.command == "read":
            read(said.workbook, said.sheet, formulas=said.formulas)
        else:
            with zipfile.ZipFile(said.workbook) as archive:
                sys.stdout.writelines(f"{name}\n" for name in Workbook(archive).sheets)
    except (BadWorkbook, OSError, zipfile.BadZipFile, UnicodeDecodeError, ValueError, IndexError) as error:
        sys.exit(f"xlsx_cells: {error}")


if __name__ == "__main__":
    main()
