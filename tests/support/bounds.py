"""Rules against waiting for ever: queues have a bound, network clients a timeout, and retries random gaps.

Each is a function from a module's syntax tree to the places that break it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

# What a queue's bound is called, and as which argument it may come. None: it has none.
_BOUNDS: Final[dict[str, tuple[str, int] | None]] = {
    "Queue": ("maxsize", 0),
    "LifoQueue": ("maxsize", 0),
    "PriorityQueue": ("maxsize", 0),
    "SimpleQueue": None,
    "deque": ("maxlen", 1),
}
# What opens a connection, and by which arguments it is told how long to wait. One set of them is enough.
_WAITS: Final[dict[str, tuple[set[str], ...]]] = {
    "Redis": ({"socket_timeout"}, {"connection_pool"}),
    "RedisCluster": ({"socket_timeout"},),
    "Redis.from_url": ({"socket_timeout"},),
    "ConnectionPool": ({"socket_timeout", "socket_connect_timeout"},),
    "ConnectionPool.from_url": ({"socket_timeout", "socket_connect_timeout"},),
    "HTTPClient.from_url": ({"connection_timeout", "network_timeout"},),
    "HTTPClient": ({"connection_timeout", "network_timeout"},),
    "HTTPConnection": ({"timeout"},),
    "HTTPSConnection": ({"timeout"},),
    "create_connection": ({"timeout"},),
    "create_engine": ({"connect_timeout", "read_timeout", "write_timeout"}, {"timeout"}),
    "pymysql.connect": ({"connect_timeout", "read_timeout", "write_timeout"},),
    "sqlite3.connect": ({"timeout"},),
    "urlopen": ({"timeout"},),
}
# After these nothing else of a loop's round is run; what pauses before `continue` stands in the `except`.
_LEAVES: Final = (ast.Raise, ast.Return, ast.Break, ast.Continue)
_FETCH: Final = re.compile(r"\bfetch\(")
_GIVES_UP: Final = re.compile(r"\bsignal: AbortSignal\.timeout\(")


def unbounded_queues(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """`Queue()`, `deque()` and their like that may grow as long as somebody fills them."""
    for call in _calls(tree):
        name = _called(call).split(".")[-1]
        if name in _BOUNDS and not _is_bounded(call, _BOUNDS[name]):
            yield f"{path}:{call.lineno} {name} has no bound"


def clients_that_wait_for_ever(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """Connections that are opened without a word on how long to wait."""
    for call in _calls(tree):
        name = _called(call)
        needed = _WAITS.get(".".join(name.split(".")[-2:])) or _WAITS.get(name.split(".")[-1])
        given = _given(call)
        if needed and not any(names <= given for names in needed):
            yield f"{path}:{call.lineno} {name} has no timeout"


def retries_in_step(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """Retries whose gaps are the same for everybody: all who lost a server would come back at once.

    A pause comes behind a failure where it stands in an `except`, or in a loop that goes on after one.
    """
    for call in _calls(tree):
        name = _called(call).split(".")[-1]
        text = ast.unparse(call)
        if (name == "Retry" and "Jitter" not in text) or (name == "Retrying" and "random" not in text):
            yield f"{path}:{call.lineno} {name} has no jitter"
    behind_failures = [node for node in ast.walk(tree) if _may_follow_a_failure(node)]
    lines = {call.lineno for node in behind_failures for call in _even_pauses(node)}
    yield from (f"{path}:{line} waits as long as all others" for line in sorted(lines))


def fetches_that_wait_for_ever(script: str) -> int:
    """How many more `fetch(` a module of the pages has than it has timeouts."""
    return max(0, len(_FETCH.findall(script)) - len(_GIVES_UP.findall(script)))


def _given(call: ast.Call) -> set[str | None]:
    """The names of a call's arguments; of what is handed through it to a driver, too."""
    named: set[str | None] = {keyword.arg for keyword in call.keywords}
    for keyword in call.keywords:
        if keyword.arg == "connect_args" and isinstance(keyword.value, ast.Dict):
            named |= {key.value for key in keyword.value.keys if isinstance(key, ast.Constant)}
    return named


def _may_follow_a_failure(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return True
    if not isinstance(node, ast.While | ast.For):
        return False
    handlers = [each for each in ast.walk(node) if isinstance(each, ast.ExceptHandler)]
    return any(not isinstance(handler.body[-1], _LEAVES) for handler in handlers)


def _even_pauses(node: ast.AST) -> Iterator[ast.Call]:
    for call in _calls(node):
        is_pause = _called(call).split(".")[-1] in {"sleep", "wait"} and call.args
        if is_pause and "random" not in ast.unparse(call):
            yield call


def _is_bounded(call: ast.Call, bound: tuple[str, int] | None) -> bool:
    if bound is None:
        return False
    name, place = bound
    given = [keyword.value for keyword in call.keywords if keyword.arg == name] + call.args[place : place + 1]
    return any(not (isinstance(value, ast.Constant) and not value.value) for value in given)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    """The dotted name of what is called, `Queue` for `Queue[int](…)`."""
    called = call.func.value if isinstance(call.func, ast.Subscript) else call.func
    return ast.unparse(called) if isinstance(called, ast.Name | ast.Attribute) else ""
