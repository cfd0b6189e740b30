"""RELIABILITY.md and SECURITY.md name tests that there are."""

import re

import pytest

from config import ROOT
from tests.support import house

DOCUMENTS = [("RELIABILITY.md", "tests/fault"), ("SECURITY.md", "tests/security")]
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`([^`]+)`")
_TEST = re.compile(r"(?:(?P<file>(?:[\w/]+/)?test_[\w*]+\.py))?(?:(?:::)?(?P<name>test_\w+)(?P<more>…)?)?")


def named(document: str, folder: str) -> list[tuple[str, str, bool]]:
    """File, function (empty for all of the file) and whether only its beginning is told, in the order they stand."""
    found, file = [], ""
    for quoted in _QUOTED.findall(_FENCED.sub("", (ROOT / document).read_text())):
        match = _TEST.fullmatch(quoted)
        if match is None or not (match["file"] or match["name"]):
            continue
        if match["file"]:
            file = next(
                (f"{place}/{match['file']}" for place in (folder, "tests") if _found(place, match)),
                match["file"],
            )
        found.append((file, match["name"] or "", bool(match["more"])))
    return found


def _found(place: str, match: re.Match[str]) -> bool:
    return any(ROOT.glob(f"{place}/{match['file']}"))


@pytest.mark.parametrize(("document", "folder"), DOCUMENTS)
def test_every_test_that_a_promise_names_is_there(document, folder):
    told = named(document, folder)
    assert len(told) > 20
    missing = [(file, name) for file, name, is_begun in told if not _is_there(file, name, is_begun)]
    assert missing == []


def _is_there(file: str, name: str, is_begun: bool) -> bool:
    functions = {
        node.name for path in ROOT.glob(file) for node in house.parse(path).body if hasattr(node, "name")
    }
    if is_begun:
        return any(function.startswith(name) for function in functions)
    return bool(functions) and (not name or name in functions)


@pytest.mark.parametrize(("document", "folder"), DOCUMENTS)
def test_every_file_of_the_matrix_is_named(document, folder):
    files = {str(path.relative_to(ROOT)) for path in (ROOT / folder).glob("test_*.py")}
    told = {str(path.relative_to(ROOT)) for file, *_ in named(document, folder) for path in ROOT.glob(file)}
    assert files - told == set()
