"""`python -m bench [NAME …]`: runs the benchmarks, all of them or those named. See `--help`."""

import argparse
import signal
import sys
from collections.abc import Callable
from typing import Final

from bench import burst, claims, freshness, refusals, storing, watchers, window
from bench.figures import Report
from bench.picture import draw
from bench.progress import Progress
from bench.report import OUT, show, write
from tests.support.network import loopback_only

BENCHMARKS: Final[dict[str, Callable[[Progress, bool], Report]]] = {
    "storing": storing.measure,
    "window": window.measure,
    "burst": burst.measure,
    "claims": claims.measure,
    "refusals": refusals.measure,
    "freshness": freshness.measure,
    "watchers": watchers.measure,
}


def main() -> int:
    # A terminated run still stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = _parser().parse_args()
    with loopback_only():
        reports = [_run(name, wanted.quick) for name in wanted.names or list(BENCHMARKS)]
    return 0 if all(report.is_sound for report in reports) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench", description=f"Measures Tally; results go to {OUT}.")
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known, help=" or ".join(BENCHMARKS))
    parser.add_argument(
        "--quick", action="store_true", help="a small run, to see that it works; no figures to keep"
    )
    return parser


def _known(name: str) -> str:
    if name not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(BENCHMARKS)}")
    return name


def _run(name: str, is_quick: bool) -> Report:
    with Progress(name) as progress:
        report = BENCHMARKS[name](progress, is_quick)
    show(report)
    write(report)
    draw(report, OUT / f"{name}.png")
    return report


if __name__ == "__main__":
    sys.exit(main())
