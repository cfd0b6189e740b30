"""How much of anything one request may ask for or bring."""

from typing import Final

from events.moments import DAY_US

# What a reader makes of a body may take forty times its bytes: only where many things may be sent at once is more
# read than one thing can be.
BODY_LIMIT_BYTES: Final = 64 * 1024
ITEMS_BODY_LIMIT_BYTES: Final = 16 * 1024 * 1024
ITEMS_LIMIT: Final = 10_000
PAGE_LIMIT: Final = 1_000
PAGE_DEFAULT: Final = 50
BUCKETS_LIMIT: Final = 2_000
WINDOW_LIMIT_US: Final = 366 * DAY_US
