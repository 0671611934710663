"""Names in the order in which people look for them. Pure."""

import re

NUMBER = re.compile(r"([0-9]+)")


def by_number(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return by what names are sorted so that their numbers count: Store 2 comes before Store 10, whatever their case."""
    parts = NUMBER.split(name.casefold())  # texts and numbers in turn
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name
