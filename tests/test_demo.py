"""The one-command demo: real processes, from the first start to the last one gone."""

import json
import re
import socket
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.ports import free_port, is_free
from tests.support.process import ROOT, ChildProcess
from tests.support.waiting import eventually

STOP_WITHIN_S = 20
# A first start makes and stores eight hours of history; a loaded machine takes its time.
START_WITHIN_S = 90
# As the first seed's README says it.
GRAB = """curl -X POST http://localhost:5000/api/coupon/grab \\
  -H "Content-Type: application/json" \\
  -d '{"user_id": "test_user_1"}'"""
# Of a hundred users the first pays most often, the last least.
REGULAR, RARE = "1", "100"


class Running:
    """A demo that is up: its process, its address, its data."""

    def __init__(self, process: ChildProcess, port: int, data: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.data = data

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            assert answer.status == 200
            return answer.read()

    def curl(self, line: str) -> Any:
        """What a line of a README is answered, its port read as this demo's."""
        command = line.replace("http://localhost:5000", self.url) + " -s -f"
        done = subprocess.run(command, shell=True, capture_output=True, check=True, timeout=30)
        return json.loads(done.stdout)

    def offers(self) -> dict[str, Any]:
        """The offers by their ids."""
        return {each["offer_id"]: each for each in json.loads(self.get("/api/v1/offers"))["offers"]}

    def transactions(self, user_id: str, limit: int = 1_000) -> set[str]:
        """The ids of a user's newest transactions."""
        found = json.loads(self.get(f"/api/v1/users/{user_id}/transactions?limit={limit}"))
        return {each["event_id"] for each in found["transactions"]}

    def processes(self) -> dict[str, psutil.Process]:
        """Its children by the name of what they run; gunicorn's worker too, as `worker`."""
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            names = [
                name
                for name in ("valkey", "subscriber", "gunicorn", "emitter")
                if name in " ".join(child.cmdline())
            ]
            name = "worker" if names[0] == "gunicorn" and child.ppid() != self.process.pid else names[0]
            found[name] = child
        return found


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The data of all tests of this file: its history is made up by whichever is the first to start a demo on it."""
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture
def demo(doors, data):
    """`demo()`: start it."""

    def start() -> Running:
        port = free_port()
        process = doors.start("demo.py", "--data", str(data), env={"PORT": str(port)})
        process.wait_for_line(f"Open +http://127.0.0.1:{port}\n", START_WITHIN_S)
        return Running(process, port, data)

    return start


def are_gone(processes) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def test_it_starts_answers_stops_and_keeps_its_data(demo, tmp_path):
    first = demo()
    assert b"<html" in first.get("/")
    assert json.loads(first.get("/api/v1/users/1/sum"))["totals"][0]["count"] > 0
    newest = first.transactions(REGULAR, limit=1)
    eventually(lambda: first.transactions(REGULAR, limit=1) != newest, 60, "transactions arrive live")
    seen = first.transactions(RARE)
    assert 10 < len(seen) < 1_000, "some hours of history, and all of it seen"
    assert_offers_are_shown(first)
    grabbed = first.curl(GRAB)
    assert (grabbed["success"], grabbed["reason"]) == (True, "success")
    coupons_left = grabbed["remaining_stock"]

    assert_a_file_is_replayed(first, tmp_path)

    showcase_log = first.data / "logs/showcase.log"
    shown_at = showcase_log.stat().st_mtime_ns
    children = first.processes()
    assert set(children) == {"valkey", "subscriber", "gunicorn", "worker", "emitter"}
    began_s = time.monotonic()
    assert first.process.interrupt(STOP_WITHIN_S) == 0
    assert time.monotonic() - began_s < STOP_WITHIN_S
    assert are_gone(children.values())
    assert not (first.data / "env").exists()
    assert "Stopped." in first.process.log()
    assert "killed" not in first.process.log()

    second = demo()
    assert "history" not in second.process.log()  # made up once
    assert seen <= second.transactions(RARE)
    assert set(second.offers()) == {"coupon", "headphones", "evening-concert"}
    assert second.offers()["coupon"]["remaining_stock"] <= coupons_left
    assert showcase_log.stat().st_mtime_ns == shown_at, "put there once"
    assert second.process.terminate(STOP_WITHIN_S) == 0


def assert_a_file_is_replayed(running: Running, folder: Path) -> None:
    """By the line that the demo prints, in any shell."""
    file = folder / "own.csv"
    file.write_text("user_id,amount,currency,merchant,occurred_at\nann,1250,EUR,Shop,2026-01-31T09:30:00Z\n")
    printed = re.search(r"Replay +(.+)", running.process.log())[1]
    line = printed.replace("FILE.csv", str(file))
    done = subprocess.run(
        ["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["published"] == 1
    eventually(lambda: len(running.transactions("ann")) == 1, 20, "what was replayed is stored")


def assert_offers_are_shown(running: Running) -> None:
    """A coupon, a product and a show, and users who took, hold and like them."""
    offers = running.offers()
    assert {name: offer["kind"] for name, offer in offers.items()} == {
        "coupon": "coupon", "headphones": "product", "evening-concert": "show",
    }  # fmt: skip
    assert all(0 < offer["remaining_stock"] < offer["total_stock"] for offer in offers.values())
    assert {offer["status"] for offer in offers.values()} == {"open"}
    assert {zone["zone"] for zone in offers["evening-concert"]["zones"]} == {"stalls", "circle", "boxes"}
    for path in ("/offers", *(f"/offers/{name}" for name in offers)):
        assert b"<html" in running.get(path)
    liked = json.loads(running.get("/api/v1/likes/top?by=offer"))
    assert len(liked["top_likes"]) == 3
    held = [held for held in stored_claims(running.data / "tally.db") if held == "held"]
    assert held, "some hold what they have not bought"


def test_a_busy_port_is_one_clear_line_before_anything_starts(doors, tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        done = doors.run("demo.py", "--data", str(tmp_path / "data"), env={"PORT": str(port)}, expect=1)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "PORT=" in done.stderr
    assert not (tmp_path / "data" / "valkey").exists()


def test_a_host_that_is_not_this_machine_is_one_clear_line(doors, tmp_path):
    done = doors.run("demo.py", "--data", str(tmp_path), env={"HOST": "192.0.2.1"}, expect=2)
    assert done.stderr.count("\n") == 1
    assert "192.0.2.1" in done.stderr


def test_a_wrong_setting_is_one_line_and_code_2(doors, tmp_path):
    done = doors.run("demo.py", "--data", str(tmp_path / "data"), env={"PORT": "0", "WINDOW": "6"}, expect=2)
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["PORT", "WINDOW"]


@pytest.mark.parametrize("name", ["subscriber", "valkey"])
def test_a_child_that_dies_is_named_with_its_last_lines_and_all_stop(demo, name):
    running = demo()
    children = running.processes()
    children[name].kill()
    assert running.process.wait(STOP_WITHIN_S + 5) == 1
    assert f"{name} ended with code -9. The end of" in running.process.log()
    assert f"logs/{name}.log" in running.process.log()
    assert are_gone(children.values())


def test_a_second_demo_and_a_reset_are_refused_while_one_runs_and_a_reset_forgets(demo, doors):
    running = demo()
    for arguments in ((), ("--reset",)):
        env = {"PORT": str(free_port())}
        done = doors.run("demo.py", "--data", str(running.data), *arguments, env=env, expect=1)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "runs already" in done.stderr
    running.get("/readyz")

    children = running.processes()
    running.process.kill()
    eventually(lambda: are_gone(children.values()), 10, "a killed demo leaves no process behind")

    assert running.data.exists()
    doors.run("demo.py", "--data", str(running.data), "--reset", env={})
    assert not running.data.exists()
    doors.run("demo.py", "--data", str(running.data), "--reset", env={})


def test_a_first_start_that_is_cut_short_doubles_nothing(doors, tmp_path):
    data, port = tmp_path / "data", free_port()
    arguments, env = ("demo.py", "--data", str(data)), {"PORT": str(port)}
    first = doors.start(*arguments, env=env)
    first.wait_for_line("history", START_WITHIN_S)
    log = data / "logs/history.log"
    eventually(lambda: log.exists() and "publishing" in log.read_text(), START_WITHIN_S, "some is published")
    assert first.interrupt(STOP_WITHIN_S) == 0
    assert not (data / "history.published").exists()

    second = doors.start(*arguments, env=env)
    second.wait_for_line("Open +http", START_WITHIN_S)
    assert second.interrupt(STOP_WITHIN_S) == 0
    moments = [line.rsplit(",", 1)[1] for line in (data / "history.csv").read_text().splitlines()[1:]]
    assert len(moments) > 1_000
    assert stored_until(data / "tally.db", moments[-1]) == len(moments)
    assert is_free(port)


def stored_until(database: Path, moment: str) -> int:
    """How many transactions are stored that occurred no later."""
    statement = "SELECT count(*) FROM transactions WHERE occurred_at <= ?"
    with closing(sqlite3.connect(database)) as connection:
        (count,) = connection.execute(statement, (moment.replace("T", " ").removesuffix("Z"),)).fetchone()
    return int(count)


def stored_claims(database: Path) -> list[str]:
    """The status of every claim that is stored."""
    with closing(sqlite3.connect(database)) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM claims")]
