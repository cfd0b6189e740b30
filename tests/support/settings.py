"""Settings as the environment would give them, for what is built within a test."""

import os
from pathlib import Path
from unittest.mock import patch

from config import Settings, load


def settings_of(**environment: str) -> Settings:
    """The settings of a process with nothing but these variables, and no `.env`."""
    with patch.dict(os.environ, environment, clear=True), patch("config.ROOT", Path("/nowhere")):
        return load()
