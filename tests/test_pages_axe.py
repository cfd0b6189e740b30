"""axe (https://github.com/dequelabs/axe-core) finds nothing wrong with any page: light and dark, narrow and wide."""

import json
from collections.abc import Iterator

import pytest
import redis
from axe_playwright_python.sync_playwright import Axe

from tests.support.doors import Doors
from tests.support.pages import Seen
from tests.support.people import log_in, open_known_site, token_of
from tests.support.scale import scaled
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

ZONES = [{"zone": "stalls", "rows": 4, "seats_per_row": 8}, {"zone": "boxes", "rows": 2, "seats_per_row": 3}]
SETTLED_MS = 200
# What the colours of a scheme can make wrong. In small, all else is looked at in the first scheme alone.
COLOUR_RULES = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
IN_OTHER_SCHEMES = scaled(COLOUR_RULES, {})
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (360, 1440)]

PAGES = {
    "admin": [
        "/",
        "/admin",
        "/admin/offers",
        "/admin/offers/gala",
        "/admin/accounts",
        "/users/customer",
        "/users",
    ],
    "customer": ["/users/customer", "/offers", "/offers/gala", "/me", "/account"],
    "publisher": ["/account", "/me"],
    "": ["/login", "/signup", "/offers", "/offers/coupon", "/nothing"],
}


@pytest.fixture(scope="module", params=["full", "empty"])
def site(request, tmp_path_factory, migrated_sqlite):
    """A site with something on every page; and one with nothing but its accounts."""
    directory = tmp_path_factory.mktemp(f"axe-{request.param}")
    database_url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_known_site(directory, valkey.url, database_url) as site,
    ):
        admin = token_of(site, "admin")
        offers = "/api/v1/offers"
        show = {"kind": "show", "offer_id": "gala", "zones": ZONES}
        eventually(lambda: site.post(offers, show, headers=admin).status in {201, 409}, 20, "it sells")
        doors = Doors(directory)
        if request.param == "full":
            _fill(site, admin, doors)
        yield site
        doors.stop()


def _fill(site, admin, doors) -> None:
    doors.start("emitter", "random", "--controlled", "--rate", "3", env=site.settings)
    items = [{"user_id": "customer", "amount": (-1) ** n * 100 * n, "currency": "USD"} for n in range(1, 9)]
    assert site.post("/api/v1/transactions", items, headers=admin).status == 202
    with redis.Redis.from_url(site.settings["REDIS_URL"]) as client:
        for payload in (b"<b>junk</b>", b"x" * 70_000):
            client.xadd("{0}:log:transactions", {"json": payload})
    claims = "/api/v1/offers/gala/claims"
    held = {"user_id": "customer", "quantity": 2, "zone": "stalls"}
    eventually(lambda: site.post(claims, held, headers=admin).json.get("success"), 20, "seats are held")
    key = {"name": "export"}
    assert site.post("/api/v1/keys", key, headers=token_of(site, "customer")).status == 201
    eventually(
        lambda: len(site.get("/api/v1/dead-letters", admin).json["dead_letters"]) == 2, 20, "two letters"
    )
    eventually(lambda: site.get("/api/v1/emitter", admin).status == 200, 20, "an emitter")


@pytest.mark.parametrize("who", PAGES)
def test_axe_finds_nothing_and_nothing_sticks_out(site, request, browser, who):
    looks = LOOKS if "full" in request.node.callspec.id else LOOKS[::3]
    # Axe comes as a script of its own, which the pages' policy would refuse.
    context = browser.new_context(reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()
    seen = Seen(page, site.base_url)
    if who:
        log_in(page, site, who)
    found = [wrong for path in PAGES[who] for wrong in _wrong_of(page, site.base_url + path, looks)]
    context.close()
    assert seen.foreign == []
    assert not found, "\n".join(map(str, found))


def _wrong_of(page, url, looks) -> Iterator[tuple[str, str, int, str]]:
    """What is wrong with a page as it looks in each scheme and width."""
    page.goto(url)
    _open_all(page)
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(SETTLED_MS)
        for wrong in _wrong(page, {} if scheme == LOOKS[0][0] else IN_OTHER_SCHEMES):
            yield url, scheme, width, wrong
        if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
            yield url, scheme, width, "is wider than the screen"


def _open_all(page) -> None:
    page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")


def _wrong(page, options: dict[str, object]) -> list[str]:
    violations = Axe().run(page, options=options).response["violations"]
    return [
        f"{wrong['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for wrong in violations
        for node in wrong["nodes"]
    ]
