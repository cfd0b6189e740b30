"""A claim as Redis keeps it: the text that `offer_scripts/claim.lua` packs."""

from typing import Final, cast

import msgspec

from events.offers import Status, Unit
from storage.claim import Claim

_units: Final = msgspec.json.Decoder(tuple[Unit, ...])
_encoder: Final = msgspec.json.Encoder()


def pack_claim(claim: Claim) -> bytes:
    """The claim's fields with bars between, and its units as JSON."""
    fields = (
        claim.status,
        claim.revision,
        claim.user_id,
        claim.quantity,
        claim.made_at_us,
        claim.changed_at_us,
        "" if claim.held_until_us is None else claim.held_until_us,
        claim.price,
        claim.currency,
        claim.zone or "",
        "" if claim.row is None else claim.row,
        claim.fingerprint,
    )
    return f"{'|'.join(map(str, fields))}|".encode() + _encoder.encode(claim.units)


def unpack_claim(claim_id: str, packed: bytes) -> Claim:
    """What `pack_claim` packed, or the scripts did."""
    text, _, units = packed.rpartition(b"|")
    (
        status,
        revision,
        user_id,
        quantity,
        made,
        changed,
        held_until,
        price,
        currency,
        zone,
        row,
        fingerprint,
    ) = text.decode().split("|")
    offer_id, round_ = offer_and_round(claim_id)
    return Claim(
        claim_id=claim_id,
        offer_id=offer_id,
        round=round_,
        user_id=user_id,
        quantity=int(quantity),
        units=_units.decode(units),
        zone=zone or None,
        row=int(row) if row else None,
        status=cast("Status", status),
        revision=int(revision),
        fingerprint=fingerprint,
        price=int(price),
        currency=currency,
        held_until_us=int(held_until) if held_until else None,
        made_at_us=int(made),
        changed_at_us=int(changed),
    )


def offer_and_round(claim_id: str) -> tuple[str, int]:
    """Which offer and round a claim is of; its id says it."""
    offer_id, round_, _ = claim_id.split(":")
    return offer_id, int(round_)
