"""The emitter's command line."""

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from events.moments import parse_duration
from events.offers import MOST_UNITS_A_CLAIM, OfferId, ZoneName
from events.types import Invalid, conform
from storage.hot.emitter_control import bounded

_FORMAT: Final = argparse.RawDescriptionHelpFormatter
_LOWEST_RATE: Final = 0.001
_HIGHEST_RATE: Final = 1_000_000.0
_MOST: Final = 10**12
_MOST_CONNECTIONS: Final = 1_000
_DESCRIPTION: Final = """\
Makes card transactions happen, and crowds, so that there is something to watch.

  python -m emitter random                      three a second, for ever
  python -m emitter random --rate 2000          a busy day
  python -m emitter replay FILE --speed max     a file, as fast as it goes
  python -m emitter rush --offer coupon --users 1000 --attempts 5000

Ctrl-C ends it and says what was published. If Redis goes away or the subscriber falls behind, the
emitter waits and goes on with the very same transactions: none is lost, none is doubled.
Where to publish stands in the environment: REDIS_URL (redis://127.0.0.1:6379/0)."""
_RANDOM: Final = """\
Publishes plausible transactions at random intervals: the gaps are exponential, as those of real
card payments are. Users have a home currency, a few payments are refunds, and all occur now.
Now and then a user also takes a coupon, holds something scarce or likes it. Those come on top of
the rate and the count, and are left out with --no-offers."""
_REPLAY: Final = """\
Publishes the transactions of a file: CSV with a header, or NDJSON, as it is or gzipped, with
user_id, amount (whole minor units), currency, merchant and occurred_at (RFC 3339). Further columns
are ignored. A line that breaks a rule is named and left out, and the exit code is then 1. What
/api/v1/transactions.csv and .ndjson save can be replayed.

  python -m emitter replay baskets.csv.gz --speed 3600                          an hour a second
  python -m emitter replay baskets.csv.gz --speed max --shift-to-now --squeeze 12h

The same replay a second time stores nothing new: each line has an id made from the file's name, the
line itself and where its moment lands. With --shift-to-now that is another moment each time."""
_RUSH: Final = """\
A crowd after one offer, over HTTP: the users 1 to N ask in turn, as fast as they are answered.
Prints who won, who was refused and why, and how long they waited for it.

  python -m emitter rush --offer coupon --users 1000 --attempts 5000
  python -m emitter rush --offer concert --zone stalls --quantity 2 --users 500 --attempts 500

Each attempt has an Idempotency-Key of its own: one that got no answer is made again, and takes
nothing twice. The exit code is 1 where an attempt got no answer within the patience."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """What was asked for; `source` is the command's name. Ends the process, code 2, at what makes no sense."""
    parser = argparse.ArgumentParser("python -m emitter", description=_DESCRIPTION, formatter_class=_FORMAT)
    sources = parser.add_subparsers(dest="source", required=True, metavar="random|replay|rush")
    _add_random(sources)
    _add_replay(sources)
    _add_rush(sources)
    wanted = parser.parse_args(arguments)
    if wanted.source == "random" and wanted.controlled:
        _check_controlled(parser, wanted)
    if wanted.source == "replay" and "speed" not in wanted:
        wanted.speed = None if wanted.shift_to_now else Fraction(1)
    return wanted


def _check_controlled(parser: argparse.ArgumentParser, wanted: argparse.Namespace) -> None:
    if wanted.count is not None:
        parser.error("argument --controlled: goes on for ever, so it takes no --count")
    try:
        wanted.rate = bounded(wanted.rate)
    except ValueError as error:
        parser.error(f"argument --rate: {error} with --controlled")


def _add_random(sources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _source(sources, "random", "transactions at random intervals", _RANDOM)
    parser.add_argument("--rate", type=_rate, default=3.0, metavar="N", help="a second, on average (3)")
    parser.add_argument("--users", type=_whole(1), default=100, metavar="N", help="users 1 to N (100)")
    parser.add_argument(
        "--count", type=_whole(1), metavar="N", help="end after so many (without: Ctrl-C ends it)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the same amounts, users and gaps every time")
    parser.add_argument(
        "--controlled",
        action="store_true",
        help="start, stop and speed may be told by the web from then on; --rate is how it begins",
    )
    parser.add_argument("--no-offers", action="store_true", help="transactions alone: no claims, no likes")


def _add_replay(sources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _source(sources, "replay", "the transactions of a file", _REPLAY)
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV or NDJSON, gzip too")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=argparse.SUPPRESS,
        metavar="X|max",
        help="times as fast as it was, or max; 1 if left out, max with --shift-to-now, where all is past",
    )
    parser.add_argument(
        "--shift-to-now", action="store_true", help="move all moments alike, so that the last one is now"
    )
    parser.add_argument(
        "--squeeze",
        type=_duration,
        metavar="12h",
        help="scale the time from the first to the last to this long (s, m, h or d)",
    )


def _add_rush(sources: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _source(sources, "rush", "a crowd after one offer", _RUSH)
    parser.add_argument("--offer", type=_named(OfferId), required=True, metavar="ID", help="what they want")
    parser.add_argument("--users", type=_whole(1), required=True, metavar="N", help="users 1 to N")
    parser.add_argument("--attempts", type=_whole(1), required=True, metavar="N", help="of all of them")
    parser.add_argument("--url", type=_url, metavar="U", help="where the web is (http://HOST:PORT)")
    parser.add_argument("--key", type=_secret, metavar="K", help="an API key")
    parser.add_argument(
        "--concurrency",
        type=_whole(1, _MOST_CONNECTIONS),
        default=32,
        metavar="N",
        help="connections, each with one attempt under way (32)",
    )
    parser.add_argument(
        "--quantity", type=_whole(1, MOST_UNITS_A_CLAIM), default=1, metavar="N", help="units an attempt (1)"
    )
    parser.add_argument("--zone", type=_named(ZoneName), metavar="Z", help="of a show")
    parser.add_argument(
        "--patience", type=_duration, default="1m", metavar="1m", help="ask again for so long (s, m, h or d)"
    )
    parser.add_argument("--winners", type=Path, metavar="FILE", help="write who got something, as CSV")


def _source(
    sources: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    return sources.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=_FORMAT,
    )


def _whole(least: int, most: int = _MOST) -> Callable[[str], int]:
    """A parser of whole numbers from `least` to `most`, both included."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least:,} to {most:,}, not {text!r}"
            )
        return int(text)

    return parse


def _named(kind: Any) -> Callable[[str], str]:
    """A parser of names that keep a rule of the events."""

    def parse(text: str) -> str:
        try:
            return str(conform(text, kind, "name"))
        except Invalid as error:
            raise argparse.ArgumentTypeError(f"{error.reason}, not {text!r}") from error

    return parse


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise argparse.ArgumentTypeError(f"must be http://HOST:PORT, or https, not {text!r}")
    return text


def _secret(text: str) -> str:
    """What may stand in a header."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError("must be printable ASCII without spaces")
    return text


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        bounds = f"{_LOWEST_RATE} to {_HIGHEST_RATE:,.0f}"
        raise argparse.ArgumentTypeError(f"must be a number from {bounds}, not {text!r}")
    return rate


def _speed(text: str) -> Fraction | None:
    """A factor above zero, exactly as written; None for `max`."""
    if text == "max":
        return None
    try:
        factor = Fraction(text)
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if factor <= 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0, or max, not {text!r}")
    return factor


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from error
