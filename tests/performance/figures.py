"""Figures with their marks, as a table and as JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least this share of the samples does not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass
class Figure:
    """What was measured of one thing; its middle is held against ``mark``, which it should not exceed."""

    name: str
    unit: str
    mark: float | None = None
    samples: list[float] = field(default_factory=list)

    def add(self, *samples: float) -> None:
        """Further samples."""
        self.samples += samples

    @property
    def p50(self) -> float:
        """The middle."""
        return percentile(self.samples, 0.5)

    @property
    def p95(self) -> float:
        """What all but the worst twentieth stay below."""
        return percentile(self.samples, 0.95)

    @property
    def verdict(self) -> str:
        """``ok``, ``over``, or nothing without a mark."""
        if self.mark is None:
            return ""
        return "ok" if self.p50 <= self.mark else "over"

    def told(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "name": self.name,
            "unit": self.unit,
            "p50": round(self.p50, 3),
            "p95": round(self.p95, 3),
            "n": len(self.samples),
            "mark": self.mark,
            "verdict": self.verdict or None,
        }


def table(groups: dict[str, list[Figure]]) -> str:
    """All figures that have samples, one line each."""
    head = ("", "p50", "p95", "n", "mark", "")
    rows: list[tuple[str, ...]] = []
    for title, figures in groups.items():
        rows += [(f"{title}:", *[""] * 5), *(_row(figure) for figure in figures if figure.samples), ("",) * 6]
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(6)]
    return "\n".join(_line(row, widths) for row in [head, *rows]).rstrip()


def _row(figure: Figure) -> tuple[str, ...]:
    mark = "" if figure.mark is None else _short(figure.mark)
    name = f"  {figure.name} ({figure.unit})" if figure.unit else f"  {figure.name}"
    return name, _short(figure.p50), _short(figure.p95), str(len(figure.samples)), mark, figure.verdict


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


def _line(row: Iterable[str], widths: Sequence[int]) -> str:
    name, *cells = row
    return "  ".join(
        [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))]
    )


def save(path: Path, groups: dict[str, list[Figure]], more: dict[str, Any]) -> None:
    """Write all figures to a JSON file."""
    figures = {title: [figure.told() for figure in found if figure.samples] for title, found in groups.items()}
    path.write_text(json.dumps({"figures": figures, **more}, indent=2) + "\n")
