"""What a WSGI server runs: `gunicorn webapp.wsgi:app`."""

import logs
from config import load_or_exit
from webapp import create_app
from webapp.request_ids import fields

_settings = load_or_exit()
logs.set_up(_settings.log_format, _settings.is_traced, beside=fields)
app = create_app(_settings)
