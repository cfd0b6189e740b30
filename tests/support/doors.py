"""Tally's own commands as child processes: the emitter, the subscriber, the web."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from tests.support.ports import free_port
from tests.support.process import ROOT, ChildProcess, child_environment
from tests.support.waiting import eventually

_WEB_START_TIMEOUT_S = 30.0
_HEALTH_TIMEOUT_S = 2.0


class Web(ChildProcess):
    """The web door under gunicorn, on a free port."""

    def __init__(self, log_path: Path, env: Mapping[str, str]) -> None:
        port = int(env.get("PORT", free_port()))
        self.base_url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "webapp.wsgi:app"]
        door_env = {"HOST": "127.0.0.1", **env, "PORT": str(port)}
        super().__init__(log_path.stem, command, log_path=log_path, env=door_env)

    def wait_until_healthy(self) -> None:
        """Return once /healthz answers 200; fail at once, with the log, when the process ends before."""
        try:
            eventually(self._is_healthy, _WEB_START_TIMEOUT_S, f"{self.base_url}/healthz answers 200")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log_tail()}") from None

    def _is_healthy(self) -> bool:
        if not self.is_running:
            raise RuntimeError(f"the web ended with {self.process.returncode}\n{self.log_tail()}")
        try:
            with urllib.request.urlopen(f"{self.base_url}/healthz", timeout=_HEALTH_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


class Doors:
    """Starts doors with these settings in their environment, and stops all of them at the end of the test."""

    def __init__(self, log_directory: Path) -> None:
        self.log_directory = log_directory
        self.children: list[ChildProcess] = []
        self._numbers = count(1)

    def start(self, *arguments: str, env: Mapping[str, str]) -> ChildProcess:
        """`python -m ARGUMENTS…` in the background: `start("subscriber", env=settings)`.

        A first argument that ends in .py is run as a file: `start("demo.py", env=settings)`.
        """
        log_path = self._log_path(arguments[0])
        child = ChildProcess(log_path.stem, _python(arguments), log_path=log_path, env=env)
        self.children.append(child)
        return child.start()

    def run(
        self,
        *arguments: str,
        env: Mapping[str, str],
        timeout_s: float = 60.0,
        expect: int | None = 0,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """`python -m ARGUMENTS…` to its end. AssertionError unless it exits with `expect` (None: any code)."""
        done = subprocess.run(
            _python(arguments),
            cwd=ROOT,
            env=child_environment(env),
            input=stdin or "",
            capture_output=True,
            check=False,
            text=True,
            timeout=timeout_s,
        )
        if expect is not None:
            said = f"{' '.join(arguments)} exited with {done.returncode}\n{done.stdout}{done.stderr}"
            assert done.returncode == expect, said
        return done

    def web(self, env: Mapping[str, str]) -> Web:
        """The web under gunicorn, answering; its address is `.base_url`."""
        child = Web(self._log_path("web"), env)
        self.children.append(child)
        child.start()
        child.wait_until_healthy()
        return child

    def stop(self) -> None:
        """Stop every child, the last started first."""
        for child in reversed(self.children):
            child.stop()

    def _log_path(self, name: str) -> Path:
        return self.log_directory / f"{Path(name).stem}-{next(self._numbers)}.log"


def _python(arguments: tuple[str, ...]) -> list[str]:
    as_module = [] if arguments[0].endswith(".py") else ["-m"]
    return [sys.executable, *as_module, *arguments]
