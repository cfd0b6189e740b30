"""What we run on is exactly what we looked at: installed by hash, and looked up among the known vulnerabilities."""

import json
import re

import pytest

from deploy.audit import judge
from tests.support.process import ROOT

FINE = {"name": "flask", "version": "3.1.3", "vulns": []}
HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["3.1.4"], "aliases": [], "description": "told at length"}
UNKNOWN = {
    "name": "redis",
    "skip_reason": "Dependency not found on PyPI and could not be audited: redis (8.1.0)",
}


def judged(*dependencies: dict, said: str = "") -> tuple[bool, bool]:
    verdict = judge(json.dumps({"dependencies": dependencies, "fixes": []}), said)
    return verdict.is_asked, verdict.is_clean


def test_what_the_audit_found_is_told():
    assert judged(FINE) == (True, True)
    assert judged(FINE, {**FINE, "vulns": [HOLE]}) == (True, False)
    verdict = judge(json.dumps({"dependencies": [{**FINE, "vulns": [HOLE]}]}), "")
    assert verdict.lines == ["flask 3.1.3: PYSEC-2026-1, mended in 3.1.4"]


def test_an_audit_that_knew_nothing_is_not_taken_for_a_clean_one():
    """pip-audit ends with 0 and `No known vulnerabilities found` where its service knew none of the releases."""
    assert judged(UNKNOWN, UNKNOWN, said="No known vulnerabilities found") == (False, False)
    assert judged(FINE, UNKNOWN) == (True, False), "one that could not be looked up is not clean"


@pytest.mark.parametrize(
    "said",
    [
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
        "ConnectionError: HTTPSConnectionPool(host='api.osv.dev'): Max retries exceeded",
    ],
)
def test_a_service_that_is_away_is_a_reason_to_skip(said):
    assert judge("", said) == (False, False, [said])


def test_a_list_that_cannot_be_read_is_no_reason_to_skip():
    verdict = judge("", "ERROR:pip_audit._cli:requirement flask does not contain a hash")
    assert (verdict.is_asked, verdict.is_clean) == (True, False)


def test_everything_that_installs_asks_for_hashes():
    """In the image, in what `make` does, and nowhere by another way."""
    installing = re.compile(r"\bpip install\b[^\n]*")
    for name in ("Dockerfile", "deploy/make_venv.sh"):
        found = installing.findall((ROOT / name).read_text().replace("\\\n", " "))
        assert found, name
        assert all("--require-hashes" in line for line in found), (name, found)
    others = installing.findall((ROOT / "Makefile").read_text())
    assert [line for line in others if "uv==$(UV_VERSION)" not in line] == [], (
        "only the tool that writes the hashes"
    )


def test_checking_and_testing_include_the_audit():
    assert "\naudit:" in (ROOT / "Makefile").read_text()
    assert "make audit" in (ROOT / ".ci" / "run").read_text()
