"""What each resource may be asked. A parameter nobody knows is refused by its name."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, fields, post_load

from storage.sql.selection import Selection
from webapp.schemas import fields as asked


class Query(Schema):
    """Loads into `makes`, a dataclass of the same names."""

    makes: ClassVar[type[Any]]

    class Meta:
        unknown = RAISE

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Any:
        return self.makes(**data)


@dataclass(frozen=True, slots=True)
class SumQuestion:
    """None for the window is Tally's own, None for the moment is now."""

    window_us: int | None = None
    at_us: int | None = None


class SumQuery(Query):
    makes = SumQuestion
    window_us = asked.duration(data_key="window")
    at_us = asked.moment(data_key="at")


@dataclass(frozen=True, slots=True)
class TransactionsQuestion:
    """`filters` is of no user yet, and None where nothing was asked for."""

    limit: int | None = None
    cursor: str | None = None
    filters: Selection = field(default_factory=Selection)


class _FiltersQuery(Query):
    """Its fields are those of a Selection."""

    from_us = asked.moment(data_key="from")
    to_us = asked.moment(data_key="to")
    currency = asked.currency()
    least = asked.amount(data_key="min")
    most = asked.amount(data_key="max")
    merchant = asked.merchant()


class TransactionsQuery(_FiltersQuery):
    makes = TransactionsQuestion
    limit = asked.limit()
    cursor = asked.cursor()

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> TransactionsQuestion:
        limit, cursor = data.pop("limit", None), data.pop("cursor", None)
        return TransactionsQuestion(limit, cursor, Selection(**data))


class ExportQuery(_FiltersQuery):
    makes = Selection
    user_id = asked.user_id()


@dataclass(frozen=True, slots=True)
class PageQuestion:
    limit: int | None = None
    cursor: str | None = None


class PageQuery(Query):
    makes = PageQuestion
    limit = asked.limit()
    cursor = asked.cursor()


@dataclass(frozen=True, slots=True)
class UsersQuestion:
    q: str | None = None
    limit: int | None = None
    cursor: str | None = None


class UsersQuery(Query):
    makes = UsersQuestion
    q = asked.user_prefix()
    limit = asked.limit()
    cursor = asked.cursor()


@dataclass(frozen=True, slots=True)
class SumsQuestion:
    window_us: int | None = None
    currency: str | None = None
    limit: int | None = None


class SumsQuery(Query):
    makes = SumsQuestion
    window_us = asked.duration(data_key="window")
    currency = asked.currency()
    limit = asked.limit()


@dataclass(frozen=True, slots=True)
class SeriesQuestion:
    bucket_us: int
    window_us: int | None = None
    user_id: str | None = None


class SeriesQuery(Query):
    makes = SeriesQuestion
    window_us = asked.duration(data_key="window")
    bucket_us = asked.duration(data_key="bucket", load_default=300_000_000, metadata={"default": "5m"})
    user_id = asked.user_id()


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    user_id: str | None = None
    offer_id: str | None = None
    after: str | None = None


class LiveQuery(Query):
    makes = LiveQuestion
    user_id = asked.user_id()
    offer_id = asked.offer_id()
    after = fields.String()
