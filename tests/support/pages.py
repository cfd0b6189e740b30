"""Pages as they are read, and what a browser says while it shows them."""

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

HTML = {"Accept": "text/html"}


def words(html: str) -> str:
    """The text of a page as it is read."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(html)
    return re.sub(r"[ \n]+", " ", " ".join(found))


class Seen:
    """What a page said on its console, and where it sent requests but to its own site."""

    def __init__(self, page: "Page", base_url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None
        )
        page.on("request", lambda r: None if r.url.startswith(base_url) else self.foreign.append(r.url))
