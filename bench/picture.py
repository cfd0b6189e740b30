"""A report as a picture: a bar for each median, a whisker from the least to the most of its runs."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")  # no screen is needed

from matplotlib import pyplot as plt

from bench.figures import Kind, Measure, Report, plain

_COLOURS: Final = {Kind.OURS: "#1f6f8b", Kind.PEER: "#b9c2c8"}
_GREY: Final = "#55606a"


def draw(report: Report, path: Path) -> None:
    """Write `report` to `path` as PNG, ours and the peers in one chart, the ratios below it."""
    bars = [measure for measure in report.measures if measure.kind is not Kind.UNDRAWN]
    ratios = [measure for measure in report.measures if measure.aim]
    height = 1.5 + 0.55 * len(bars) + 0.25 * len(ratios)
    figure, axes = plt.subplots(figsize=(9, height), layout="constrained")
    _bars(axes, bars, report.is_log_scale)
    axes.set_title(report.title, loc="left", fontsize=12, fontweight="bold")
    axes.set_xlabel("\n".join([_axis(report, bars), *map(_sentence, ratios)]), loc="left", color=_GREY)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _bars(axes: Any, bars: list[Measure], is_log_scale: bool) -> None:
    medians = [bar.median for bar in bars]
    below = [bar.median - min(bar.values) for bar in bars]
    above = [max(bar.values) - bar.median for bar in bars]
    has_ranges = any(below) or any(above)
    axes.barh(
        [bar.what for bar in bars],
        medians,
        height=0.62,
        color=[_COLOURS[bar.kind] for bar in bars],
        xerr=[below, above] if has_ranges else None,
        error_kw={"ecolor": _GREY, "capsize": 3, "lw": 1},
    )
    for row, bar in enumerate(bars):
        end = (max(bar.values), row)
        axes.annotate(plain(bar.median), end, (6, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    if is_log_scale:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)


def _axis(report: Report, bars: list[Measure]) -> str:
    scale = ", logarithmic scale" if report.is_log_scale else ""
    runs = len(bars[0].values)
    return f"{bars[0].unit}{scale}" + (f"; medians of {runs} runs, least to most" if runs > 1 else "")


def _sentence(measure: Measure) -> str:
    return f"{measure.what}: {plain(measure.median)} (aim {measure.aim})"
