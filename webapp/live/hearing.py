"""What a caller may hear of the live stream: of each kind of event everybody's, one user's, or nobody's."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from webapp.access.caller import Caller
from webapp.access.permissions import Permission, Reach
from webapp.live.telling import Message

# What is nobody's in particular, such as an offer's terms, everybody hears.
_KINDS: Final[Mapping[str, Permission]] = {
    "transaction": "transactions:read",
    "coupon": "claims:read",
    "waiting": "claims:read",
    "like": "claims:read",
}
_NOBODY: Final = ""


class Hearing(NamedTuple):
    """`whose`: by the kind of an event the user whose it must be; None is everybody. `offer_id` None is any."""

    whose: Mapping[str, str | None]
    offer_id: str | None = None

    @property
    def is_everything(self) -> bool:
        return self.offer_id is None and not any(user is not None for user in self.whose.values())

    def hears(self, message: Message) -> bool:
        if self.offer_id not in (None, message.offer_id):
            return False
        whose = self.whose.get(message.name)
        return message.user_id is None or whose is None or whose == message.user_id


EVERYTHING: Final = Hearing({})


def hearing(who: Caller, user_id: str | None, offer_id: str | None) -> Hearing:
    """What `who` hears, who may ask for one user's events alone.

    Raises as `Caller.must_reach` where nothing of that user's is within reach.
    """
    whose = {kind: _whose(who, permission, user_id) for kind, permission in _KINDS.items()}
    if user_id is not None and set(whose.values()) == {_NOBODY}:
        who.must_reach("transactions:read", user_id)
    return Hearing(whose, offer_id)


def _whose(who: Caller, permission: Permission, asked: str | None) -> str | None:
    reach = who.reach(permission)
    if reach is Reach.ALL:
        return asked
    if reach is Reach.OWN and asked in (None, who.user_id):
        return who.user_id
    return _NOBODY
