"""P-values of many tests, so that the more one looks, the more it takes."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values under which the chance of even one false claim stays at the level (Holm 1979); for variants."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, most = [0.0] * len(p_values), 0.0
    for place, which in enumerate(order):
        most = max(most, min(1.0, (len(p_values) - place) * p_values[which]))
        adjusted[which] = most
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values under which the expected share of false claims stays at the level; for a quarter's campaigns."""
    count = len(p_values)
    order = sorted(range(count), key=p_values.__getitem__, reverse=True)
    adjusted, least = [0.0] * count, 1.0
    for place, which in enumerate(order):
        least = min(least, p_values[which] * count / (count - place))
        adjusted[which] = least
    return adjusted
