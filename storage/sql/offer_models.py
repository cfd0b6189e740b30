"""The tables of scarce things, and the views over them. Analysts read these too: names and types are promised.

Every table but the two of events holds how things stand, decided by the highest revision stored, so that events
may come in any order. What an offer says of itself (`offer_terms`) and what is left of it (`offer_stock`, a row a
round) come from different events; `coupon_config` shows them as one row an offer.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, Text, column, table
from sqlalchemy.dialects import mysql

from storage.sql.models import (
    CLUSTERED,
    CURRENCY,
    EVENT_ID,
    USER_ID,
    Moment,
    ascii_text,
    free_text,
    metadata,
)

OFFER_ID: Final = ascii_text(40)
CLAIM_ID: Final = ascii_text(80)
ZONE: Final = ascii_text(32)
STATUS: Final = ascii_text(10)
UNITS: Final = Text().with_variant(mysql.TEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
DOCUMENT: Final = Text().with_variant(
    mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)


def _key(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


# What the offer says of itself, as of its highest revision.
offer_terms = Table(
    "offer_terms",
    metadata,
    _key("offer_id", OFFER_ID),
    _needed("kind", ascii_text(10)),
    _needed("title", free_text(120)),
    _needed("price", BigInteger),
    _needed("currency", CURRENCY),
    _needed("total_stock", Integer),
    _needed("per_user_limit", Integer),
    _needed("hold_seconds", Integer),
    Column("opens_at", Moment),
    Column("closes_at", Moment),
    _needed("zones", DOCUMENT),
    _needed("round", BigInteger),
    _needed("revision", BigInteger),
    _needed("created_at", Moment),
    Index("offer_terms_by_time", "created_at", "offer_id"),
    **CLUSTERED,
)

# What is left of it, a row a round; none before the first claim of a round.
offer_stock = Table(
    "offer_stock",
    metadata,
    _key("offer_id", OFFER_ID),
    _key("round", BigInteger),
    _needed("remaining_stock", BigInteger),
    _needed("stock_revision", BigInteger),
    **CLUSTERED,
)

# The digest is of what the other columns do not hold: it tells the same event again from another under its id.
coupon_events = Table(
    "coupon_events",
    metadata,
    _key("event_id", EVENT_ID),
    _needed("offer_id", OFFER_ID),
    _needed("round", BigInteger),
    _needed("user_id", USER_ID),
    Column("claim_id", CLAIM_ID),
    _needed("event_type", ascii_text(20)),
    Column("success", SmallInteger),
    _needed("reason", ascii_text(20)),
    _needed("quantity", Integer),
    Column("remaining_stock", BigInteger),
    _needed("occurred_at", Moment),
    Column("digest", EVENT_ID),
    # A user's attempts are counted, and whose they are found, from the index alone.
    Index("coupon_events_by_user", "user_id", "occurred_at", "event_id", "offer_id", "success"),
    # Successes stand together, so that their pages do not wade through the refusals of a rush.
    Index("coupon_events_by_offer", "offer_id", "success", "occurred_at", "event_id"),
    **CLUSTERED,
)

# `event_id` is the event that said how the claim stands; `disputed` marks a live claim that lacks one of its units.
claims = Table(
    "claims",
    metadata,
    _key("claim_id", CLAIM_ID),
    _needed("offer_id", OFFER_ID),
    _needed("round", BigInteger),
    _needed("user_id", USER_ID),
    _needed("quantity", Integer),
    _needed("units", UNITS),
    Column("zone", ZONE),
    Column("seat_row", Integer),
    _needed("status", STATUS),
    _needed("revision", BigInteger),
    _needed("fingerprint", ascii_text(64)),
    _needed("price", BigInteger),
    _needed("currency", CURRENCY),
    Column("held_until", Moment),
    _needed("made_at", Moment),
    _needed("changed_at", Moment),
    Column("event_id", EVENT_ID),
    Column("disputed", SmallInteger, nullable=False, server_default="0"),
    Index("claims_by_user", "user_id", "made_at", "claim_id"),
    Index("claims_by_offer", "offer_id", "made_at", "claim_id"),
    Index("claims_by_dispute", "disputed", "claim_id"),
    **CLUSTERED,
)

# One row a unit, whatever happened to it: no unit has two owners here.
seats = Table(
    "seats",
    metadata,
    _key("offer_id", OFFER_ID),
    _key("round", BigInteger),
    _key("unit", BigInteger),
    Column("zone", ZONE),
    Column("seat_row", Integer),
    Column("seat_number", Integer),
    Column("claim_id", CLAIM_ID),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Index("seats_by_claim", "claim_id"),
    **CLUSTERED,
)

# Every claim that was ever paid; `cancelled` once it is no longer live.
orders = Table(
    "orders",
    metadata,
    _key("order_id", CLAIM_ID),
    _needed("claim_id", CLAIM_ID),
    _needed("offer_id", OFFER_ID),
    _needed("round", BigInteger),
    _needed("user_id", USER_ID),
    _needed("quantity", Integer),
    _needed("amount", BigInteger),
    _needed("currency", CURRENCY),
    _needed("status", STATUS),
    _needed("confirmed_at", Moment),
    Index("orders_by_user", "user_id", "confirmed_at", "order_id"),
    Index("orders_by_offer", "offer_id", "confirmed_at", "order_id"),
    **CLUSTERED,
)

like_events = Table(
    "like_events",
    metadata,
    _key("event_id", EVENT_ID),
    _needed("user_id", USER_ID),
    _needed("offer_id", OFFER_ID),
    _needed("number", BigInteger),
    _needed("is_top_like", SmallInteger),
    _needed("occurred_at", Moment),
    Index("like_events_by_user", "user_id", "occurred_at", "event_id", "offer_id"),
    Index("like_events_by_offer", "offer_id", "occurred_at", "event_id"),
    **CLUSTERED,
)

waiting = Table(
    "waiting",
    metadata,
    _key("offer_id", OFFER_ID),
    _key("round", BigInteger),
    _key("user_id", USER_ID),
    _needed("joined_at", Moment),
    _needed("status", STATUS),
    _needed("revision", BigInteger),
    **CLUSTERED,
)

# The views; migrations/ says what they select.
coupon_config = table(
    "coupon_config",
    *[column(known.name, known.type) for known in offer_terms.columns],
    column("remaining_stock", BigInteger),
    column("stock_revision", BigInteger),
)
user_coupon_stats = table(
    "user_coupon_stats",
    column("user_id", USER_ID),
    column("total_attempts", BigInteger),
    column("successful_grabs", BigInteger),
    column("failed_grabs", BigInteger),
    column("last_attempt_time", Moment),
)
