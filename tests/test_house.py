"""The house stays as it was designed: imports go one way, functions stay short, nothing is swallowed."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import PurePath

import pytest

from tests.support import bounds, house
from tests.support.needs import NEEDS
from tests.support.process import ROOT

LONGEST_FUNCTION = 60
LONGEST_FILE = 350
_VENDORED = {
    "vendor", "vendored", "_vendor", "third_party", "thirdparty", "external", "node_modules",
    "bower_components", "site-packages", "dist-packages", "wheels",
}  # fmt: skip
_FOREIGN_SUFFIXES = {".whl", ".jar", ".so", ".dll", ".dylib", ".exe", ".pyc", ".class", ".tgz", ".zip"}
_TRY = "  try:\n    f()"


@cache
def files() -> list[PurePath]:
    """What is in the repository or about to be: tracked files, and new ones that .gitignore lets through."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else list(_walk())
    return [PurePath(name) for name in sorted(set(names)) if name and (ROOT / name).is_file()]


def _walk() -> Iterator[str]:
    """Without git (an unpacked archive): all but what hides behind a dot."""
    for path in ROOT.rglob("*"):
        relative = path.relative_to(ROOT)
        if not any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
            yield str(relative)


@cache
def modules() -> list[tuple[PurePath, ast.Module]]:
    return [(path, house.parse(ROOT / path)) for path in files() if path.suffix == ".py"]


def product() -> list[tuple[PurePath, ast.Module]]:
    return [(path, tree) for path, tree in modules() if path.parts[0] != "tests"]


def running() -> list[tuple[PurePath, ast.Module]]:
    """What runs where Tally does: no benchmark, and nothing that makes the documentation."""
    return [(path, tree) for path, tree in product() if path.parts[0] not in {"bench", "docs"}]


def found(
    rule: Callable[..., Iterable[str]], among: list[tuple[PurePath, ast.Module]], *rest: int
) -> list[str]:
    return [place for path, tree in among for place in rule(path, tree, *rest)]


def test_imports_go_one_way():
    assert found(house.wrong_imports, product()) == []


def test_only_config_reads_the_environment():
    others = [(path, tree) for path, tree in product() if path != PurePath("config.py")]
    assert found(house.environment_readers, others) == []


def test_what_reads_the_settings_loads_no_client():
    """Gunicorn reads them before gevent patches the sockets that clients are made of."""
    script = (
        "import config, sys; print([name for name in ('ssl', 'redis', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_no_function_is_long():
    # A migration is one list of what changes.
    told = [(path, tree) for path, tree in modules() if not path.match("migrations/versions/*")]
    assert found(house.long_functions, told, LONGEST_FUNCTION) == []


def test_no_exception_is_swallowed():
    assert found(house.swallowed_exceptions, modules()) == []


def test_every_queue_has_a_bound():
    assert found(bounds.unbounded_queues, running()) == []


def test_every_client_has_a_timeout():
    assert found(bounds.clients_that_wait_for_ever, running()) == []
    scripts = {path: (ROOT / path).read_text() for path in files() if path.match("webapp/static/*.js")}
    assert scripts
    assert [str(path) for path, text in scripts.items() if bounds.fetches_that_wait_for_ever(text)] == []


def test_nobody_tries_again_in_step_with_all_others():
    assert found(bounds.retries_in_step, running()) == []


def test_tests_wait_for_what_should_happen_instead_of_sleeping():
    tests = [(path, tree) for path, tree in modules() if path.parts[0] == "tests"]
    waiting = PurePath("tests/support/waiting.py")
    assert found(house.bare_sleeps, [(path, tree) for path, tree in tests if path != waiting]) == []


def test_no_file_is_long():
    code = [path for path in files() if path.suffix in {".py", ".lua", ".js"} and path.parts[0] != "tests"]
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in code}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_lua_script_opens_with_what_it_takes_and_returns():
    scripts = {path: (ROOT / path).read_text() for path in files() if path.suffix == ".lua"}
    assert {str(path): house.missing_from_header(text) for path, text in scripts.items()} == {
        str(path): set() for path in scripts
    }


def test_no_third_party_code_is_kept_here():
    foreign = [path for path in files() if _VENDORED & set(path.parts[:-1]) or ".min." in path.name]
    binary = [path for path in files() if path.suffix in _FOREIGN_SUFFIXES]
    assert foreign + binary == []


