"""How often Python looks for cycles while a great many frozen values are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

USUAL = gc.get_threshold()
RARE = (50_000, *USUAL[1:])  # objects made, less those freed, from one look to the next


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """
    Let Python look for cycles seldom, for the time of some mass work.

    Values without cycles are freed as soon as nobody knows them. The collector finds nothing among them, but with each 700
    that are made it looks through them, and now and then through all that is loaded: an eighth of an import's time.
    """
    gc.set_threshold(*RARE)
    try:
        yield
    finally:
        gc.set_threshold(*USUAL)
