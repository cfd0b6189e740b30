"""A door: stores what happened. `python -m subscriber` reads the log, stores it once and keeps the hot state."""
