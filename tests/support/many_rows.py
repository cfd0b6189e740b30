"""Many transactions in a database in little time: the database makes them by itself."""

from sqlalchemy import create_engine, text

from storage.sql.bulk import timestamp

BASE_US = 1_700_000_000_000_000
_MARIADB = """
INSERT INTO transactions
SELECT UNHEX(LPAD(HEX(seq), 32, '0')), CONCAT('u', seq % {users}), CAST(seq % 20001 AS SIGNED) - 10000,
  IF(seq % 3, 'USD', 'EUR'), CONCAT('Corner Shop ', seq % 50), TIMESTAMPADD(MICROSECOND, seq * 10000, '{base}')
FROM seq_1_to_{count}
"""
_SQLITE = """
WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {count})
INSERT INTO transactions
SELECT unhex(printf('%032x', seq)), 'u' || (seq % {users}), seq % 20001 - 10000, iif(seq % 3, 'USD', 'EUR'),
  'Corner Shop ' || (seq % 50),
  strftime('%Y-%m-%d %H:%M:%S', '{base}', (seq / 100) || ' seconds') || printf('.%06d', seq % 100 * 10000)
FROM numbers
"""


def fill(database_url: str, count: int, users: int = 1_000) -> None:
    """`count` transactions of so many users, a hundred a second from `BASE_US` on."""
    engine = create_engine(database_url)
    statement = _SQLITE if engine.dialect.name == "sqlite" else _MARIADB
    base = timestamp(BASE_US)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.connection.driver_connection.create_function("unhex", 1, bytes.fromhex)
        connection.execute(
            text(
                statement.replace(":%M", r"\:%M")
                .replace(":%S", r"\:%S")
                .format(count=count, base=base, users=users)
            )
        )
    engine.dispose()
