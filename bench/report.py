"""A report as a table for a person and as JSON for a machine."""

import json
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.figures import Measure, Report, plain

OUT: Final = Path(__file__).parent / "out"


def show(report: Report) -> None:
    console = Console(highlight=False)
    table = Table("", title=report.title, title_justify="left", title_style="bold")
    for heading in ("median", "least", "most", "aim"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for measure in report.measures:
        table.add_row(*_cells(measure))
    console.print(table)
    for sentence in [*report.included, _conditions(report)]:
        console.print(f"  {sentence}", soft_wrap=True)
    for fault in report.faults:
        console.print(f"  WRONG: {fault}", style="bold red", soft_wrap=True)


def write(report: Report) -> None:
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{report.name}.json"
    path.write_text(json.dumps(_document(report), indent=2, ensure_ascii=False) + "\n")


def _cells(measure: Measure) -> tuple[str, ...]:
    # What was counted once has no range.
    several = len(measure.values) > 1
    least, most = (plain(min(measure.values)), plain(max(measure.values))) if several else ("", "")
    return measure.what, plain(measure.median), least, most, _aim(measure), measure.unit


def _aim(measure: Measure) -> str:
    if measure.aim is None:
        return ""
    return f"{measure.aim} {'met' if measure.is_met else 'missed'}"


def _conditions(report: Report) -> str:
    return "; ".join(f"{name} {value}" for name, value in report.conditions.items()) + "."


def _document(report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "title": report.title,
        "is_sound": report.is_sound,
        "faults": list(report.faults),
        "conditions": report.conditions,
        "included": list(report.included),
        "measures": [
            {
                "what": measure.what,
                "unit": measure.unit,
                "median": measure.median,
                "least": min(measure.values),
                "most": max(measure.values),
                "values": list(measure.values),
                "aim": str(measure.aim) if measure.aim else None,
                "is_met": measure.is_met,
            }
            for measure in report.measures
        ],
    }
