"""Runs the migrations against `DATABASE_URL`, or against a connection handed in as an attribute."""

from alembic import context
from sqlalchemy import Connection

import logs
import storage.sql.account_models
import storage.sql.offer_models  # noqa: F401 - their tables belong to the metadata too
from config import load_or_exit
from storage.sql.engine import open_writer
from storage.sql.models import metadata

settings = load_or_exit()
logs.set_up(settings.log_format, settings.is_traced)


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


def connect_and_migrate() -> None:
    engine = open_writer(settings.database_url)
    with engine.connect() as connection:
        migrate(connection)
        connection.commit()
    engine.dispose()


def print_statements() -> None:
    """`alembic upgrade head --sql`: for whoever runs the statements by hand."""
    context.configure(url=settings.database_url, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    print_statements()
else:
    connect_and_migrate()
