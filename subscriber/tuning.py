"""How the interpreter and the C library are set for a process of many threads that makes batch after batch."""

import ctypes
import gc
import sys
from typing import Final

# A batch makes tens of thousands of objects that die with it: looking for cycles among them at every 700 cost
# a tenth of the process's time.
_COLLECT_EVERY_OBJECTS: Final = 100_000
# Each of a batch's dozen replies may find another thread at work; at the usual 5 ms a rush for offers would keep
# a transaction waiting for most of a tenth of a second.
_SWITCH_EVERY_S: Final = 0.0005
# Of glibc, see mallopt(3). What threads free stays in their arenas: in sixteen of them 2 MiB more a minute were kept,
# though Python held no more objects than before.
_M_ARENA_MAX: Final = -8
_ARENAS: Final = 2


def tune() -> None:
    """Call it before the threads are started."""
    gc.set_threshold(_COLLECT_EVERY_OBJECTS)
    gc.freeze()  # what was imported stays until the end: no collection need look at it, the last one neither
    sys.setswitchinterval(_SWITCH_EVERY_S)
    if sys.platform == "linux":
        # Where the C library is another, it is there as well, and does nothing.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
