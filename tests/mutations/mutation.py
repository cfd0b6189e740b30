"""What a mutation is, and how it is made in a copy of the tree."""

from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """`text` stands exactly once in `file`, and is replaced."""

    file: str
    text: str
    replacement: str


class Mutation(NamedTuple):
    """A guard taken out by `edits`, and the `test` (as pytest names it) that must notice.

    `reason`: how its failure begins where that is an exception of ours instead of an assertion.
    """

    name: str
    test: str
    edits: tuple[Edit, ...]
    reason: str = ""

    def apply(self, root: Path) -> None:
        """Make the edits below `root`. Raises ValueError where a text does not stand exactly once."""
        for edit in self.edits:
            check(edit, root)
            path = root / edit.file
            path.write_text(path.read_text().replace(edit.text, edit.replacement))


def check(edit: Edit, root: Path) -> None:
    """Raises ValueError where the text does not stand exactly once."""
    times = (root / edit.file).read_text().count(edit.text)
    if times != 1:
        raise ValueError(f"{edit.file} has {times} times, not once: {edit.text}")


def mutation(name: str, test: str, file: str, text: str, replacement: str) -> Mutation:
    """One of a single edit."""
    return Mutation(name, test, (Edit(file, text, replacement),))
