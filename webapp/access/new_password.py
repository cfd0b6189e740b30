"""Asks for a new password: twice on a terminal, where it is not shown; else it is a line of standard input."""

import sys
from getpass import getpass

from webapp.access.passwords import check_password


class NoPassword(Exception):
    """Nothing that can be a password was given; the text says why."""


def ask_new_password(user_id: str) -> str:
    """The password. Raises NoPassword, and Invalid for one that is too short or too long."""
    password = _typed(user_id) if sys.stdin.isatty() else _read()
    check_password(password)
    return password


def _typed(user_id: str) -> str:
    try:
        password = getpass(f"New password of {user_id}: ")
        again = getpass("The same again: ")
    except EOFError as error:
        raise NoPassword("no password was given") from error
    if again != password:
        raise NoPassword("the two passwords differ")
    return password


def _read() -> str:
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as error:
        raise NoPassword("the password on standard input is not UTF-8") from error
    if not line:
        raise NoPassword("a password is needed, as a line on standard input")
    return line.rstrip("\r\n")
