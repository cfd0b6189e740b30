"""The live stream's parts by themselves: ids, where a watcher begins, and who hears what."""

from dataclasses import replace

import pytest
from werkzeug.exceptions import NotFound, Unauthorized

from webapp.access.caller import EVERYBODY, STRANGER, Caller
from webapp.live.beginning import begin
from webapp.live.hearing import hearing
from webapp.live.positions import read_id, write_id
from webapp.live.telling import Message


def test_an_id_of_the_live_stream_holds_a_position_a_partition():
    assert read_id(write_id(["1-0", "22-3"]), 2) == ["1-0", "22-3"]
    for text in ("", "1-0", "1-0,2", "1-0,x-0", "1-0,2-0,3-0", "1-0,2-0\n", f"1-0,{2**64}-0"):
        assert read_id(text, 2) is None


@pytest.mark.parametrize(
    ("newest", "asked", "expected"),
    [
        (["5-0", "7-1"], None, (["5-0", "7-1"], ["5-0", "7-1"], False)),
        (["5-0", "7-1"], ["4-0", "7-1"], (["4-0", "7-1"], ["5-0", "7-1"], False)),
        (["5-0", "7-1"], ["4-0", "7-2"], (["5-0", "7-1"], ["5-0", "7-1"], True)),
        (["5-0", "7-1"], ["0-0", "7-1"], (["0-0", "7-1"], ["5-0", "7-1"], True)),
        (["0-0", "7-1"], ["0-0", "7-1"], (["0-0", "7-1"], ["0-0", "7-1"], False)),
        (None, ["4-0", "9-9"], (["4-0", "9-9"], ["0-0", "0-0"], True)),
        (None, None, (["0-0", "0-0"], ["0-0", "0-0"], True)),
    ],
)
def test_a_watcher_begins_where_it_asks_to_and_the_reader_never_ahead_of_the_stream(newest, asked, expected):
    assert begin(newest, asked, 2) == expected


def heard(who, user_id=None, offer_id=None):
    """Of which kinds of whose events a caller hears."""
    found = hearing(who, user_id, offer_id)
    messages = [
        Message(kind, whose, "o", b"")
        for kind in ("transaction", "coupon", "like", "waiting")
        for whose in ("ann", "bob")
    ]
    assert found.hears(Message("offer", None, "o", b"")) is (offer_id in (None, "o"))
    return {(message.name, message.user_id) for message in messages if found.hears(message)}


def test_each_kind_of_event_is_heard_by_who_may_read_what_it_tells_of():
    scarce = ("coupon", "like", "waiting")
    everything = {(kind, user) for kind in ("transaction", *scarce) for user in ("ann", "bob")}
    anns = {(kind, user) for kind, user in everything if user == "ann"}
    ann = Caller("customer", "ann", "token")
    assert heard(EVERYBODY) == everything
    assert heard(EVERYBODY, "ann") == heard(ann) == heard(ann, "ann") == anns
    assert heard(STRANGER) == heard(Caller("publisher", "ann", "token")) == set()
    assert heard(Caller("analyst", "eve", "key", frozenset({"transactions:read"}))) == {
        ("transaction", "ann"),
        ("transaction", "bob"),
    }
    assert heard(replace(ann, means="key", scopes=frozenset({"claims:read"}))) == {
        (kind, "ann") for kind in scarce
    }
    assert heard(EVERYBODY, offer_id="another") == set()
    with pytest.raises(NotFound):
        hearing(ann, "bob", None)
    with pytest.raises(Unauthorized):
        hearing(STRANGER, "ann", None)
