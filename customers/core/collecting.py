"""How often Python looks for cycles in a process that makes a great many frozen values."""

import gc

RARE = 50_000  # objects made, less those freed, from one look to the next


def collect_rarely() -> None:
    """
    Let Python look for cycles seldom, until the process ends; each of the site's processes begins with it.

    Values without cycles are freed as soon as nobody knows them. The collector finds nothing among them, but with each 700
    that are made it looks through them, and now and then through all that is loaded: a quarter of a batch's time.
    """
    gc.set_threshold(RARE, *gc.get_threshold()[1:])
