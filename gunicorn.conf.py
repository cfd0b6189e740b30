"""How gunicorn serves the web: `gunicorn -c gunicorn.conf.py webapp.wsgi:app`."""

import gc
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn import util

import logs
from config import load_or_exit

_settings = load_or_exit()
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
_memory = Path("/dev/shm")  # noqa: S108  # the heartbeat's file: on a disk a slow write would look like a hung worker

proc_name = "tally"
bind = f"{_host}:{_settings.port}"
workers = _settings.workers
# Live pages keep a connection open each; a greenlet holds one for next to nothing.
worker_class = "gevent"
worker_connections = 2_000
worker_tmp_dir = str(_memory) if _memory.is_dir() else None
preload_app = False
timeout = 30
# How long open live streams are waited for at the end: they never end by themselves.
graceful_timeout = 3
# How long a connection may be idle, and how long a request's head may take to come: see webapp/paced.py for the rest.
keepalive = 5
# What a proxy says of its callers is read by the application alone, from as many proxies as TRUSTED_PROXIES says.
# Gunicorn would believe whatever comes from this machine: a header SCRIPT_NAME or PATH_INFO then chose the path that
# the application sees, behind any rule of a proxy about paths.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
accesslog = None
errorlog = "-"
# Gunicorn's own lines look like ours; what is said before it has begun, too.
logs.set_up(_settings.log_format, _settings.is_traced)
logconfig_dict = logs.as_config(_settings.log_format, _settings.is_traced)
control_socket_disable = True
# As much as may be asked in one line: a cursor keeps its filters, and is longer than most queries.
limit_request_line = 8_190


def post_fork(_server: Any, _worker: Any) -> None:
    """What a worker imports and makes as it starts stays until its end: collections would look at it in vain."""
    gc.disable()


def post_worker_init(_worker: Any) -> None:
    """From here on collections see only what requests leave."""
    gc.freeze()
    gc.enable()


def _write_problem(sock: Any, status: int, reason: str, detail: str) -> None:
    """What is no HTTP, or too long, never reaches the application: its problem document (RFC 9457) is written here."""
    document = {"type": "about:blank", "title": reason, "status": status, "detail": detail or reason}
    body = json.dumps(document)
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1"))


# Gunicorn has no setting for its own error pages, which are HTML.
util.write_error = _write_problem

if workers > 1:
    # Where workers count what /metrics tells, so that whichever is asked knows of all. It goes when all end.
    _counts = tempfile.mkdtemp(prefix="tally-metrics-", dir=worker_tmp_dir)
    raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_counts}"]

    def child_exit(_server: Any, worker: Any) -> None:
        """What a worker had open ended with it."""
        # Only now: it asks for the directory when it is imported.
        from prometheus_client import multiprocess  # noqa: PLC0415

        multiprocess.mark_process_dead(worker.pid, _counts)

    def on_exit(_server: Any) -> None:
        shutil.rmtree(_counts, ignore_errors=True)
