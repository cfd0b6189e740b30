"""All that a database holds, as text: what is looked through for what must stand nowhere."""

from typing import Any

from sqlalchemy import MetaData, create_engine, select


def dump(database_url: str) -> str:
    """Every row of every table, bytes as the text they are."""
    engine = create_engine(database_url)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = [
            (name, *map(_told, row))
            for name, table in sorted(tables.tables.items())
            for row in connection.execute(select(table))
        ]
    engine.dispose()
    return "\n".join(map(str, rows))


def _told(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
