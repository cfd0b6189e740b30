"""Reads a page's query parameters by a schema."""

from typing import Any

from flask import request
from marshmallow import ValidationError

from events.types import Invalid
from webapp.schemas.queries import Query


def asked(schema: type[Query]) -> Any:
    """What the query says. Raises Invalid naming the first field that is wrong."""
    try:
        return schema().load(request.args.to_dict())
    except ValidationError as error:
        field, reasons = next(iter(error.messages_dict.items()))
        raise Invalid(field, " ".join(map(str, reasons))) from error
