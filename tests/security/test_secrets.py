"""No secret stands in what we publish: in no file, in no earlier version of one, and in no default of how it is run."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.needs import missing
from tests.support.process import ROOT
from tests.support.secrets_found import secrets_in
from webapp.access import keys

# What only looks like one, and why.
KNOWN = re.compile(
    r"correct horse battery"  # the password that tests use
    r"|:(?:password|PASSWORD|secret|wrong|p)@"  # where documents and tests say what goes there
    r"|0123456789abcdef0123456789abcdef"  # digits in their order
)
SKIPPED_DIRECTORIES = {".git", ".venv", ".venv-audit", ".venv-lock", ".tally", "__pycache__", "out"}
LARGEST_BYTES = 4 * 1024 * 1024
SECRET_NAMES = re.compile(r"(?i)(password|secret|token|api_?key|credential|private)")


def git(*arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], input=stdin, capture_output=True, check=True
    ).stdout


def has_git() -> bool:
    return (ROOT / ".git").exists()


def published() -> Iterator[str]:
    """The files that are tracked; without git all that are not made here."""
    if has_git():
        yield from git("ls-files", "-z").decode().split("\0")[:-1]
        return
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not SKIPPED_DIRECTORIES & set(parts) and not parts[0].endswith("_cache"):
            yield str(path.relative_to(ROOT))


def found_in(name: str, data: bytes) -> list[str]:
    if b"\0" in data[:8_000] or len(data) > LARGEST_BYTES:
        return []
    found = [
        (what, text) for what, text in secrets_in(data.decode("utf-8", "replace")) if not KNOWN.search(text)
    ]
    return [f"{name}: {what}: {text[:80]}" for what, text in found]


def test_no_file_holds_a_secret():
    names = [name for name in published() if (ROOT / name).is_file()]
    assert len(names) > 300
    assert [told for name in names for told in found_in(name, (ROOT / name).read_bytes())] == []


def test_no_file_ever_held_a_secret():
    """Every version of every file that led here, and what was said of it."""
    if not has_git():
        missing("no .git here: only a checkout holds what files once were")
    lines = git("rev-list", "--objects", "HEAD").decode().splitlines()
    names = dict(line.partition(" ")[::2] for line in lines)
    wrong = [told for name, data in blobs(names) for told in found_in(name, data)]
    wrong += found_in("a commit's message", git("log", "--format=%B", "HEAD"))
    assert wrong == []


def blobs(names: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Each object's name and content, but for directories and commits."""
    data = git("cat-file", "--batch", stdin="\n".join(names).encode() + b"\n")
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        object_id, kind, size = data[at:end].decode().split()
        if kind == "blob":
            yield f"{names[object_id]} ({object_id[:9]})", data[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)


def test_files_of_one_machine_are_not_published():
    names = set(published())
    private = re.compile(r"(^|/)(\.env(\..+)?|id_\w+|.+\.(pem|key|p12|sqlite|db|rdb|aof))$")
    wrong = [name for name in names if private.search(name)]
    assert set(wrong) <= {".env.example"}
    for ignoring in (".gitignore", ".dockerignore"):
        rules = (ROOT / ignoring).read_text().splitlines()
        assert ".env" in rules or "*" in rules, ignoring


def test_compose_has_no_default_for_a_secret():
    """Each is asked for, and compose does not start without it; or it is empty, and whom it is of does not exist."""
    text = (ROOT / "docker-compose.yml").read_text()
    values = {
        name: value.strip() for name, value in re.findall(r"^ +([A-Z][A-Z_]+): (.+)$", text, re.MULTILINE)
    }
    secret = {name: value for name, value in values.items() if SECRET_NAMES.search(name)}
    assert {"MYSQL_PASSWORD", "SECRET_KEY"} <= secret.keys()
    made_up = {"MYSQL_RANDOM_ROOT_PASSWORD": '"yes"'}
    for name, value in secret.items():
        assert value == made_up.get(name) or re.fullmatch(r"\$\{\w+:(?:\?[^}]+|-)\}", value), (name, value)
    for password in re.findall(r"://[^:/@\s]+:([^@\s]+)@", text):
        assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", password), password
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    assert not [name for name, default in defaults.items() if default and SECRET_NAMES.search(name)], (
        "a default is a secret that everybody knows"
    )


def test_the_image_and_the_example_hold_no_secret():
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        assert not (re.match(r"\s*(ENV|ARG)\b", line) and SECRET_NAMES.search(line)), line
    shown = re.findall(r"^#? ?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    secret = {name: value for name, value in shown if SECRET_NAMES.search(name)}
    assert {"SECRET_KEY", "MYSQL_PASSWORD"} <= secret.keys()
    assert set(secret.values()) == {""}


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA~ PRIVATE KEY-----",
        "aws = AKIA~IOSFODNN7EXAMPLE",
        "ghp_~a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2",
        "SECRET_KEY~=kD83nd0Xq91PzmVt5sLw7Yb2",
        "password~: Tr0ub4dor&3xyzQ",
        "mysql+pymysql:~//tally:hunter2@mysql/tally",
        "eyJhbGciOiJIUzI1NiJ9~.eyJzdWIiOiIxMjM0NTYifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "$argon2id~$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b27RdescudvJCsgt3ub",
    ],
)
def test_a_secret_is_found(text):
    """Broken by a ~, so that this file holds none."""
    assert not list(secrets_in(text))
    assert list(secrets_in(text.replace("~", "")))


def test_our_own_keys_are_found():
    assert list(secrets_in(f"curl -H 'Authorization: Bearer {keys.new_key().text}'"))


@pytest.mark.parametrize(
    "text",
    [
        "MYSQL_PASSWORD: ${MYSQL_PASSWORD:?set it}", "SECRET_KEY=", "token = read_token(request)",
        "password=password_hash", "secret_key: str = field(repr=False)", "api_key = self._keys.get(digest_of(text))",
    ],
)  # fmt: skip
def test_what_only_names_one_is_not_taken_for_it(text):
    assert not list(secrets_in(text))
