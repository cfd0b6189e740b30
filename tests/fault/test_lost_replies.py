"""What was asked has arrived and been done, and the answer never comes: whoever asks again changes nothing."""

import pytest

from tests.support.asking import Grabbing, Posting
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.line import Line
from tests.support.pouring import Claiming, Pouring
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually

STOCK = 100_000


@pytest.mark.timeout(TIMEOUT_S)
def test_replies_lost_after_a_publish_or_a_claim_over_redis(
    doors, mariadb_url, valkey_server, valkey_url, figures
):
    """Every seventh reply to a publisher and to a claimer is lost, and the connection with it."""
    losses = scaled(25, 3_000)
    with deployed(doors, mariadb_url, valkey_url) as whole, Line(valkey_server.port) as line:
        offer_id = whole.offer("few", STOCK)
        url = f"redis://127.0.0.1:{line.port}/0"
        with Pouring(url, seed=16) as pouring, Claiming(url, offer_id) as claiming:
            eventually(lambda: pouring.accepted and claiming.won, 20, "both are at work")
            line.lose_replies(each=7)
            eventually(lambda: line.lost >= losses, TIMEOUT_S, f"{losses} replies are lost")
            line.restore()
        accepted = await_all_stored(whole.tally, pouring.accepted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        twice = _appended(whole) - accepted
        assert twice > 0, "no event was published a second time: nothing was put to the test"
    figures(replies_lost=line.lost, published_twice=twice, accepted=accepted, claims=sold, duplicates=0)


@pytest.mark.timeout(TIMEOUT_S)
def test_replies_lost_after_a_publish_or_a_claim_over_http(doors, mariadb_url, valkey_url, figures):
    """Every fifth answer of the web is lost. The same body under the same ids or key is answered as it was."""
    losses = scaled(25, 3_000)
    with deployed(doors, mariadb_url, valkey_url) as whole:
        offer_id = whole.offer("few", STOCK)
        web = doors.web({**whole.env, "CLAIMS_PER_10_S": "100000"})
        with Line(int(web.base_url.rsplit(":", 1)[1])) as line:
            url = f"http://127.0.0.1:{line.port}"
            with Posting(url, seed=16) as posting, Grabbing(url, offer_id) as grabbing:
                eventually(lambda: posting.accepted and grabbing.won, 20, "both are at work")
                line.lose_replies(each=5)
                eventually(lambda: line.lost >= losses, TIMEOUT_S, f"{losses} answers are lost")
                line.restore()
        accepted = await_all_stored(whole.tally, posting.accepted)
        sold = await_all_sold(whole.market, offer_id, grabbing.won, STOCK, grabbing)
        twice = _appended(whole) - accepted
        assert twice > 0, "no event was published a second time: nothing was put to the test"
    figures(answers_lost=line.lost, published_twice=twice, accepted=accepted, claims=sold, duplicates=0)


@pytest.mark.timeout(TIMEOUT_S)
def test_replies_lost_to_a_subscriber_by_redis_and_by_sql(
    doors, mariadb_server, mariadb_url, valkey_server, valkey_url, figures
):
    """A COMMIT, a batch applied or an acknowledgement of which nobody hears is done again, and changes nothing."""
    losses = scaled(6, 500)
    with (
        deployed(doors, mariadb_url, valkey_url) as whole,
        Line(valkey_server.port) as redis_line,
        Line(mariadb_server.port) as sql_line,
    ):
        offer_id = whole.offer("few", STOCK)
        assert whole.subscribers[0].terminate() == 0
        lines = (redis_line, sql_line)
        child = whole.add_subscriber(
            REDIS_URL=valkey_url.replace(f":{valkey_server.port}", f":{redis_line.port}"),
            DATABASE_URL=mariadb_url.replace(f":{mariadb_server.port}", f":{sql_line.port}"),
        )
        with Pouring(valkey_url, seed=16) as pouring, Claiming(valkey_url, offer_id) as claiming:
            eventually(lambda: whole.tally.stored() > 0, 20, "it stores")
            redis_line.lose_replies(each=31)
            sql_line.lose_replies(each=23)
            eventually(
                lambda: all(line.lost >= losses for line in lines), TIMEOUT_S, f"{losses} are lost on each"
            )
            for line in lines:
                line.restore()
        accepted = await_all_stored(whole.tally, pouring.accepted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        assert child.is_running
    figures(lost_by_redis=redis_line.lost, lost_by_sql=sql_line.lost, accepted=accepted, claims=sold)


def _appended(whole) -> int:
    """How many transactions the log ever took, again or not."""
    stream = whole.tally.stream
    return sum(stream.counts(partition).published for partition in range(stream.partitions))
