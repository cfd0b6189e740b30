"""Every setting, read once from the environment (a `.env` file beside this one too; the environment wins).

The doors, `demo.py`, `gunicorn.conf.py` and `migrations/env.py` call `load_or_exit` and hand the values down;
nothing else reads the environment.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import OneOf, Range

from events.assurance import Assurance, parse_assurance
from events.currencies import CODES
from events.moments import DAY_US, format_duration, parse_duration
from events.types import TRANSACTIONS_CHANNEL
from logs import FORMATS

ROOT = Path(__file__).resolve().parent
LONGEST_WINDOW_US = 31 * DAY_US
SHORTEST_SECRET = 32
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Settings:
    """What runs where. Durations are microseconds, `retention_us` None keeps everything.

    `is_open`: whoever can reach the web is an admin; only where it listens on this machine alone. `secret_key` is
    empty then, unless one was given. `trusted_hosts` empty trusts every name that a request may come under.
    """

    redis_url: str
    bus_url: str
    database_url: str
    window_us: int
    latest: int
    partitions: int
    max_backlog: int
    accepted_after: Assurance
    retention_us: int | None
    default_currency: str
    tap_channels: tuple[str, ...]
    publish_refusals: bool
    likes_per_10_s: int
    host: str
    port: int
    workers: int
    is_open: bool
    secret_key: str = field(repr=False)
    is_signup_open: bool
    claims_per_10_s: int
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    log_format: str
    is_traced: bool

    @property
    def web_url(self) -> str:
        """Where the web is reached from this machine: what to type into a browser here."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
        host = everywhere.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class ConfigError(ValueError):
    """Settings that cannot be used; `lines` names each variable and what is wrong with it."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def load() -> Settings:
    """The settings of this process. Raises ConfigError with every wrong variable at once."""
    env = _open_env()
    settings = _read(env)
    try:
        env.seal()
    except EnvValidationError as error:
        raise ConfigError(_lines(error.error_messages)) from error
    if wrong := _contradictions(settings):
        raise ConfigError(wrong)
    return settings


def load_or_exit(fixed: Mapping[str, str] | None = None) -> Settings:
    """As `load`, but a wrong value is one clear line on standard error, and exit code 2.

    `fixed` variables are as they say, whatever the environment has.
    """
    os.environ.update(fixed or {})
    try:
        return load()
    except ConfigError as error:
        _refuse(error.lines)


def database_url_or_exit() -> str:
    """Where the truth rests, for whoever needs nothing else: the other settings may be missing, or wrong."""
    env = _open_env()
    url = _database_url(env)
    try:
        env.seal()
    except EnvValidationError as error:
        _refuse(_lines(error.error_messages))
    return url


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `overrides` laid over it, for a child process."""
    return {**os.environ, **overrides}


def _open_env() -> Env:
    env = Env(eager=False)
    env.read_env(str(ROOT / ".env"), recurse=False)
    return env


def _database_url(env: Env) -> str:
    url: str = env.str("DATABASE_URL", f"sqlite:///{ROOT / 'tally.db'}", validate=_database)
    return url


