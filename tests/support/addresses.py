"""Callers from many places, by the word of the proxy that a site trusts."""

from uuid import uuid4


def from_anywhere() -> dict[str, str]:
    """The header of a proxy whose caller nobody saw before."""
    groups = uuid4().hex
    return {"X-Forwarded-For": ":".join(groups[at : at + 4] for at in range(0, 32, 4))}
