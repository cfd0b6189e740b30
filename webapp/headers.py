"""What every answer tells the browser that shows it: run nothing but our own files, and hand nothing on."""

import secrets
from typing import Final

from flask import Flask, Response, g, request

# Our scripts carry the nonce of the one page they are written into; what they import may run as well.
_POLICY: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_PAGES_ONLY: Final = {
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), "
        "midi=(), payment=(), usb=()"
    ),
    # A page is somebody's: no other must find it in a cache.
    "Cache-Control": "no-store",
}
_HSTS: Final = "max-age=31536000"


def register(app: Flask) -> None:
    """Send the headers with every answer; one that an answer has already stays as it is."""
    app.context_processor(lambda: {"nonce": nonce})
    app.after_request(_guard)


def nonce() -> str:
    """The word by which this answer's own scripts are known; another for each answer."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(18)
    return str(g.nonce)


def _guard(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", _HSTS)
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=nonce()))
        for name, value in _PAGES_ONLY.items():
            response.headers.setdefault(name, value)
    return response
