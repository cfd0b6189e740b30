"""The rules of the house, each a function from a module's syntax tree to the places that break it."""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePath

ROOMS = (
    "events",
    "storage",
    "offers",
    "emitter",
    "subscriber",
    "webapp",
    "config",
    "logs",
    "demo",
    "migrations",
    "bench",
)
DOORS = {"emitter", "subscriber", "webapp"}
# What each room may import beside itself. A room without a line here (demo, bench) may import any.
MAY_IMPORT = {
    "config": {"events", "logs"},
    "logs": set[str](),
    "events": set[str](),
    "storage": {"events"},
    "offers": {"storage", "events"},
    **{door: {"offers", "storage", "events"} for door in DOORS},
    "gunicorn": {"config", "logs"},
    "migrations": {"storage", "config", "logs"},
}
# Where a door reads its settings, and sets up its log; from there they are passed in, and the rest of the door knows
# but their type.
ENTRY_MODULES = {"__init__", "__main__", "app", "cli", "wsgi"}
_SETTINGS_TYPE = "config.Settings"
_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}


def room_of(path: PurePath) -> str:
    """The first folder of a file, or for a file at the top its name: `webapp`, `config`, `gunicorn`."""
    return path.parts[0].split(".")[0]


def allowed_imports(path: PurePath) -> set[str]:
    """The rooms that a file may import; all of them where the house has no rule for its own."""
    room = room_of(path)
    allowed = MAY_IMPORT.get(room, set(ROOMS)) | {room}
    if room in DOORS and path.stem in ENTRY_MODULES:
        return allowed | {"config", "logs"}
    if path.match("migrations/versions/*"):
        return {room}  # a migration is history: it must not change when the rooms do
    return allowed


def wrong_imports(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """Imports of rooms against the one direction, wherever in the file they stand."""
    allowed = allowed_imports(path)
    for line, module in imported_modules(tree):
        room = module.split(".")[0]
        if module == _SETTINGS_TYPE and room_of(path) in DOORS:
            continue
        if room in ROOMS and room not in allowed:
            yield f"{path}:{line} imports {module}"


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and dotted name of all that is imported: `from a.b import c` is `a.b.c`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def environment_readers(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """Places that reach for the process's environment, by `os` or by the library that reads `.env`."""
    for node in ast.walk(tree):
        if _reads_environment(node):
            yield f"{path}:{node.lineno} reads the environment"  # type: ignore[attr-defined]


def _reads_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr=name):
            return name in _ENVIRONMENT
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in _ENVIRONMENT for alias in names)
        case ast.ImportFrom(module="environs" | "dotenv"):
            return True
        case ast.Import(names=names):
            return any(alias.name in {"environs", "dotenv"} for alias in names)
    return False


def long_functions(path: PurePath, tree: ast.Module, limit: int) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > limit:
                yield f"{path}:{node.lineno} {node.name} has {lines} lines"


def swallowed_exceptions(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """`except …: pass` in any spelling, and `suppress` of everything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(_does_nothing(line) for line in node.body):
            yield f"{path}:{node.lineno} swallows an exception"
        if isinstance(node, ast.Call) and _suppresses_everything(node):
            yield f"{path}:{node.lineno} suppresses every exception"


def _does_nothing(statement: ast.stmt) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass)


def _suppresses_everything(call: ast.Call) -> bool:
    suppressed = {_name(argument) for argument in call.args}
    return _name(call.func).endswith("suppress") and bool(suppressed & {"Exception", "BaseException"})


def bare_sleeps(path: PurePath, tree: ast.Module) -> Iterator[str]:
    """Calls of `time.sleep`: a guess at how long something takes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in {"time.sleep", "sleep"}:
            yield f"{path}:{node.lineno} sleeps"


def missing_from_header(script: str) -> set[str]:
    """What of KEYS, ARGV and Returns a Lua script does not open with, though it takes it, or answers.

    A part that other scripts share says in its own words which of their keys and arguments it reads.
    """
    lines = script.splitlines()
    if lines[0].startswith("-- Shared by the scripts "):
        return set()
    body_at = next((at for at, line in enumerate(lines) if not line.startswith("--")), len(lines))
    said = {line.removeprefix("--").strip().split(" ")[0].rstrip(":") for line in lines[:body_at]}
    taken = {name for name in ("KEYS", "ARGV") if name in "\n".join(lines[body_at:])}
    return (taken | {"Returns"} if taken else set()) - said


def _name(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))
