"""Reads the Lua scripts that stand beside a package, one verb a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from redis.commands.core import Script

# redis-py annotates neither raw replies nor its own scripts in a way that could be checked.
Client: TypeAlias = Any


def load_script(client: Client, directory: Path, *names: str) -> Script:
    """The script `names[-1]`, with the files named before it in front of it as its shared part."""
    script: Script = client.register_script("\n".join(_texts(directory, names)))
    return script


def _texts(directory: Path, names: Iterable[str]) -> list[str]:
    return [(directory / f"{name}.lua").read_text() for name in names]
