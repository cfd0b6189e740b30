"""`make audit`: whether a release that we pin has a known vulnerability. Run as `audit.py PIP_AUDIT REQUIREMENTS…`.

Exit code 0 where none has, 1 where one has or could not be looked up, and 0 with a line that begins with `SKIPPED`
where no service answers here. pip-audit itself says "none found" of releases that its service knows nothing of.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

SERVICES: Final = ("pypi", "osv")
_TIMEOUT_S: Final = 600
# How pip-audit tells of a service that it does not reach.
_AWAY: Final = (
    "connect",
    "feed is not responding",
    "timed out",
    "Max retries",
    "resolve",
    "Service Unavailable",
)


class Verdict(NamedTuple):
    """What one service says: `is_asked` is False where it told nothing; the lines say why, or what was found."""

    is_asked: bool
    is_clean: bool
    lines: list[str]


def judge(output: str, said: str) -> Verdict:
    """pip-audit's JSON document, and what it wrote to standard error."""
    try:
        found: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        reason = said.strip().splitlines()[-1:] or ["it said nothing"]
        return Verdict(not any(word in said for word in _AWAY), False, reason)
    unknown = [each["skip_reason"] for each in found if "skip_reason" in each]
    if unknown and len(unknown) == len(found):
        return Verdict(False, False, [f"it knows none of {len(found)} releases, the first: {unknown[0]}"])
    vulnerable = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no release'}"
        for each in found
        for hole in each.get("vulns", ())
    ]
    wrong = sorted({*vulnerable, *unknown})
    return Verdict(True, not wrong, wrong or [f"{len(found)} releases, none with a known vulnerability"])


def main(pip_audit: str, requirements: Sequence[str]) -> int:
    reasons = []
    for service in SERVICES:
        verdict = judge(*_ask(pip_audit, service, requirements))
        if verdict.is_asked:
            sys.stdout.writelines(f"audit by {service}: {line}\n" for line in verdict.lines)
            return 0 if verdict.is_clean else 1
        reasons.append(f"{service}: {verdict.lines[0]}")
    sys.stdout.write(f"SKIPPED audit: no vulnerability service answers here ({'; '.join(reasons)})\n")
    return 0


def _ask(pip_audit: str, service: str, requirements: Sequence[str]) -> tuple[str, str]:
    files = [word for name in requirements for word in ("--requirement", name)]
    options = ["--require-hashes", "--disable-pip", "--format=json", "--progress-spinner=off"]
    command = [pip_audit, f"--vulnerability-service={service}", *options, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603
    return done.stdout, done.stderr


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], sys.argv[2:]))
