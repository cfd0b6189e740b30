"""How gunicorn serves the web: `gunicorn -c gunicorn.conf.py webapp.wsgi:app`."""

from pathlib import Path

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
keepalive = 5
accesslog = None
errorlog = "-"
control_socket_disable = True
