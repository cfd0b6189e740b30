"""The names of the keys of scarce things, every one tagged with its partition.

An offer's keys lie in its offer's partition, those of likes in their user's. What belongs to one round of an offer
has the round in its name, so that a reset begins with keys of its own.
"""

from typing import Final

from events.partitions import tag

# The first word of each key behind its tag, but for the marker of trust, its token, the log and the mark behind writes.
KINDS: Final = frozenset(
    (
        "offer",
        "making",
        "claims",
        "owners",
        "free",
        "seats",
        "units",
        "holds",
        "waiting",
        "waited",
        "queues",
        "attempts",
        "history",
        "mine",
        "refusal",
        "refused",
        "claimrate",
        "likes",
        "liked",
        "likerate",
    )
)


def assured(partition: int) -> str:
    """Written behind what must have come to the replicas, so that there is something to wait for."""
    return f"{tag(partition)}:assured"


def ready(partition: int) -> str:
    """The marker that says which run of which server, and which settings, the offers can be trusted for."""
    return f"{tag(partition)}:offers:ready"


def token(partition: int) -> str:
    """The token of the restore under way."""
    return f"{tag(partition)}:offers:token"


def offers(partition: int) -> str:
    """Sorted set: every offer, by the moment it was made."""
    return f"{tag(partition)}:offers"


def making(partition: int) -> str:
    """Set: the shows whose seats are still being made."""
    return f"{tag(partition)}:making"


def offer(partition: int, offer_id: str) -> str:
    """Hash: an offer's terms and how its stock stands; see `offer_scripts/offer.lua`."""
    return f"{tag(partition)}:offer:{offer_id}"


def claims(partition: int, offer_id: str, round_: int) -> str:
    """Hash: a claim's id to the claim, packed as `offer_scripts/claim.lua` does."""
    return f"{tag(partition)}:claims:{offer_id}:{round_}"


def owners(partition: int, offer_id: str, round_: int) -> str:
    """Hash: a user to the number of units in their live claims."""
    return f"{tag(partition)}:owners:{offer_id}:{round_}"


def free(partition: int, offer_id: str, round_: int) -> str:
    """Sorted set: units of a counted offer that were given back, by their number."""
    return f"{tag(partition)}:free:{offer_id}:{round_}"


def seats(partition: int, offer_id: str, round_: int, zone: str) -> str:
    """Sorted set: a zone's free units, by their number."""
    return f"{tag(partition)}:seats:{offer_id}:{round_}:{zone}"


def units(partition: int, offer_id: str, round_: int) -> str:
    """Hash: a unit to the revision under which it was last freed; absent where it never was."""
    return f"{tag(partition)}:units:{offer_id}:{round_}"


def holds(partition: int) -> str:
    """Sorted set: held claims by their deadline, µs."""
    return f"{tag(partition)}:holds"


def waiting(partition: int, offer_id: str, round_: int) -> str:
    """Sorted set: users by the moment they began to wait."""
    return f"{tag(partition)}:waiting:{offer_id}:{round_}"


def waited(partition: int, offer_id: str, round_: int) -> str:
    """Hash: a user to the revision of their waiting."""
    return f"{tag(partition)}:waited:{offer_id}:{round_}"


def queues(partition: int) -> str:
    """Set: the offers that somebody waits for."""
    return f"{tag(partition)}:queues"


def attempts(partition: int, user_id: str) -> str:
    """String: a user's attempts at offers of this partition, packed as `offer_scripts/refusal.lua` does."""
    return f"{tag(partition)}:attempts:{user_id}"


def history(partition: int, user_id: str) -> str:
    """List: what happened to a user lately, the newest first, packed as `user_doings.pack_doing` does."""
    return f"{tag(partition)}:history:{user_id}"


def mine(partition: int, user_id: str) -> str:
    """Sorted set: a user's claims of all rounds by the moment they were made."""
    return f"{tag(partition)}:mine:{user_id}"


def refusal(partition: int, claim_id: str) -> str:
    """The answer that a key once got, where it was no."""
    return f"{tag(partition)}:refusal:{claim_id}"


def refused(partition: int, batch: str) -> str:
    """The answers that a batch of refusals once got."""
    return f"{tag(partition)}:refused:{batch}"


def claim_rate(partition: int, user_id: str) -> str:
    """How often a user claimed of this partition's offers since their rate's window began."""
    return f"{tag(partition)}:claimrate:{user_id}"


def likes(partition: int) -> str:
    """Sorted set: users by how often they liked; among equals whoever came first ranks higher."""
    return f"{tag(partition)}:likes"


def liked(partition: int) -> str:
    """Hash: a user to `count|last µs|last event id|whether that was a top like`."""
    return f"{tag(partition)}:liked"


def liked_offers(partition: int) -> str:
    """Hash: an offer to `count|last µs` of this partition's users."""
    return f"{tag(partition)}:likes:offers"


def like_rate(partition: int, user_id: str) -> str:
    """How often a user liked since their rate's window began."""
    return f"{tag(partition)}:likerate:{user_id}"


def everything(partition: int) -> str:
    """A pattern of all keys of a partition, others' too; see `is_of_offers`."""
    return f"{tag(partition)}:*"


def is_of_offers(key: bytes) -> bool:
    """Whether a key of a partition holds what a restore makes anew."""
    words = key.decode("utf-8", "replace").split(":", 2)
    return len(words) > 1 and (words[1] in KINDS or words[1:] == ["offers"])