def _read(env: Env) -> Settings:
    env.add_parser("duration", _duration)
    env.add_parser("assurance", _assurance)
    env.add_parser("retention", _retention)
    env.add_parser("channels", _channels)
    env.add_parser("names", _names)
    redis = _scheme("redis", "rediss", "unix")
    host = env.str("HOST", "127.0.0.1")
    auth = env.str("AUTH", "open" if is_loopback(host) else "required", validate=OneOf(("open", "required")))
    redis_url = env.str("REDIS_URL", "redis://127.0.0.1:6379/0", validate=redis)
    return Settings(
        redis_url=redis_url,
        bus_url=env.str("BUS_URL", redis_url, validate=redis),
        database_url=_database_url(env),
        window_us=env.duration("WINDOW", "6h"),
        latest=env.int("LATEST", 5, validate=Range(1, 1_000)),
        partitions=env.int("PARTITIONS", 1, validate=Range(1, 64)),
        max_backlog=env.int("MAX_BACKLOG", 1_000_000, validate=Range(1)),
        accepted_after=env.assurance("ACCEPTED_AFTER", "answer"),
        retention_us=env.retention("RETENTION", "off"),
        default_currency=env.str("DEFAULT_CURRENCY", "USD", validate=OneOf(CODES, error="no ISO 4217 code")),
        tap_channels=env.channels("TAP_CHANNELS", "credit_card_transactions"),
        publish_refusals=env.bool("PUBLISH_REFUSALS", True),
        likes_per_10_s=env.int("LIKES_PER_10_S", 100, validate=Range(1, 100_000)),
        host=host,
        port=env.int("PORT", 5000, validate=Range(1, 65535)),
        workers=env.int("WORKERS", 1, validate=Range(1, 64)),
        is_open=auth == "open",
        secret_key=env.str("SECRET_KEY", ""),
        is_signup_open=env.bool("SIGNUP", True),
        claims_per_10_s=env.int("CLAIMS_PER_10_S", 100, validate=Range(1, 100_000)),
        trusted_hosts=env.names("TRUSTED_HOSTS", "") or (_THIS_MACHINE if auth == "open" else ()),
        trusted_proxies=env.int("TRUSTED_PROXIES", 0, validate=Range(0, 8)),
        log_format=env.str("LOG_FORMAT", "text", validate=OneOf(FORMATS)),
        is_traced=env.bool("TRACE", False),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _contradictions(settings: Settings) -> list[str]:
    """What is wrong with values that are right each by itself."""
    return _retained_too_short(settings) + _contradictions_of_access(settings)


def _retained_too_short(settings: Settings) -> list[str]:
    # A window is closed some minutes after its end, and only then no row of it is needed any more.
    if settings.retention_us is None or settings.retention_us >= 2 * settings.window_us:
        return []
    return [f"RETENTION: must be at least twice the WINDOW, {format_duration(2 * settings.window_us)}"]


def _contradictions_of_access(settings: Settings) -> list[str]:
    if settings.is_open:
        if not is_loopback(settings.host):
            return [f"HOST: {settings.host} is not this machine, which alone is served with AUTH=open"]
        if settings.trusted_proxies:
            return ["TRUSTED_PROXIES: behind a proxy callers must be known; set AUTH=required"]
    elif len(settings.secret_key) < SHORTEST_SECRET:
        why = (
            "with AUTH=required"
            if is_loopback(settings.host)
            else f"where HOST={settings.host} lets others in"
        )
        return [
            (
                f"SECRET_KEY: is needed {why}: at least {SHORTEST_SECRET} characters, such as"
                " `openssl rand -base64 48` prints"
            )
        ]
    return []


def _duration(text: str) -> int:
    try:
        duration_us = parse_duration(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if duration_us > LONGEST_WINDOW_US:
        raise ValidationError("must be at most 31d")
    return duration_us


def _assurance(text: str) -> Assurance:
    try:
        return parse_assurance(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _retention(text: str) -> int | None:
    if text == "off":
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValidationError(f"must be off, or {str(error).removeprefix('must be ')}") from error


def _channels(text: str) -> tuple[str, ...]:
    channels = _names(text)
    if TRANSACTIONS_CHANNEL in channels:
        raise ValidationError(f"{TRANSACTIONS_CHANNEL} is Tally's own channel: tapping it would store twice")
    return channels


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _scheme(*schemes: str) -> Callable[[str], None]:
    def validate(url: str) -> None:
        if urlsplit(url).scheme not in schemes:
            raise ValidationError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")

    return validate


def _database(url: str) -> None:
    if not url.startswith(("mysql+pymysql://", "sqlite:///")):
        raise ValidationError("must begin with mysql+pymysql:// or sqlite:///")


def _lines(messages: Any) -> list[str]:
    return [f"{name}: {' '.join(map(str, reasons))}" for name, reasons in sorted(messages.items())]


def _refuse(lines: list[str]) -> NoReturn:
    for line in lines:
        print(line, file=sys.stderr)
    raise SystemExit(2)
