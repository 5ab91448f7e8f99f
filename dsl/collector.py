"""Reading and compiling make much that stays and hardly a cycle: the collector would walk over all of it in vain."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keeps the collector of cycles from running, and leaves it as it was; within another pause nothing changes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
