"""`python -m webapp`: accounts, by whoever can reach the database. See `--help`."""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy.exc import DBAPIError

from config import database_url_or_exit
from events import types
from events.moments import format_rfc3339, now_us
from events.types import Invalid, conform
from storage.sql.accounts import Account, AccountExists, Accounts
from storage.sql.engine import SchemaOutdated, check_schema, open_writer
from storage.sql.sessions import Sessions
from webapp.access.new_password import NoPassword, ask_new_password
from webapp.access.passwords import hash_password
from webapp.access.permissions import ROLES

_INTERRUPTED: Final = 130
_AT_ONCE: Final = 1_000


class _NoAccount(Exception):
    """There is no account of this name."""


class _Command:
    """The commands, over one database. Each prints what it did."""

    def __init__(self, database_url: str) -> None:
        engine = open_writer(database_url, pool_size=1)
        check_schema(engine)
        self._accounts = Accounts(engine)
        self._sessions = Sessions(engine)

    def add_account(self, wanted: argparse.Namespace) -> None:
        if self._accounts.find(wanted.name) is not None:  # before anybody types a password
            raise AccountExists(wanted.name)
        hashed = hash_password(ask_new_password(wanted.name))
        self._accounts.add(Account(wanted.name, wanted.role, hashed, now_us()))
        print(f"{wanted.name} may log in, as {wanted.role}")

    def set_password(self, wanted: argparse.Namespace) -> None:
        self._check(wanted.name)
        self._accounts.set_password(wanted.name, hash_password(ask_new_password(wanted.name)))
        self._sessions.revoke_all(wanted.name, now_us())
        print(f"{wanted.name} has a new password; the log-ins by the old one have ended")

    def set_role(self, wanted: argparse.Namespace) -> None:
        self._check(wanted.name)
        self._accounts.set_role(wanted.name, wanted.role)
        self._sessions.revoke_all(wanted.name, now_us())
        print(f"{wanted.name} is {wanted.role} from now on, and has to log in anew")

    def list_accounts(self, _wanted: argparse.Namespace) -> None:
        for account in self._all():
            disabled = "" if account.disabled_at_us is None else "  disabled"
            made = format_rfc3339(account.created_at_us)
            print(f"{account.user_id:<24}  {account.role:<9}  {made}{disabled}")

    def _all(self) -> Iterator[Account]:
        after = ""
        while page := self._accounts.page("", _AT_ONCE, after):
            yield from page
            after = page[-1].user_id

    def _check(self, name: str) -> None:
        if self._accounts.find(name) is None:
            raise _NoAccount(name)


def main() -> int:
    """The exit code: 0, 1 where it was refused, 2 where arguments or settings are wrong, 130 where cut short."""
    wanted = _parser().parse_args()
    database_url = database_url_or_exit()
    run: Callable[[_Command, argparse.Namespace], None] = wanted.run
    try:
        run(_Command(database_url), wanted)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except AccountExists as error:
        print(f"there is an account {error} already", file=sys.stderr)
    except _NoAccount as error:
        print(f"there is no account {error}", file=sys.stderr)
    except (NoPassword, Invalid, SchemaOutdated) as error:
        print(error, file=sys.stderr)
    except DBAPIError as error:
        print(f"the database: {str(error).splitlines()[0]}", file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m webapp", description="Accounts. The web itself is run by gunicorn."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    asks = "asks for the password: twice on a terminal, else a line of standard input"
    add = _command(commands, "add-account", f"make an account; {asks}", _Command.add_account)
    add.add_argument("--role", choices=ROLES, required=True, help="what the account may")
    _command(
        commands, "set-password", f"a new one, and the end of all log-ins; {asks}", _Command.set_password
    )
    role = _command(commands, "set-role", "change what an account may; ends its log-ins", _Command.set_role)
    role.add_argument("role", metavar="ROLE", choices=ROLES, help=", ".join(ROLES))
    listing = commands.add_parser("list-accounts", help="all accounts, in the order of their names")
    listing.set_defaults(run=_Command.list_accounts)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    does: str,
    run: Callable[[_Command, argparse.Namespace], None],
) -> argparse.ArgumentParser:
    """A command about one account."""
    command = commands.add_parser(name, help=does)
    command.add_argument("name", metavar="NAME", type=_user_id, help="who logs in")
    command.set_defaults(run=run)
    return command


def _user_id(text: str) -> str:
    try:
        conform(text, types.UserId, "NAME")
    except Invalid as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error.reason}") from error
    return text


if __name__ == "__main__":
    sys.exit(main())
