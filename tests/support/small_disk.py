"""A disk of a few hundred megabytes (a tmpfs), which a test may fill to the last byte and empty again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK = b"\0" * 65_536


def why_not() -> str | None:
    """What this machine lacks for it; None where nothing is missing."""
    return None if os.geteuid() == 0 else "a disk of the test's own takes a mount, which takes root"


class SmallDisk:
    """Mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> int:
        """Leave no byte free; how many were. What is freed meanwhile is taken too when this is called again."""
        taken = 0
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (len(_CHUNK), 4_096, 1):
                try:
                    while True:
                        taken += ballast.write(_CHUNK[:size])
                except OSError:  # no space left for so much
                    continue
        return taken

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    path.mkdir()
    options = f"size={megabytes}m,nosuid,nodev,noexec"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tally-test", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        # Lazily: a server that is stopped after this still has its files open.
        subprocess.run(["umount", "--lazy", str(path)], check=True)
