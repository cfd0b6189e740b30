"""What a WSGI server runs: `gunicorn webapp.wsgi:app`."""

import logging

from config import load_or_exit
from events.log_lines import write_log
from webapp import create_app

write_log(logging.WARNING)
app = create_app(load_or_exit())
