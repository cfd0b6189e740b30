"""What a WSGI server runs: `gunicorn webapp.wsgi:app`."""

from config import load_or_exit
from webapp import create_app

app = create_app(load_or_exit())
