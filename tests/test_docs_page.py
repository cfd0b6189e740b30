"""The API's documentation in a browser: it opens, tries a call out, and asks no other machine for anything."""

import pytest


@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_opens_the_document_and_tries_a_call(site, page, width):
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{site.base_url}/docs")
    page.get_by_role("heading", name="Tally").wait_for()
    page.locator("#operations-health-health_is_alive").click()
    page.get_by_role("button", name="Execute").click()
    page.get_by_text("Response body").first.wait_for()
    assert '"status": "ok"' in page.locator("#operations-health-health_is_alive").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert said == []
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {site.base_url.split("/")[2]}


def test_nothing_inline_runs_there(site):
    policy = site.get("/docs").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy


def test_only_the_files_the_page_needs_are_served(site):
    assert site.get("/docs/swagger-ui.css").status == 200
    for name in ("swagger-ui.js", "..%2Fapp.py", "index.css"):
        assert site.get(f"/docs/{name}").status == 404
