"""`python -m emitter rush`: a crowd over HTTP, against the real web."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from emitter.arguments import parse
from emitter.stopping import Stop
from emitter.web import Declined, Unanswered, Web
from tests.support.line import Line
from tests.support.offers import remaining, sold
from tests.support.ports import free_port
from tests.support.site import open_site
from tests.support.waiting import eventually

STORED_WITHIN_S = 20


def rush(doors, site_or_url, offer_id, *, users, attempts, expect=0, more=()) -> dict:
    """The last line of a rush."""
    url = site_or_url if isinstance(site_or_url, str) else site_or_url.base_url
    arguments = ("--offer", offer_id, "--users", str(users), "--attempts", str(attempts), "--url", url)
    done = doors.run("emitter", "rush", *arguments, *more, env={}, expect=expect)
    return json.loads(done.stdout.splitlines()[-1])


def stored(site, offer_id, units):
    """What SQL holds, once that many units are there."""

    def look():
        found = sold(site.settings["DATABASE_URL"], offer_id)
        return found if found.units == units else None

    return eventually(look, STORED_WITHIN_S, f"{units} units are stored")


def test_a_crowd_gets_exactly_what_there_is_and_the_figures_say_so(doors, site):
    site.offer(offer_id="crowd", total_stock=100, per_user_limit=1)
    told = rush(doors, site, "crowd", users=400, attempts=1_000)
    assert told["step"] == "done"
    assert (told["answered"], told["claims"], told["winners"], told["unanswered"]) == (1_000, 100, 100, 0)
    assert sum(told["refused"].values()) == 900
    assert set(told["refused"]) <= {"sold_out", "limit_reached"}
    latency = told["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert told["rate"] > 0
    assert remaining(site, "crowd") == 0
    found = stored(site, "crowd", 100)
    assert max(found.units_of.values()) == 1
    assert set(found.owners) == set(range(1, 101))


def test_seats_are_asked_for_by_zone_and_quantity(doors, site):
    zones = [{"zone": "stalls", "rows": 5, "seats_per_row": 4}]
    site.offer(offer_id="evening", kind="show", zones=zones)
    asked = ("--zone", "stalls", "--quantity", "3")
    told = rush(doors, site, "evening", users=20, attempts=20, more=asked)
    assert told["claims"] == 6
    assert told["refused"].get("not_enough", 0) + told["refused"].get("sold_out", 0) == 14
    assert stored(site, "evening", 18).units == 18


def test_lost_answers_are_asked_for_again_and_nothing_is_taken_twice(doors, site):
    site.offer(offer_id="lossy", total_stock=500, per_user_limit=1)
    port = int(site.base_url.rsplit(":", 1)[1])
    with Line(port) as line:
        line.lose_replies(each=7)
        told = rush(doors, f"http://127.0.0.1:{line.port}", "lossy", users=300, attempts=300)
        assert line.lost > 20
    assert (told["claims"], told["winners"], told["refused"], told["unanswered"]) == (300, 300, {}, 0)
    assert told["retries"] >= line.lost
    assert remaining(site, "lossy") == 200
    assert stored(site, "lossy", 300).units_of.keys() == {str(n) for n in range(1, 301)}


def test_an_unknown_offer_is_one_line_and_code_2(doors, site):
    arguments = ("--offer", "nowhere", "--users", "5", "--attempts", "50", "--url", site.base_url)
    done = doors.run("emitter", "rush", *arguments, env={}, expect=2)
    assert done.stderr.count("\n") == 1
    assert "404" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["step"] == "failed"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--offer", "coupon", "--users", "1"),
        ("--offer", "a/b", "--users", "1", "--attempts", "1"),
        ("--offer", "coupon", "--users", "0", "--attempts", "1"),
        ("--offer", "coupon", "--users", "1", "--attempts", "1", "--url", "localhost:5000"),
        ("--offer", "coupon", "--users", "1", "--attempts", "1", "--key", "two words"),
        ("--offer", "coupon", "--users", "1", "--attempts", "1", "--concurrency", "0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(["rush", *arguments])
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_signal_ends_it_with_what_it_has(doors, site):
    site.offer(offer_id="endless", total_stock=10)
    arguments = ("--offer", "endless", "--users", "9", "--attempts", "10000000", "--url", site.base_url)
    crowd = doors.start("emitter", "rush", *arguments, env={})
    crowd.wait_for_line('"answered":[1-9]')
    crowd.send(signal.SIGINT)
    assert crowd.wait(8) == 130
    last = json.loads(crowd.log().splitlines()[-1])
    assert (last["step"], last["claims"]) == ("stopped", 10)


# --- One request at a time --------------------------------------------------------------------------------------


class Scripted(ThreadingHTTPServer):
    """Answers what it was told to, in turn, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(dict(self.headers))
        status, headers, body = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def answering(*answers) -> Iterator[Scripted]:
    with Scripted(*answers) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(url, told=None, *, key=None, patience_s=10.0):
    web = Web(url, Stop(), ([] if told is None else told).append, key=key, patience_s=patience_s)
    try:
        return web.post("/api/v1/offers/coupon/claims", {"user_id": "u"}, "the-key")
    finally:
        web.close()


def test_what_may_pass_is_asked_again_under_the_same_key_and_the_api_key_goes_along():
    unavailable = (503, {"Retry-After": "1"}, b"{}")
    with answering(unavailable, unavailable, (200, {}, b'{"success":true}')) as server:
        answer = ask(server.url, key="secret")
    assert (answer.json, answer.retries) == ({"success": True}, 2)
    assert {asked["Idempotency-Key"] for asked in server.asked} == {"the-key"}
    assert {asked["Authorization"] for asked in server.asked} == {"Bearer secret"}
    assert len(server.asked) == 3


def test_what_will_not_pass_is_told_in_the_webs_own_words():
    body = (
        b'{"title":"Unprocessable","detail":"Not valid.","errors":[{"field":"quantity","reason":"too many"}]}'
    )
    with (
        answering((422, {}, body)) as server,
        pytest.raises(Declined, match=r"422: Not valid\.; quantity: too many"),
    ):
        ask(server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("answers", [[(500, {}, b"oops")] * 20])
def test_patience_ends(answers):
    with answering(*answers) as server, pytest.raises(Unanswered, match="500: oops"):
        ask(server.url, patience_s=1.0)
    assert len(server.asked) > 1


def test_a_web_that_is_not_there_is_waited_for_a_while():
    told: list[str] = []
    with pytest.raises(Unanswered, match="no answer"):
        ask(f"http://127.0.0.1:{free_port()}", told, patience_s=1.5)
    assert len(told) == 1
    assert told[0].endswith("; trying again")


def test_who_asks_too_often_is_told_apart():
    limited = (429, {"Retry-After": "1"}, b"{}")
    with answering(limited, (503, {}, b"{}"), limited, (200, {}, b'{"success":true}')) as server:
        answer = ask(server.url)
    assert (answer.retries, answer.limited) == (3, 2)


def test_a_crowd_that_is_too_quick_waits_and_still_gets_everything(
    doors, tmp_path, valkey_url, sqlite_database_url
):
    with open_site(tmp_path, valkey_url, sqlite_database_url, CLAIMS_PER_10_S="10") as site:
        eventually(lambda: site.get("/api/v1/offers/coupon").status == 200, STORED_WITHIN_S, "it sells")
        site.offer(offer_id="quick", total_stock=100)
        told = rush(doors, site, "quick", users=2, attempts=30)
    assert (told["claims"], told["unanswered"], told["refused"]) == (30, 0, {})
    assert 0 < told["limited"] <= told["retries"]
