"""`python -m docs.screenshots [NAME …]`: a picture of every page, light and dark, wide and narrow, in docs/screens."""

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image

from docs.shown_site import ADMIN, CUSTOMER, SHOW, SOLD_OUT, STRANGER, Shown, in_full_swing, nothing_yet
from tests.support.browser import chromium
from tests.support.needs import NEEDS, find
from tests.support.network import loopback_only
from tests.support.people import log_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUT: Final = Path(__file__).parent / "screens"
SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (1440, 360)
# As the open door's own web shows it, where everybody is an admin.
OPENED: Final = "the open door"
_HEIGHTS: Final = {1440: 900, 360: 720}
_SETTLED_MS: Final = 400
_COLOURS: Final = 256
# A list that goes on is cut off here.
_TALLEST: Final = {1440: 1_800, 360: 3_200}


def _as_it_is(_page: "Page") -> None:
    """Most pages are shown as they open."""


class Shot(NamedTuple):
    """A page, who looks at it, and what they did there before the picture was taken."""

    name: str
    who: str
    path: str
    prepare: Callable[["Page"], None] = _as_it_is


def _fail_to_log_in(page: "Page") -> None:
    page.get_by_label("User", exact=True).fill("alice")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.get_by_text("There is no such user").wait_for()


def _make_a_key(page: "Page") -> None:
    page.get_by_label("Name").fill("spreadsheet")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_text("Copy it now").wait_for()


def _open_filters(page: "Page") -> None:
    page.locator("#filters").evaluate("box => { box.open = true }")


def _open_menu(page: "Page") -> None:
    page.locator("#account-menu summary").click()


def _open_a_call(page: "Page") -> None:
    page.get_by_role("heading", name="Tally").wait_for()
    page.locator(
        "[id$=show_sum] .opblock-summary-control, [id$=sum_of_user] .opblock-summary-control"
    ).first.click()
    page.get_by_role("button", name="Execute").first.wait_for()
    page.evaluate("document.activeElement.blur()")


FULL: Final = (
    Shot("dashboard", OPENED, "/"),
    Shot("dashboard-analyst", "ana", "/"),
    Shot("user", ADMIN, "/users/3"),
    Shot("user-filtered", ADMIN, "/users/3?currency=USD&min=50", _open_filters),
    Shot("user-own", CUSTOMER, f"/users/{CUSTOMER}", _open_menu),
    Shot("users", ADMIN, "/users?q=2"),
    Shot("offers", CUSTOMER, "/offers"),
    Shot("offer-coupon", CUSTOMER, "/offers/coupon"),
    Shot("offer-product", CUSTOMER, "/offers/headphones"),
    Shot("offer-sold-out", CUSTOMER, f"/offers/{SOLD_OUT}"),
    Shot("offer-show", CUSTOMER, f"/offers/{SHOW}"),
    Shot("offer-stranger", STRANGER, f"/offers/{SHOW}?zone=boxes"),
    Shot("me", CUSTOMER, "/me"),
    Shot("me-open-door", OPENED, "/me"),
    Shot("admin", ADMIN, "/admin"),
    Shot("admin-offers", ADMIN, "/admin/offers"),
    Shot("admin-offer", ADMIN, f"/admin/offers/{SHOW}"),
    Shot("admin-accounts", ADMIN, "/admin/accounts"),
    Shot("account", CUSTOMER, "/account", _make_a_key),
    Shot("login", STRANGER, "/login", _fail_to_log_in),
    Shot("signup", STRANGER, "/signup"),
    Shot("error", ADMIN, "/nothing-here"),
    Shot("docs", STRANGER, "/docs", _open_a_call),
)
EMPTY: Final = (
    Shot("empty-dashboard", ADMIN, "/"),
    Shot("empty-user", ADMIN, "/users/nobody"),
    Shot("empty-users", ADMIN, "/users?q=zz"),
    Shot("empty-me", CUSTOMER, "/me"),
    Shot("empty-admin", ADMIN, "/admin"),
    Shot("empty-account", CUSTOMER, "/account"),
)


def main() -> int:
    wanted = _parser().parse_args()
    OUT.mkdir(exist_ok=True)
    with (
        loopback_only(),
        TemporaryDirectory(prefix="tally-screens-") as folder,
        chromium(find(*NEEDS["chromium"].programs)) as browser,
    ):
        for build, shots in ((in_full_swing, FULL), (nothing_yet, EMPTY)):
            named = [shot for shot in shots if not wanted.names or shot.name in wanted.names]
            if named:
                with build(Path(folder) / build.__name__) as shown:
                    _take_all(browser, shown, named)
    total = sum(path.stat().st_size for path in OUT.glob("*.png"))
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}, {total / 1e6:.1f} MB")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m docs.screenshots", description=f"Pictures of all pages, in {OUT}."
    )
    names = [shot.name for shot in (*FULL, *EMPTY)]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"those alone, of {', '.join(names)}")
    return parser


def _take_all(browser: "Browser", shown: Shown, shots: list[Shot]) -> None:
    """Each person opens a browser of their own and goes from page to page."""
    for who in dict.fromkeys(shot.who for shot in shots):
        context = browser.new_context(timezone_id="UTC", locale="en-US", reduced_motion="reduce")
        page = context.new_page()
        site = shown.opened if who == OPENED else shown.known
        if who not in {OPENED, STRANGER}:
            log_in(page, site, who)
        for shot in (shot for shot in shots if shot.who == who):
            page.set_viewport_size({"width": WIDTHS[0], "height": _HEIGHTS[WIDTHS[0]]})
            page.goto(site.base_url + shot.path)
            shot.prepare(page)
            for path, picture in _pictures(page, shot.name):
                _write(picture, path)
            print(shot.name, flush=True)
        context.close()


def _pictures(page: "Page", name: str) -> Iterator[tuple[Path, bytes]]:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": _HEIGHTS[width]})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_timeout(_SETTLED_MS)
            yield (
                OUT / f"{name}-{scheme}-{width}.png",
                page.screenshot(full_page=True, clip=_shown(page, width)),
            )


def _shown(page: "Page", width: int) -> dict[str, int]:
    height = page.evaluate("document.documentElement.scrollHeight")
    tallest = _HEIGHTS[width] if page.url.endswith("/docs") else _TALLEST[width]
    return {"x": 0, "y": 0, "width": width, "height": min(height, tallest)}


def _write(picture: bytes, path: Path) -> None:
    """With a palette: pages have few colours, and a picture is a third as large by it."""
    with Image.open(io.BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
