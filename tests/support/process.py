"""A child process that a test owns: started, watched through its log, stopped by its pid and nothing else."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 20.0
_LOG_TAIL_CHARS = 8_000
# Nothing else of the caller's environment reaches a child: a developer's DATABASE_URL must not decide a test.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "VIRTUAL_ENV")


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: a few inherited names, output unbuffered, then `extra`."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(extra or {})}


class ChildProcess:
    """One command as our own child in a session of its own, its output in `log_path` (stdout and stderr together)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log_path = log_path
        self.cwd = cwd
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the command; its output is appended to the log of any earlier run."""
        if self.is_running:
            raise RuntimeError(f"{self.name} runs already")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment(self._env),
                cwd=self.cwd,
                start_new_session=True,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, signal_number: int) -> None:
        """Send a signal to the process itself; one that is gone already is left alone."""
        self.process.send_signal(signal_number)

    def pause(self) -> None:
        """SIGSTOP: alive, its sockets open, but silent."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """The exit code, once the process has ended by itself; AssertionError with its log if it does not."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{self.name} still runs after {timeout_s} s\n{self.log_tail()}") from late

    def interrupt(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ctrl-C, then the exit code; AssertionError if it does not end in time."""
        self.send(signal.SIGINT)
        return self.wait(timeout_s)

    def terminate(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """SIGTERM, then the exit code; AssertionError if it does not end in time."""
        self.send(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL to the process itself, as a crash would be."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Make sure that it is gone: SIGTERM (even when paused), SIGKILL after the bound, its children with it."""
        if self.is_running:
            self.send(signal.SIGTERM)
            self.resume()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s)
        self._kill_group()

    def _kill_group(self) -> None:
        if self._process is None:
            return
        # The child leads a session of its own, so its pid names the group of all that it started.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def log(self) -> str:
        """All that it has printed, over all its runs."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self) -> str:
        return f"--- log of {self.name} ({self.log_path}) ---\n{self.log()[-_LOG_TAIL_CHARS:]}"

    def wait_for_line(self, pattern: str, timeout_s: float = 30.0) -> re.Match[str]:
        """The first match of a regular expression in the log; fails at once when the process ends without it."""
        expression = re.compile(pattern, re.MULTILINE)

        def look() -> re.Match[str] | None:
            running = self.is_running  # asked before the log is read: what is printed last counts too
            found = expression.search(self.log())
            if found is None and not running:
                raise RuntimeError(
                    f"{self.name} ended ({self.process.returncode}) before {pattern!r}\n{self.log_tail()}"
                )
            return found

        try:
            found = eventually(look, timeout_s, f"{self.name} prints {pattern!r}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log_tail()}") from None
        assert found is not None
        return found
