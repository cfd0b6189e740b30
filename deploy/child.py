"""A process that is to live no longer than the one that started it."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

_TAIL_LINES: Final = 15
_SET_PARENT_DEATH_SIGNAL: Final = 1  # linux/prctl.h
_libc: Final = ctypes.CDLL(None)


class Child(NamedTuple):
    """A running command, and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], *, directory: Path, environment: Mapping[str, str], log: Path
    ) -> Self:
        """Start `command` in a session of its own, so that a terminal's Ctrl-C passes it by. `log` begins anew."""
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - the caller has one thread
            )
        return cls(name, process, log)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def epitaph(self) -> str:
        """How it ended, and the last it said."""
        return f"{self.name} ended with code {self.process.returncode}. {self.tail()}"

    def tail(self) -> str:
        """The last lines of its log, under the log's name."""
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n    ".join([f"The end of {self.log}:", *lines])

    def stop(self, timeout_s: float) -> bool:
        """Let it finish; past `timeout_s` end it and whatever it started. Whether it ended by itself."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return False
        return True


def _die_with(parent: int) -> Callable[[], None]:
    """Run in a child before its program: should `parent` be killed, the kernel kills the child (Linux only)."""

    def ask() -> None:
        if sys.platform == "linux":
            _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return ask
