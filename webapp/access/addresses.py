"""The addresses that requests come from, as far as they tell who asks."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

# A customer of a provider gets so many bits of network, and may choose the rest anew for each request (RFC 6177).
_NETWORK_BITS: Final = 64


def plain_address(address: str) -> str:
    """The address itself; the IPv4 address where a socket of both kinds shows one as IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def network_of(address: str) -> str:
    """What tries are counted by: an IPv4 address, or the network of an IPv6 address."""
    plain = plain_address(address)
    if ":" not in plain:
        return plain
    try:
        return str(IPv6Network((plain.partition("%")[0], _NETWORK_BITS), strict=False))
    except ValueError:
        return plain
