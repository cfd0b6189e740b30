"""Were markup ever to slip into a page: the policy of content refuses what it could do, in a browser."""

import pytest

from tests.support.waiting import eventually

# By what is put at the end of a page, the part of the policy that refuses it.
MARKUP = {
    "<img src=/nothing onerror=ran()>": "script-src",
    "<svg onload=ran()></svg>": "script-src",
    "<iframe srcdoc='<script>parent.ran()</script>'></iframe>": "script-src",
    "<iframe src=/offers></iframe>": "frame-src",
    "<object data=/offers></object>": "object-src",
    "<embed src=/offers>": "object-src",
    "<p style='position: fixed'>": "style-src",
    "<style>body { display: none }</style>": "style-src",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>": "style-src",
    "<img src=http://127.0.0.1:9/x.png>": "img-src",
    "<video src=http://127.0.0.1:9/x.mp4>": "media-src",
    "<base href=http://127.0.0.1:9/>": "base-uri",
}
# The same by what script could do, if it ran all the same.
DEEDS = {
    "const it = document.createElement('a'); it.href = 'javascript:ran()'; it.click()": "script-src",
    "document.body.setAttribute('onclick', 'ran()'); document.body.click()": "script-src",
    "fetch('http://127.0.0.1:9/?' + document.title).catch(() => 0)": "connect-src",
    "navigator.sendBeacon('http://127.0.0.1:9/', document.title)": "connect-src",
    "new WebSocket('ws://127.0.0.1:9/').onerror = () => 0": "connect-src",
    "const it = document.forms[0]; it.action = 'http://127.0.0.1:9/'; it.submit()": "form-action",
}


@pytest.fixture(scope="module")
def console(tab) -> list[str]:
    """What the browser says, frames included: of whatever it refuses which part of the policy it breaks."""
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.add_init_script("globalThis.ran = () => { globalThis.hasRun = true; };")
    return said


def test_what_markup_could_do_is_refused(tab, console, people):
    for markup, part in MARKUP.items():
        tab.goto(f"{people.site.base_url}/signup")
        console.clear()
        tab.evaluate("(markup) => document.body.insertAdjacentHTML('beforeend', markup)", markup)
        assert_refused(tab, console, part, markup)


def test_what_a_script_could_do_is_refused(tab, console, people):
    for deed, part in DEEDS.items():
        tab.goto(f"{people.site.base_url}/signup")
        console.clear()
        tab.evaluate(f"() => {{ {deed} }}")
        assert_refused(tab, console, part, deed)


def assert_refused(tab, console: list[str], part: str, what: str) -> None:
    def is_refused() -> bool:
        has_run = tab.evaluate("globalThis.hasRun")  # asking has the browser's words come, too
        assert not has_run, what
        return any("Content Security Policy" in said and part in said for said in console)

    eventually(is_refused, 5, f"{part} refuses {what}: {console}")
