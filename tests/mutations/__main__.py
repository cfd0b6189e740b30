"""`python -m tests.mutations [WORD…]`: takes out one guard after the other; exit code 0 if each was noticed.

Works on a copy of the tree in a temporary folder. First all tests that stand for guards must be green there; then, for
each mutation (or those whose name has one of the words in it), its test must fail: not by an error, not by a
timeout, but by what it asserts.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from tests.mutations.mutation import Mutation
from tests.mutations.table import MUTATIONS
from tests.support.process import ROOT, child_environment

_LONGEST_S: Final = 600
# What an assertion and `pytest.raises` say; all else is an accident.
_RIGHT_REASONS: Final = ("assert ", "AssertionError", "Failed: DID NOT RAISE")


def main() -> int:
    words = sys.argv[1:]
    chosen = [m for m in MUTATIONS if not words or any(word.lower() in m.name.lower() for word in words)]
    if not chosen:
        print(f"no mutation has a name with {' or '.join(words)} in it")
        return 2
    with tempfile.TemporaryDirectory(prefix="tally-mutations-") as folder:
        if not _is_green(chosen, Path(folder)):
            return 1
        missed = [mutation for mutation in chosen if not _is_noticed(mutation, Path(folder))]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} mutations turned their test red")
    return 1 if missed else 0


def _is_green(mutations: Sequence[Mutation], folder: Path) -> bool:
    began_s = time.monotonic()
    tests = sorted({mutation.test for mutation in mutations})
    run = _run(_copy(folder / "green"), tests)
    verdict = "green" if run.code == 0 else f"RED before anything was changed\n{run.output}"
    print(f"{len(tests)} tests, nothing changed: {verdict} ({time.monotonic() - began_s:.1f} s)", flush=True)
    return run.code == 0


def _is_noticed(mutation: Mutation, folder: Path) -> bool:
    began_s = time.monotonic()
    root = _copy(folder / "mutated")
    mutation.apply(root)
    run = _run(root, [mutation.test])
    shutil.rmtree(root)
    right = (*_RIGHT_REASONS, *filter(None, [mutation.reason]))
    is_noticed = bool(run.reasons) and all(reason.startswith(right) for reason in run.reasons)
    verdict = "noticed" if is_noticed else f"NOT NOTICED\n{run.output}"
    print(f"{mutation.name}: {verdict} ({time.monotonic() - began_s:.1f} s, {mutation.test})", flush=True)
    return is_noticed


class _Run:
    """A run of pytest: its exit code, why tests failed, and what it said."""

    def __init__(self, done: "subprocess.CompletedProcess[str]", report: Path) -> None:
        self.code = done.returncode
        self.output = (done.stdout + done.stderr)[-6_000:]
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []
        # An error in what a test stands on counts as a reason, and as none of the right ones.
        failures = [found for case in cases for kind in ("failure", "error") for found in case.iter(kind)]
        self.reasons = [found.get("message", "") for found in failures]


def _run(root: Path, tests: Sequence[str]) -> _Run:
    report = root / ".report.xml"
    command = [
        sys.executable, "-m", "pytest", "-q", "--no-header", "--durations=0", "--tb=short",
        "-p", "no:cacheprovider", "--override-ini=junit_family=xunit1", f"--junitxml={report}", *tests,
    ]  # fmt: skip
    # The copy's own modules, in the tests and in the processes that they start.
    env = {**child_environment(), "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=root, env=env, check=False, capture_output=True, text=True, timeout=_LONGEST_S
    )
    return _Run(done, report)


def _copy(root: Path) -> Path:
    """The files that are in the repository or about to be, and the same environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    if (ROOT / ".venv").exists():
        (root / ".venv").symlink_to((ROOT / ".venv").resolve())
    return root


if __name__ == "__main__":
    sys.exit(main())
