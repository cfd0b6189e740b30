"""What can be permitted, and what each role permits: of everybody's, or of one's own alone."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal, TypeAlias, get_args


class Reach(Enum):
    """How far a permission goes."""

    OWN = "own"
    ALL = "all"


Permission: TypeAlias = Literal[
    "transactions:publish",  # put transactions in
    "transactions:read",  # lists, sums, series, exports, the live stream
    "claims:make",  # take, hold, confirm, give back, wait, like
    "claims:read",  # claims, orders, statistics, histories
    "likes:read",  # who and what is liked most
    "offers:manage",  # make, change and reset offers; see who tried to get them
    "system:read",  # totals of the system, its measurements
    "system:manage",  # dead letters, the emitter, syncing
    "accounts:manage",  # others' accounts and roles
    "account:own",  # one's own log-ins and API keys
]
Role: TypeAlias = Literal["customer", "analyst", "publisher", "admin"]

PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)
ROLES: Final[tuple[Role, ...]] = get_args(Role)
# A key that could make keys, or admins, would outlive its revocation.
NO_SCOPES: Final = frozenset[Permission](("account:own", "accounts:manage"))
SCOPES: Final = frozenset(PERMISSIONS) - NO_SCOPES

REACH: Final[Mapping[Role, Mapping[Permission, Reach]]] = {
    "customer": {
        "transactions:read": Reach.OWN,
        "claims:make": Reach.OWN,
        "claims:read": Reach.OWN,
        "likes:read": Reach.ALL,
        "account:own": Reach.OWN,
    },
    "analyst": {
        "transactions:read": Reach.ALL,
        "claims:read": Reach.ALL,
        "likes:read": Reach.ALL,
        "system:read": Reach.ALL,
        "account:own": Reach.OWN,
    },
    "publisher": {"transactions:publish": Reach.ALL, "account:own": Reach.OWN},
    "admin": dict.fromkeys(PERMISSIONS, Reach.ALL),
}
