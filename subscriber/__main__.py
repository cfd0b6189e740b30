"""`python -m subscriber`: stores what is published. See `--help`."""

import argparse
import signal
import sys
from collections.abc import Callable
from threading import Thread

from rich.console import Console

import logs
from config import Settings, load_or_exit
from events.channels.base import Backlogged
from storage.failures import is_passing
from storage.hot.client import open_client
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import SchemaOutdated, check_schema, open_writer
from storage.sql.horizon import WindowTooLong
from storage.sql.ledger import DatabaseRefuses
from subscriber import dead
from subscriber.agreement import check_boards, check_offers, rebuild_boards, restore_offers
from subscriber.process import Subscriber
from subscriber.progress import Progress
from subscriber.stores import open_streams


def main() -> int:
    arguments = _parser().parse_args()
    settings = load_or_exit()
    logs.set_up(settings.log_format, settings.is_traced)
    command: Callable[[Settings, argparse.Namespace], int] = arguments.command
    try:
        return command(settings, arguments)
    except (SchemaOutdated, WindowTooLong, DatabaseRefuses, Backlogged) as error:
        print(logs.escaped(str(error)), file=sys.stderr)
    except Exception as error:
        if not is_passing(error):
            raise
        print(f"cannot reach a server: {logs.escaped(str(error).splitlines()[0])}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m subscriber", description="Stores every published event once.")
    parser.add_argument(
        "--drain", action="store_true", help="end when everything published is stored, and print the figures"
    )
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers(metavar="[dead|rebuild|check]")
    letters = commands.add_parser("dead", help="messages that could not be stored, each with its reason")
    letters.add_argument(
        "action",
        choices=("list", "retry", "drop"),
        help="list: show them; retry: append them to the log again; drop: forget them for good",
    )
    letters.add_argument("position", nargs="?", help="only the one at this place in the log")
    letters.set_defaults(command=_dead)
    commands.add_parser("rebuild", help="make the hot state anew from SQL").set_defaults(command=_rebuild)
    commands.add_parser("check", help="compare the hot state with SQL").set_defaults(command=_check)
    return parser


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    subscriber = Subscriber(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread of its own: the signal may come while the main thread holds the event's lock.
        signal.signal(number, lambda *_: Thread(target=subscriber.stop).start())
    progress = Progress(Console())
    progress.start()
    try:
        subscriber.run(arguments.drain, lambda: progress.tell(subscriber.figures))
    finally:
        progress.done(subscriber.figures)
    return 0


def _dead(settings: Settings, arguments: argparse.Namespace) -> int:
    engine = open_writer(settings.database_url)
    check_schema(engine)
    letters = DeadLetters(engine)
    found = dead.matching(letters, arguments.position)
    if arguments.action == "list":
        dead.show(found, Console())
    elif arguments.action == "drop":
        print(f"{dead.drop(found, letters)} dropped")
    else:
        bus, hot = open_client(settings.bus_url), open_client(settings.redis_url)
        streams = open_streams(settings, bus, hot, settings.accepted_after)
        retried, cut = dead.retry(found, letters, streams)
        print(f"{retried} appended to the log again" + (f", {cut} too long to be kept whole" if cut else ""))
    return 0


def _rebuild(settings: Settings, _arguments: argparse.Namespace) -> int:
    console = Console(stderr=True)
    with console.status("rebuilding") as status:
        trusted = rebuild_boards(settings, lambda fed: status.update(f"rebuilding: {fed:,} events"))
        status.update("restoring the offers")
        trusted = restore_offers(settings) and trusted
    print("rebuilt" if trusted else "not trusted: another rebuild or a restart came between")
    return 0 if trusted else 1


def _check(settings: Settings, _arguments: argparse.Namespace) -> int:
    checked, drifted = check_boards(settings)
    print(f"{checked:,} users checked, {drifted:,} differ")
    differing = check_offers(settings)
    print(f"offers checked, {differing:,} differences")
    return 1 if drifted or differing else 0


if __name__ == "__main__":
    sys.exit(main())
