"""The mutation proofs fit the code: every guard that they take out stands there, and every test that they name."""

import ast
from functools import cache

import pytest

from tests.mutations.mutation import Edit, check, mutation
from tests.mutations.table import MUTATIONS
from tests.support import house
from tests.support.process import ROOT


@pytest.mark.parametrize("which", MUTATIONS, ids=lambda which: which.name)
def test_the_guard_stands_in_the_code_once(which):
    assert which.edits
    for edit in which.edits:
        check(edit, ROOT)
        assert edit.text != edit.replacement


@pytest.mark.parametrize("test", sorted({which.test for which in MUTATIONS}))
def test_every_test_named_is_there(test):
    """Its function; the ids of its parameters are left to `make mutations`, which runs all of them first."""
    path, name = test.partition("[")[0].split("::")
    assert functions(path).count(name) == 1


@cache
def functions(path: str) -> list[str]:
    return [node.name for node in house.parse(ROOT / path).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize(
    "guard",
    [
        "ZADD NX gate removed",
        "acknowledge before commit",
        "INSERT IGNORE",
        "trim in two steps",
        "claim without journal",
        "no run_id check",
        "one mark instead of two",
    ],
)
def test_what_was_promised_to_be_tried_is(guard):
    assert any(which.name.startswith(guard) for which in MUTATIONS)


def test_every_file_of_attacks_was_seen_to_fail():
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests/security").glob("test_*.py")}
    assert len(files) >= 20
    assert files <= {which.test.partition("::")[0] for which in MUTATIONS}


def test_each_is_another_guard():
    names = [which.name for which in MUTATIONS]
    assert len(set(names)) == len(names)
    assert len({(which.edits, which.test) for which in MUTATIONS}) == len(names)


def test_a_text_that_is_not_there_once_is_told(tmp_path):
    (tmp_path / "code.py").write_text("guard()\nguard()\n")
    for text, times in (("guard()", 2), ("gone()", 0)):
        with pytest.raises(ValueError, match=f"{times} times"):
            check(Edit("code.py", text, ""), tmp_path)
    mutation("both", "a test", "code.py", "guard()\nguard()", "guard()").apply(tmp_path)
    assert (tmp_path / "code.py").read_text() == "guard()\n"
