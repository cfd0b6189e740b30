"""The Locust crowd of bench/: every call that it makes is answered."""

import json
import subprocess
import sys

from tests.support.process import ROOT, child_environment


def test_the_crowd_is_answered_everywhere(site, tmp_path):
    site.offer(kind="product", total_stock=50, hold_seconds=60, per_user_limit=2)
    site.offer(kind="show", zones=[{"zone": "stalls", "rows": 5, "seats_per_row": 8}])
    report = tmp_path / "asked.json"
    arguments = ["--host", site.base_url, "--headless", "-u", "12", "-r", "12", "-t", "5s", "--only-summary"]
    arguments += ["--json-file", str(report.with_suffix(""))]
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "bench/locustfile.py", *arguments],
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        check=False,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    asked = {entry["name"]: entry for entry in json.loads(report.read_text())}
    assert {"/api/coupon/grab", "/api/like", "/api/v1/offers/{id}/claims", "/api/v1/offers"} <= asked.keys()
    assert sum(entry["num_failures"] for entry in asked.values()) == 0
