"""Where a form leads: to a page of this site, and nowhere else."""

from typing import Final

from flask import redirect
from werkzeug.wrappers import Response

_OTHER_SITES: Final = ("//", "/\\")


def local_path(text: str) -> str | None:
    """The path that `text` is; None for anything that a browser could take for another site."""
    is_ours = text.startswith("/") and not text.startswith(_OTHER_SITES) and text.isprintable()
    return text if is_ours else None


def go(path: str) -> Response:
    """Have the browser ask for `path` next."""
    return redirect(path, 303)
