"""Offers, their stock, claims, seats, orders, waiting lists and likes, and the default coupon."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
_CLUSTERED = {**_OPTIONS, "sqlite_with_rowid": False}

event_id = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
units = sa.Text().with_variant(mysql.TEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
document = sa.Text().with_variant(
    mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)

_COUPON_CONFIG = """
CREATE VIEW coupon_config AS
SELECT t.offer_id, t.kind, t.title, t.price, t.currency, t.total_stock,
  COALESCE(s.remaining_stock, t.total_stock) AS remaining_stock, COALESCE(s.stock_revision, 0) AS stock_revision,
  t.per_user_limit, t.hold_seconds, t.opens_at, t.closes_at, t.zones, t.round, t.revision, t.created_at
FROM offer_terms t LEFT JOIN offer_stock s ON s.offer_id = t.offer_id AND s.round = t.round
"""
_USER_COUPON_STATS = """
CREATE VIEW user_coupon_stats AS
SELECT user_id, COUNT(*) AS total_attempts, COUNT(CASE WHEN success = 1 THEN 1 END) AS successful_grabs,
  COUNT(CASE WHEN success = 0 THEN 1 END) AS failed_grabs, MAX(occurred_at) AS last_attempt_time
FROM coupon_events WHERE success IS NOT NULL GROUP BY user_id
"""


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def text(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def key(name: str, kind: sa.types.TypeEngine) -> sa.Column:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def needed(name: str, kind: sa.types.TypeEngine) -> sa.Column:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    _create_offers()
    _create_coupon_events()
    _create_claims()
    _create_orders()
    _create_likes()
    op.execute(_COUPON_CONFIG)
    op.execute(_USER_COUPON_STATS)


def _create_offers() -> None:
    terms = op.create_table(
        "offer_terms",
        key("offer_id", ascii_text(40)),
        needed("kind", ascii_text(10)),
        needed("title", text(120)),
        needed("price", sa.BigInteger()),
        needed("currency", ascii_text(3)),
        needed("total_stock", sa.Integer()),
        needed("per_user_limit", sa.Integer()),
        needed("hold_seconds", sa.Integer()),
        sa.Column("opens_at", moment),
        sa.Column("closes_at", moment),
        needed("zones", document),
        needed("round", sa.BigInteger()),
        needed("revision", sa.BigInteger()),
        needed("created_at", moment),
        **_CLUSTERED,
    )
    op.create_index("offer_terms_by_time", "offer_terms", ["created_at", "offer_id"])
    op.create_table(
        "offer_stock",
        key("offer_id", ascii_text(40)),
        key("round", sa.BigInteger()),
        needed("remaining_stock", sa.BigInteger()),
        needed("stock_revision", sa.BigInteger()),
        **_CLUSTERED,
    )
    op.create_table(
        "waiting",
        key("offer_id", ascii_text(40)),
        key("round", sa.BigInteger()),
        key("user_id", ascii_text(64)),
        needed("joined_at", moment),
        needed("status", ascii_text(10)),
        needed("revision", sa.BigInteger()),
        **_CLUSTERED,
    )
    _insert_default_coupon(terms)


def _insert_default_coupon(terms: sa.Table) -> None:
    coupon = {
        "offer_id": "coupon",
        "kind": "coupon",
        "title": "Coupon",
        "price": 0,
        "currency": "USD",
        "total_stock": 90_000,
        "per_user_limit": 0,
        "hold_seconds": 0,
        "opens_at": None,
        "closes_at": None,
        "zones": "[]",
        "round": 1,
        "revision": 0,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
    }
    op.bulk_insert(terms, [coupon])


def _create_coupon_events() -> None:
    op.create_table(
        "coupon_events",
        key("event_id", event_id),
        needed("offer_id", ascii_text(40)),
        needed("round", sa.BigInteger()),
        needed("user_id", ascii_text(64)),
        sa.Column("claim_id", ascii_text(80)),
        needed("event_type", ascii_text(20)),
        sa.Column("success", sa.SmallInteger()),
        needed("reason", ascii_text(20)),
        needed("quantity", sa.Integer()),
        sa.Column("remaining_stock", sa.BigInteger()),
        needed("occurred_at", moment),
        sa.Column("digest", event_id),
        **_CLUSTERED,
    )
    op.create_index(
        "coupon_events_by_user",
        "coupon_events",
        ["user_id", "occurred_at", "event_id", "offer_id", "success"],
    )
    op.create_index(
        "coupon_events_by_offer", "coupon_events", ["offer_id", "success", "occurred_at", "event_id"]
    )


def _create_claims() -> None:
    op.create_table(
        "claims",
        key("claim_id", ascii_text(80)),
        needed("offer_id", ascii_text(40)),
        needed("round", sa.BigInteger()),
        needed("user_id", ascii_text(64)),
        needed("quantity", sa.Integer()),
        needed("units", units),
        sa.Column("zone", ascii_text(32)),
        sa.Column("seat_row", sa.Integer()),
        needed("status", ascii_text(10)),
        needed("revision", sa.BigInteger()),
        needed("fingerprint", ascii_text(64)),
        needed("price", sa.BigInteger()),
        needed("currency", ascii_text(3)),
        sa.Column("held_until", moment),
        needed("made_at", moment),
        needed("changed_at", moment),
        sa.Column("event_id", event_id),
        sa.Column("disputed", sa.SmallInteger(), nullable=False, server_default="0"),
        **_CLUSTERED,
    )
    op.create_index("claims_by_user", "claims", ["user_id", "made_at", "claim_id"])
    op.create_index("claims_by_offer", "claims", ["offer_id", "made_at", "claim_id"])
    op.create_index("claims_by_dispute", "claims", ["disputed", "claim_id"])
    op.create_table(
        "seats",
        key("offer_id", ascii_text(40)),
        key("round", sa.BigInteger()),
        key("unit", sa.BigInteger()),
        sa.Column("zone", ascii_text(32)),
        sa.Column("seat_row", sa.Integer()),
        sa.Column("seat_number", sa.Integer()),
        sa.Column("claim_id", ascii_text(80)),
        sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"),
        **_CLUSTERED,
    )
    op.create_index("seats_by_claim", "seats", ["claim_id"])


def _create_orders() -> None:
    op.create_table(
        "orders",
        key("order_id", ascii_text(80)),
        needed("claim_id", ascii_text(80)),
        needed("offer_id", ascii_text(40)),
        needed("round", sa.BigInteger()),
        needed("user_id", ascii_text(64)),
        needed("quantity", sa.Integer()),
        needed("amount", sa.BigInteger()),
        needed("currency", ascii_text(3)),
        needed("status", ascii_text(10)),
        needed("confirmed_at", moment),
        **_CLUSTERED,
    )
    op.create_index("orders_by_user", "orders", ["user_id", "confirmed_at", "order_id"])
    op.create_index("orders_by_offer", "orders", ["offer_id", "confirmed_at", "order_id"])


def _create_likes() -> None:
    op.create_table(
        "like_events",
        key("event_id", event_id),
        needed("user_id", ascii_text(64)),
        needed("offer_id", ascii_text(40)),
        needed("number", sa.BigInteger()),
        needed("is_top_like", sa.SmallInteger()),
        needed("occurred_at", moment),
        **_CLUSTERED,
    )
    op.create_index("like_events_by_user", "like_events", ["user_id", "occurred_at", "event_id", "offer_id"])
    op.create_index("like_events_by_offer", "like_events", ["offer_id", "occurred_at", "event_id"])


def downgrade() -> None:
    for view in ("user_coupon_stats", "coupon_config"):
        op.execute(f"DROP VIEW {view}")
    tables = (
        "like_events",
        "orders",
        "seats",
        "claims",
        "coupon_events",
        "waiting",
        "offer_stock",
        "offer_terms",
    )
    for table in tables:
        op.drop_table(table)
