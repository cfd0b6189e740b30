"""ETag and If-None-Match: what a caller holds is not sent again, and nobody in between keeps what is personal."""

from uuid import uuid4

import pytest
from sqlalchemy import insert

from events.moments import HOUR_US, SECOND_US, format_rfc3339, now_us
from storage.sql.engine import open_writer
from storage.sql.models import window_totals
from storage.sql.windows import WindowCloser
from tests.support.site import open_site
from tests.support.waiting import eventually

WINDOW_US = 6 * HOUR_US


def item(user_id: str, amount: int = 100, **given):
    return {"user_id": user_id, "amount": amount, "currency": "USD", **given}


def again(site, answer, path: str, **query):
    return site.get(path, {"If-None-Match": answer.headers["ETag"]}, **query)


@pytest.mark.parametrize("path", ["/api/v1/offers", "/api/v1/offers/coupon", "/api/v1/likes/top?by=offer"])
def test_what_stayed_the_same_is_not_sent_again(site, path):
    first = site.get(path)
    assert (first.status, first.headers["ETag"][0]) == (200, '"')
    for tag in (first.headers["ETag"], f'"other", W/{first.headers["ETag"]}', "*"):
        held = site.get(path, {"If-None-Match": tag})
        assert (held.status, held.body, held.headers["ETag"]) == (304, b"", first.headers["ETag"])
        assert held.headers["Content-Type"] is None
    assert site.get(path, {"If-None-Match": '"other"'}).body == first.body


def test_what_changed_is_sent(site):
    offer_id = site.offer(total_stock=3)
    for path in (f"/api/v1/offers/{offer_id}", "/api/v1/offers"):
        before = site.get(path)
        assert site.claim(offer_id, f"u-{uuid4()}").json["success"]
        after = again(site, before, path)
        assert (after.status, after.headers["ETag"] != before.headers["ETag"]) == (200, True)


def test_only_what_everybody_may_read_may_be_kept_by_anybody(site):
    kept = {
        path: site.get(path).headers["Cache-Control"]
        for path in (
            "/api/v1/offers", "/api/v1/offers/coupon", "/api/v1/likes/top", "/api/v1/sums", "/api/v1/users/u/windows",
            "/api/v1/users/u/sum", "/api/v1/users/u/transactions", "/api/v1/series", "/api/v1/transactions.csv",
        )
    }  # fmt: skip
    assert kept == {
        "/api/v1/offers": "no-cache", "/api/v1/offers/coupon": "no-cache",
        "/api/v1/likes/top": "private, no-cache", "/api/v1/sums": "private, no-cache",
        "/api/v1/users/u/windows": "private, no-cache",
        **dict.fromkeys(list(kept)[5:], "no-store"),
    }  # fmt: skip


def test_sums_are_told_once_as_long_as_they_are_the_same(site):
    path = "/api/v1/sums"
    first = site.get(path, window="5h", limit=2)
    assert first.headers["ETag"].startswith('W/"')
    same = again(site, first, path, window="5h", limit=2)
    # Between both they may have been worked out anew; then they say when.
    assert same.status == 304 or same.json["as_of"] != first.json["as_of"]
    for other in (
        {"window": "5h", "limit": 3},
        {"window": "4h", "limit": 2},
        {"window": "5h", "currency": "EUR"},
    ):
        assert again(site, first, path, **other).status == 200
    newer = eventually(
        lambda: (found := again(site, first, path, window="5h", limit=2)).status == 200 and found,
        20,
        "they are newer",
    )
    assert newer.json["as_of"] > first.json["as_of"]


def test_closed_windows_are_told_once_until_one_changes(site):
    user = f"user-{uuid4()}"
    path = f"/api/v1/users/{user}/windows"
    end_us = now_us() // WINDOW_US * WINDOW_US
    closer = WindowCloser(open_writer(site.settings["DATABASE_URL"]), WINDOW_US)
    closer.close_ended(now_us())
    site.store(item(user, 5, occurred_at=format_rfc3339(end_us)))
    eventually(lambda: closer.recompute_due() or site.get(path).json["windows"], 20, "it is saved")
    first = site.get(path)
    later = eventually(
        lambda: (found := site.get(path)).json["complete_up_to"] > first.json["complete_up_to"] and found,
        20,
        "it goes on",
    )
    assert later.headers["ETag"] == first.headers["ETag"]
    assert again(site, first, path).status == 304
    site.store(item(user, 7, occurred_at=format_rfc3339(end_us)))
    eventually(lambda: closer.recompute_due() or again(site, first, path).status == 200, 20, "another sum")
    assert again(site, first, path).json["windows"][0]["totals"][0]["sum"] == 12


def test_a_window_that_became_complete_is_told_anew(site):
    """The same sum, but before its end nobody could know that it is all."""
    user = f"user-{uuid4()}"
    path = f"/api/v1/users/{user}/windows"
    end_us = now_us() + 5 * SECOND_US
    row = {"user_id": user, "currency": "USD", "sum": 1, "count": 1, "credit": 1, "debit": 0}
    engine = open_writer(site.settings["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(insert(window_totals), [{**row, "window_start": end_us - 1, "window_end": end_us}])
    engine.dispose()
    first = site.get(path)
    assert again(site, first, path).status == 304
    newer = eventually(
        lambda: (found := again(site, first, path)).status == 200 and found, 20, "it has ended"
    )
    assert newer.json["windows"] == first.json["windows"]
    assert newer.json["complete_up_to"] >= newer.json["windows"][0]["to"] > first.json["complete_up_to"]


def test_an_answer_that_renews_a_log_in_is_the_browsers_own(tmp_path, valkey_url, sqlite_database_url):
    settings = {"AUTH": "required", "SECRET_KEY": "s" * 40}
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False, **settings) as site:
        assert site.get("/api/v1/offers").headers["Cache-Control"] == "no-cache"
        stale = {"Cookie": "tally_refresh=nonsense; __Host-tally_refresh=nonsense"}
        dropped = site.get("/api/v1/offers", stale)
        assert dropped.headers["Set-Cookie"] is not None
        assert dropped.headers["Cache-Control"] == "private, no-cache"
