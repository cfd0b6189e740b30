"""What the bodies about the running system may say."""

from typing import Any

from marshmallow import ValidationError, fields

from storage.hot.emitter_control import HIGHEST_RATE, LOWEST_RATE, bounded
from webapp.schemas.bodies import Body


class _Rate(fields.Field[float]):
    """A JSON number within the emitter's bounds."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("must be a number")
        try:
            return bounded(float(value))
        except (ValueError, OverflowError) as error:
            raise ValidationError(f"must be from {LOWEST_RATE} to {HIGHEST_RATE:,.0f} a second") from error


class _Flag(fields.Boolean):
    """A JSON true or false, and nothing that is like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class EmitterBody(Body):
    """What the emitter shall do from now on; what is not named stays."""

    is_running = _Flag()
    rate = _Rate(
        metadata={
            "type": "number",
            "minimum": LOWEST_RATE,
            "maximum": HIGHEST_RATE,
            "description": "transactions a second on average",
        }
    )
