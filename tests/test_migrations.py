"""The schema goes up and down on every database, and is what the models say."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from storage.sql import account_models, offer_models
from storage.sql.engine import open_reader
from storage.sql.models import REVISION
from tests.support.databases import migrate
from tests.support.process import ROOT, child_environment

OFFER_TABLES = {
    "offer_terms", "offer_stock", "coupon_events", "claims", "seats", "orders", "like_events", "waiting",
}  # fmt: skip
VIEWS = {"coupon_config", "user_coupon_stats"}


@pytest.fixture
def empty(empty_database_url):
    engine = open_reader(empty_database_url)
    yield engine
    engine.dispose()


def downgrade(url: str, revision: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "downgrade", revision],
        cwd=ROOT,
        env=child_environment({"DATABASE_URL": url, "AUTH": "open"}),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def names(engine) -> tuple[set[str], set[str]]:
    found = inspect(engine)
    return set(found.get_table_names()), set(found.get_view_names())


def test_up_and_down_and_up_again(empty, empty_database_url):
    migrate(empty_database_url)
    assert (OFFER_TABLES - names(empty)[0], VIEWS - names(empty)[1]) == (set(), set())
    downgrade(empty_database_url, "0001")
    assert (OFFER_TABLES & names(empty)[0], names(empty)[1]) == (set(), set())
    assert "transactions" in names(empty)[0]
    migrate(empty_database_url)
    with empty.connect() as connection:
        found = connection.execute(
            text("SELECT offer_id, kind, title, total_stock, remaining_stock, revision FROM coupon_config")
        ).all()
        assert [tuple(row) for row in found] == [("coupon", "coupon", "Coupon", 90_000, 90_000, 0)]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == REVISION
    downgrade(empty_database_url, "base")
    assert names(empty)[0] == {"alembic_version"}


def test_the_migrations_make_what_the_models_say(empty, empty_database_url):
    migrate(empty_database_url)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert account_models.metadata is offer_models.metadata
        assert compare_metadata(context, offer_models.metadata) == []


def test_analysts_may_write_every_name_unquoted(empty, empty_database_url):
    migrate(empty_database_url)
    with empty.connect() as connection:
        for name in sorted(OFFER_TABLES | VIEWS):
            columns = ", ".join(column["name"] for column in inspect(empty).get_columns(name))
            connection.execute(text(f"SELECT {columns} FROM {name}")).all()