def test_the_servers_tests_need_are_those_that_get_installed():
    script = (ROOT / "tests/install_servers.sh").read_text()
    table = script.split("servers='")[1].split("'")[0]
    installed = dict(line.split() for line in table.strip().splitlines())
    assert installed == {need.programs[0]: need.package for need in NEEDS.values()}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("events/wire.py", "import storage.sql"),
        ("storage/sql/reads.py", "def f():\n    from offers import stock"),
        ("offers/seats.py", "from webapp.errors import Refused"),
        ("emitter/random.py", "import subscriber"),
        ("webapp/__init__.py", "from emitter import sources"),
        ("webapp/pages.py", "import config"),
        ("subscriber/process.py", "from config import Settings, load"),
        ("storage/hot/board.py", "from config import Settings"),
        ("gunicorn.conf.py", "import webapp"),
        ("migrations/versions/0001_first.py", "from storage.sql.models import metadata"),
    ],
)
def test_a_wrong_import_is_found(path, source):
    assert list(house.wrong_imports(PurePath(path), ast.parse(source)))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("events/wire.py", "from events.types import Transaction"),
        ("storage/sql/reads.py", "import events.moments"),
        ("webapp/wsgi.py", "import config, offers.seats, storage.hot.board, events.wire"),
        ("subscriber/__main__.py", "from config import load"),
        ("subscriber/process.py", "from config import Settings"),
        ("migrations/env.py", "from config import load\nfrom storage.sql.models import metadata"),
        ("demo.py", "import config, subscriber"),
    ],
)
def test_a_right_import_is_not(path, source):
    assert list(house.wrong_imports(PurePath(path), ast.parse(source))) == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (house.environment_readers, "import os\nos.environ['PORT']"),
        (house.environment_readers, "import os\nos.getenv('PORT')"),
        (house.environment_readers, "from os import environ"),
        (house.environment_readers, "from environs import Env"),
        (house.swallowed_exceptions, "try:\n    f()\nexcept ValueError:\n    pass"),
        (house.swallowed_exceptions, "try:\n    f()\nexcept ValueError:\n    ..."),
        (house.swallowed_exceptions, "with suppress(Exception):\n    f()"),
        (bounds.unbounded_queues, "queue.Queue()"),
        (bounds.unbounded_queues, "waiting = Queue[int](maxsize=0)"),
        (bounds.unbounded_queues, "SimpleQueue()"),
        (bounds.unbounded_queues, "deque(items)"),
        (bounds.clients_that_wait_for_ever, "redis.Redis.from_url(url)"),
        (bounds.clients_that_wait_for_ever, "Redis(host='h', port=1)"),
        (bounds.clients_that_wait_for_ever, "urllib.request.urlopen(url)"),
        (bounds.clients_that_wait_for_ever, "pymysql.connect(host='h', connect_timeout=1)"),
        (bounds.clients_that_wait_for_ever, "create_engine(url)"),
        (bounds.clients_that_wait_for_ever, "create_engine(url, connect_args={'charset': 'utf8mb4'})"),
        (bounds.clients_that_wait_for_ever, "create_engine(url, connect_args={'connect_timeout': 3})"),
        (bounds.retries_in_step, "Retry(ExponentialBackoff(), 3)"),
        (bounds.retries_in_step, "Retrying(wait=wait_exponential())"),
        (bounds.retries_in_step, "try:\n    f()\nexcept OSError:\n    time.sleep(pause_s)"),
        (bounds.retries_in_step, f"while True:\n{_TRY}\n  except OSError:\n    log()\n  stopping.wait(1.0)"),
        (bounds.retries_in_step, f"while not stopping.wait(1.0):\n{_TRY}\n  except OSError:\n    log()"),
        (house.bare_sleeps, "import time\ntime.sleep(1)"),
        (house.bare_sleeps, "from time import sleep\nsleep(1)"),
    ],
)
def test_a_broken_rule_is_found(rule, source):
    assert list(rule(PurePath("somewhere.py"), ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (bounds.unbounded_queues, "Queue(5)\ndeque(maxlen=_MOST)\ndeque((), 5)\nQueue[int](maxsize=most)"),
        (bounds.clients_that_wait_for_ever, "Redis(connection_pool=pool)\nurlopen(url, timeout=2)"),
        (bounds.retries_in_step, "Retry(ExponentialWithJitterBackoff(), 3)"),
        (bounds.clients_that_wait_for_ever, "create_engine(url, connect_args={'timeout': 30})"),
        (bounds.retries_in_step, "try:\n    f()\nexcept OSError:\n    sleep(random.uniform(1, 2))"),
        (bounds.retries_in_step, f"while True:\n{_TRY}\n  except OSError:\n    return\n  stopping.wait(1.0)"),
    ],
)
def test_what_waits_within_bounds_is_not(rule, source):
    assert list(rule(PurePath("somewhere.py"), ast.parse(source))) == []


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        ("-- KEYS  1 log\n-- Returns how many\nreturn redis.call('XLEN', KEYS[1])", set()),
        ("-- KEYS  1 log\nreturn redis.call('XRANGE', KEYS[1], ARGV[1], '+')", {"ARGV", "Returns"}),
        ("-- Shared by other scripts.\nlocal function twice(n) return 2 * n end", set()),
    ],
)
def test_what_a_script_does_not_say_is_found(script, missing):
    assert house.missing_from_header(script) == missing


def test_a_long_function_is_found():
    tree = ast.parse("def f():\n" + "    x = 1\n" * LONGEST_FUNCTION)
    assert list(house.long_functions(PurePath("somewhere.py"), tree, LONGEST_FUNCTION))
