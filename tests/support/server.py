"""What every server under test has in common: a port, a data directory, and a life that tests may cut short."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ports import free_port
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

START_TIMEOUT_S = 60.0


class Server(ABC):
    """A real server on a free loopback port. Its port and data outlive `stop`, `kill` and `restart`."""

    name = "server"

    def __init__(
        self, directory: Path, *, port: int | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self._env = dict(env or {})
        self.child: ChildProcess | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that runs the server in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers a query now."""

    def prepare(self) -> None:
        """Make the directory ready for a first start."""
        self.directory.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        return self.running.pid

    @property
    def running(self) -> ChildProcess:
        if self.child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.child

    def start(self, *, wait: bool = True) -> Self:
        """Start (again) on the same port and data; returns once it answers, unless told not to wait."""
        self.prepare()
        log_path = self.directory / f"{self.name}.log"
        self.child = ChildProcess(
            self.name, self.command(), log_path=log_path, env=self._env, cwd=self.directory
        )
        self.child.start()
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return once the server answers; stop it and raise AssertionError with its log if it does not."""
        try:
            eventually(self._is_ready_or_dead, timeout_s, f"{self.name} answers on port {self.port}")
        except Exception as failure:
            tail = self.running.log_tail()
            self.stop()
            raise AssertionError(f"{failure}\n{tail}") from failure

    def _is_ready_or_dead(self) -> bool:
        if not self.running.is_running:
            raise RuntimeError(f"{self.name} ended with {self.running.process.returncode} while it started")
        return self.is_ready()

    def stop(self) -> None:
        """An orderly end. Does nothing when it does not run."""
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        """A crash: SIGKILL, no goodbye."""
        self.running.kill()

    def restart(self) -> None:
        """An orderly end and a new start, on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Hang: connections stay open and nothing answers, until `resume`."""
        self.running.pause()

    def resume(self) -> None:
        self.running.resume()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
