"""Guessing passwords, and guessing who has an account: few tries, and nothing to tell one refusal from another by."""

import json
import time
import urllib.parse
from statistics import median
from uuid import uuid4

import pytest

from tests.support.accounts import PASSWORD
from tests.support.addresses import from_anywhere
from tests.support.pages import HTML
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Answer, Site

FORM = "application/x-www-form-urlencoded"
ROUNDS = scaled(8, 100)
# Without a hash of its own to check, a name that is nobody's would be told in a tenth of the time.
ALIKE = 0.6


@pytest.fixture
def name() -> str:
    return f"u-{uuid4().hex[:12]}"


def enter(site: Site, user_id: str, password: str) -> Answer:
    body = {"user_id": user_id, "password": password}
    return site.post("/api/v1/tokens", body, headers=from_anywhere())


def enter_by_form(site: Site, user_id: str, password: str) -> Answer:
    body = urllib.parse.urlencode({"user_id": user_id, "password": password}).encode()
    return site.post("/login", body, FORM, headers={**HTML, **from_anywhere()})


@pytest.mark.timeout(TIMEOUT_S)
def test_nobody_a_wrong_password_and_a_disabled_account_answer_alike_and_as_late(
    people, guarded, record_property
):
    known = [f"known-{n}" for n in range(ROUNDS)]
    disabled = [f"disabled-{n}" for n in range(ROUNDS)]
    people.add(**dict.fromkeys(known + disabled, "customer"))
    for user_id in disabled:
        body = {"is_disabled": True}
        path = f"/api/v1/accounts/{user_id}"
        assert guarded.post(path, body, method="PATCH", headers=people.headers("admin")).status == 200
    took_s: dict[str, list[float]] = {"nobody": [], "wrong": [], "disabled": []}
    told = set()
    enter(guarded, "warm-up", "not the password")
    for n in range(ROUNDS):
        for kind, user_id, password in (
            ("nobody", f"nobody-{n}", "not the password"),
            ("wrong", known[n], "not the password"),
            ("disabled", disabled[n], PASSWORD),
        ):
            began_s = time.perf_counter()
            answer = enter(guarded, user_id, password)
            took_s[kind].append(time.perf_counter() - began_s)
            told.add((answer.status, answer.text, tuple(sorted(set(answer.headers.keys())))))
    assert len(told) == 1, told
    medians = {kind: median(seen) for kind, seen in took_s.items()}
    assert min(medians.values()) > ALIKE * max(medians.values()), medians
    figures = ", ".join(f"{kind} {seen * 1000:.1f} ms" for kind, seen in medians.items())
    record_property("figures", f"median of {ROUNDS} each, in turns: {figures}")


def test_an_account_is_guessed_at_ten_times_by_whatever_way_and_from_wherever(people, guarded, name):
    """Nor are there more of them when its user logs in meanwhile."""
    people.add(**{name: "customer"})
    tries = [enter(guarded, name, f"guess number {n}") for n in range(5)]
    assert enter(guarded, name, PASSWORD).status == 201
    tries += [enter_by_form(guarded, name, f"guess number {n}") for n in range(4)]
    assert enter_by_form(guarded, name, PASSWORD).status == 200
    tries.append(enter(guarded, name, "guess number 9"))
    assert {answer.status for answer in tries} == {401, 422}
    for way in (enter, enter_by_form):
        for spelled in (name, name.upper(), name.capitalize()):
            late = way(guarded, spelled, PASSWORD)
            assert late.status == 429, "the right one comes too late"
            assert int(late.headers["Retry-After"]) > 60
            assert "Set-Cookie" not in late.headers


def test_a_name_that_is_nobodys_is_limited_like_any(guarded, name):
    statuses = [enter(guarded, name, "a guess").status for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_no_spelling_of_a_name_finds_another_account(people, guarded):
    people.add(ann="customer")
    assert enter(guarded, "ann", PASSWORD).status == 201
    for near in (
        "ann\n",
        " ann",
        "ann ",
        "ann\u0000",
        "\u00e0nn",
        "ann\u200b",
        "\uff41nn",
        "Ann",
        "ANN",
        "an%",
        "a*",
    ):
        assert enter(guarded, near, PASSWORD).status == 401, near


@pytest.mark.parametrize("password", [["x"], {"$ne": None}, True, 0, None])
def test_a_password_is_text(guarded, name, password):
    body = json.dumps({"user_id": name, "password": password}).encode()
    refused = guarded.post("/api/v1/tokens", body, headers=from_anywhere())
    assert (refused.status, refused.fields) == (422, ["password"])


def test_a_key_is_not_found_by_its_beginning(people, guarded):
    key = people.key("analyst")
    assert guarded.get("/api/v1/sums", {"Authorization": f"Bearer {key}"}).status == 200
    for near in (key[:-1], key + "A", key.upper(), key[: key.rindex("_") + 1], key.replace("_", "-")):
        assert guarded.get("/api/v1/sums", {"Authorization": f"Bearer {near}"}).status == 401, near
