"""Who may call an operation, from what its view declares."""

from typing import Any, Final

from webapp.access.declaring import Access

SCHEMES: Final[dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token (`POST /api/v1/tokens`) or an API key (`POST /api/v1/keys`).",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-tally_access",
        "description": "The same access token, as browsers send it; `tally_access` by plain http on this machine.",
    },
}
_REACH: Final = {
    "path": "Whoever has it for their own data alone asks for themselves.",
    "view": "Whoever has it for their own data alone gets that alone.",
    "nobody": "It has to be for everybody's data.",
}


def security_of(access: Access, is_open: bool) -> list[dict[str, list[str]]]:
    """The schemes, any one of which will do, with the permission that is needed; `{}` is nobody in particular."""
    needed = [access.permission] if access.permission else []
    known: list[dict[str, list[str]]] = [{"bearer": list(needed)}, {"cookie": list(needed)}]
    return known if access.permission and not is_open else [{}, *known]


def told_access(access: Access) -> str:
    if access.permission is None:
        return "For everybody."
    return f"Needs the permission `{access.permission}`. {_REACH[access.owner]}"
