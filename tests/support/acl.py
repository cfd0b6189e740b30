"""A server whose users are those of deploy/acl, with made-up passwords, and each door's way into it."""

import subprocess
from pathlib import Path
from typing import Final

from tests.support.process import ROOT, child_environment

DOORS: Final = ("emitter", "subscriber", "web", "stranger", "operator")


def password(door: str) -> str:
    return f"secret of {door}".replace(" ", "-")


def write_users(path: Path, **settings: str) -> Path:
    """The `aclfile` that the script beside the rules prints, in an environment with these settings."""
    given = {f"REDIS_{door.upper()}_PASSWORD": password(door) for door in DOORS} | settings
    script = ROOT / "deploy/acl/users.sh"
    done = subprocess.run(
        ["sh", str(script)],
        env=child_environment(given),
        check=True,
        capture_output=True,
        text=True,
        timeout=10,
    )
    path.write_text(done.stdout)
    return path


def url_of(door: str, server_url: str) -> str:
    """The server's URL for the user of a door."""
    return server_url.replace("redis://", f"redis://{door}:{password(door)}@")
