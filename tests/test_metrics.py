"""/metrics: what the workers counted, all of them together, and what Redis and SQL say of the logs."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.support.site import open_site
from tests.support.waiting import eventually


def measured(site, name, **labels):
    """The value of one sample; None where there is none."""
    return value_in(site.get("/metrics").text, name, labels)


def value_in(text, name, labels):
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


def requests(site, endpoint, status):
    return measured(site, "tally_http_request_duration_seconds_count", endpoint=endpoint, status=status) or 0


def test_requests_are_counted_by_endpoint_and_class_of_status(site):
    before = [requests(site, "user sum.show_sum", status) for status in ("2xx", "4xx")]
    for path in ("u/sum", "u/sum", "u/sum?window=x"):
        site.get(f"/api/v1/users/{path}")
    after = [requests(site, "user sum.show_sum", status) for status in ("2xx", "4xx")]
    assert [late - early for early, late in zip(before, after, strict=True)] == [2, 1]
    labels = {"endpoint": "user sum.show_sum", "status": "2xx"}
    assert measured(site, "tally_http_request_duration_seconds_sum", **labels) > 0


def test_what_was_published_is_settled(site):
    log = {"feed": "transactions", "partition": "0"}
    before = measured(site, "tally_events_published_total", **log)
    site.store(*({"user_id": "m", "amount": n, "currency": "USD"} for n in range(7)))
    published = measured(site, "tally_events_published_total", **log)
    assert published == before + 7
    eventually(lambda: measured(site, "tally_events_settled_total", **log) == published, 20, "all is settled")
    for waiting in ("tally_log_undelivered", "tally_log_pending", "tally_consumer_lag_seconds"):
        assert measured(site, waiting, **log) == 0
    assert measured(site, "tally_dead_letters", **log) == 0
    assert measured(site, "tally_server_up", server="redis") == 1
    assert measured(site, "tally_server_up", server="sql") == 1


def test_what_nobody_stores_waits_and_grows_older(tmp_path, valkey_url, sqlite_database_url):
    log = {"feed": "transactions", "partition": "0"}
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False) as site:
        site.post("/api/v1/transactions", {"user_id": "m", "amount": 1, "currency": "USD"})
        assert measured(site, "tally_log_undelivered", **log) == 1
        assert measured(site, "tally_events_settled_total", **log) == 0
        eventually(lambda: measured(site, "tally_consumer_lag_seconds", **log) > 0.2, 10, "it grows older")


def test_live_streams_are_counted_while_they_are_open(site):
    with site.watch() as watching:
        next(watching.blocks())
        assert measured(site, "tally_live_watchers") == 1
    # A stream ends when nothing can be sent on it any more: stored events find that out.
    eventually(lambda: site.store(item()) and measured(site, "tally_live_watchers") == 0, 30, "it is gone")


def item():
    return {"user_id": "live", "amount": 1, "currency": "USD"}


def test_refusals_from_memory_are_counted_with_all_claims(site):
    offer_id = site.offer(total_stock=1)
    hits = measured(site, "tally_sold_out_memory_hits_total")
    before = requests(site, "claims.claim", "2xx")
    answers = [site.claim(offer_id, f"user-{n}").json["success"] for n in range(20)]
    assert sum(answers) == 1
    assert measured(site, "tally_sold_out_memory_hits_total") > hits
    assert requests(site, "claims.claim", "2xx") == before + 20


def test_any_worker_tells_what_all_have_counted(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False, WORKERS="2") as site:
        kept = connections_to_both_workers(site)
        before = requests(site, "user sum.show_sum", "2xx")
        for connection in kept:
            said(connection, "/api/v1/users/w/sum")
        told = [value_in(said(connection, "/metrics"), COUNT, SUMS) for connection in kept]
        for connection in kept:
            connection.close()
        assert told == [before + len(kept)] * len(kept)


COUNT = "tally_http_request_duration_seconds_count"
SUMS = {"endpoint": "user sum.show_sum", "status": "2xx"}


def connections_to_both_workers(site):
    """Open connections, of which each worker serves at least one."""
    kept = []

    def both_serve():
        kept.append(HTTPConnection(urlsplit(site.base_url).netloc, timeout=30))
        said(kept[-1], "/healthz")
        ours = {connection.sock.getsockname()[1] for connection in kept}
        workers = psutil.Process(site.web.process.pid).children()
        return len([worker for worker in workers if ours & served_by(worker)]) == 2

    eventually(both_serve, 20, "both workers serve")
    return kept


def served_by(worker):
    """The ports of those whom a process has connections from."""
    return {found.raddr.port for found in worker.net_connections("tcp") if found.raddr}


def said(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read().decode()


def test_a_scrape_is_answered_while_a_server_is_away(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url, is_storing=False) as site:
        valkey.stop()
        assert measured(site, "tally_server_up", server="redis") == 0
        assert measured(site, "tally_server_up", server="sql") == 1


def test_a_closed_door_tells_it_to_nobody_in_particular(tmp_path, valkey_url, sqlite_database_url):
    closed = {"AUTH": "required", "SECRET_KEY": "s" * 32}
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False, **closed) as site:
        refused = site.get("/metrics")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="tally"'
