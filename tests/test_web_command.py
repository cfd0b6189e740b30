"""`python -m webapp`: accounts made and changed by whoever can reach the database."""

import os
import pty
import select
import sys

import pytest

from storage.sql.accounts import Accounts
from storage.sql.engine import open_writer
from tests.support.databases import sqlite_url
from tests.support.ports import free_port
from tests.support.process import ROOT, child_environment
from webapp.__main__ import main
from webapp.access.passwords import is_password

PASSWORD = "correct horse battery"


def command(doors, url, *arguments, stdin=f"{PASSWORD}\n", **options):
    """In a house where accounts are required, and no secret is at hand."""
    env = {"DATABASE_URL": url, "AUTH": "required", "HOST": "0.0.0.0"}
    return doors.run("webapp", *arguments, env=env, stdin=stdin, **options)


def account(url, name):
    engine = open_writer(url)
    try:
        return Accounts(engine).find(name)
    finally:
        engine.dispose()


def one_line(done) -> str:
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_an_account_is_made_and_changed(doors, database_url):
    assert "ann" in command(doors, database_url, "add-account", "ann", "--role", "admin").stdout
    made = account(database_url, "ann")
    assert (made.role, made.disabled_at_us) == ("admin", None)
    assert is_password(made.password_hash, PASSWORD)
    assert PASSWORD not in made.password_hash

    command(doors, database_url, "set-role", "ann", "analyst")
    command(doors, database_url, "set-password", "ann", stdin="another long password\n")
    changed = account(database_url, "ann")
    assert changed.role == "analyst"
    assert is_password(changed.password_hash, "another long password")
    assert not is_password(changed.password_hash, PASSWORD)

    command(doors, database_url, "add-account", "Abe", "--role", "customer")
    lines = command(doors, database_url, "list-accounts").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["Abe", "customer"], ["ann", "analyst"]]


@pytest.mark.parametrize(
    ("arguments", "stdin", "why"),
    [
        (("add-account", "ann", "--role", "admin"), "short\n", "password: must have 10 to 256"),
        (("add-account", "ann", "--role", "admin"), "x" * 257 + "\n", "password: must have 10 to 256"),
        (("add-account", "ann", "--role", "admin"), "", "a password is needed"),
        (("set-password", "nobody"), f"{PASSWORD}\n", "no account nobody"),
        (("set-role", "nobody", "admin"), "", "no account nobody"),
    ],
)
def test_what_is_refused_is_one_line_and_code_1(doors, sqlite_database_url, arguments, stdin, why):
    done = command(doors, sqlite_database_url, *arguments, stdin=stdin, expect=1)
    assert why in one_line(done)
    assert account(sqlite_database_url, "ann") is None


def test_an_account_stays_as_it_is_when_it_is_made_again(doors, sqlite_database_url):
    command(doors, sqlite_database_url, "add-account", "ann", "--role", "customer")
    again = ("add-account", "ann", "--role", "admin")
    done = command(doors, sqlite_database_url, *again, stdin="another password\n", expect=1)
    assert "an account ann already" in one_line(done)
    stands = account(sqlite_database_url, "ann")
    assert stands.role == "customer"
    assert is_password(stands.password_hash, PASSWORD)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("add-account", "ann"),
        ("add-account", "ann", "--role", "king"),
        ("add-account", "a b", "--role", "admin"),
        ("add-account", "é", "--role", "admin"),
        ("set-role", "ann"),
        ("set-role", "ann", "king"),
    ],
)
def test_what_makes_no_sense_is_code_2(arguments, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["webapp", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_database_that_is_not_there_is_one_line(doors, tmp_path):
    away = f"mysql+pymysql://u:secret@127.0.0.1:{free_port()}/tally"
    told = one_line(command(doors, away, "list-accounts", expect=1))
    assert "connect" in told
    assert "secret" not in told
    bare = one_line(command(doors, sqlite_url(tmp_path / "bare.sqlite"), "list-accounts", expect=1))
    assert "alembic upgrade head" in bare
    assert "DATABASE_URL: " in one_line(command(doors, "postgres://x/y", "list-accounts", expect=2))


def typed(url: str, *answers: str) -> tuple[int, str]:
    """`add-account` on a terminal, with what is typed there; its exit code, and all that was shown."""
    env = child_environment({"DATABASE_URL": url})
    pid, terminal = pty.fork()
    if pid == 0:  # the child: from here on it is the command
        os.chdir(ROOT)
        arguments = (sys.executable, "-m", "webapp", "add-account", "ann", "--role", "admin")
        os.execve(sys.executable, arguments, env)
    shown = ""
    for answer in answers:
        shown += read_until(terminal, ": ")
        os.write(terminal, f"{answer}\n".encode())
    shown += read_until(terminal, None)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def read_until(terminal: int, end: str | None) -> str:
    shown = ""
    while end is None or not shown.endswith(end):
        assert select.select([terminal], [], [], 60)[0], f"nothing more was shown after {shown!r}"
        try:
            more = os.read(terminal, 1_024)
        except OSError:  # the other end is closed
            return shown
        if not more:
            return shown
        shown += more.decode()
    return shown


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(sqlite_database_url):
    code, shown = typed(sqlite_database_url, PASSWORD, PASSWORD)
    assert code == 0, shown
    assert PASSWORD not in shown
    assert is_password(account(sqlite_database_url, "ann").password_hash, PASSWORD)


def test_two_that_differ_are_refused(sqlite_database_url):
    code, shown = typed(sqlite_database_url, PASSWORD, "another password")
    assert (code, account(sqlite_database_url, "ann")) == (1, None)
    assert "differ" in shown
