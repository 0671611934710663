"""
Colours that can be read: a retailer names one, and what is written on it and in it follows. Pure.

Contrast is that of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio); text needs 4.5.
"""

import re
from typing import NamedTuple

READABLE = 4.5
WHITE = (255, 255, 255)
INK = (0, 0, 0)  # black or white can be read on every colour
LIGHT_GROUND = (255, 255, 255)
DARK_GROUND = (29, 35, 38)
STEP = 0.06
LINEAR = 0.04045  # up to here sRGB is a line
HEX = re.compile(r"^#[0-9a-fA-F]{6}$")

Colour = tuple[int, int, int]


class Palette(NamedTuple):
    """
    The colours that a page takes from a retailer's own, as CSS writes them.

    :param on_accent: what is written on the accent
    :param on_light: the accent as text and lines on a light ground
    :param on_dark: the same on a dark ground
    """

    accent: str
    on_accent: str
    on_light: str
    on_dark: str


def palette_of(accent: str) -> Palette:
    """
    Return what goes with a colour.

    :param accent: as #rrggbb
    :raises ValueError: for anything else
    """
    colour = _parsed(accent)
    on_accent = WHITE if contrast(colour, WHITE) >= contrast(colour, INK) else INK
    return Palette(
        _written(colour),
        _written(on_accent),
        _written(_readable(colour, LIGHT_GROUND, towards=INK)),
        _written(_readable(colour, DARK_GROUND, towards=WHITE)),
    )


def contrast(one: Colour, other: Colour) -> float:
    """Return how well two colours can be told apart: from 1, the same, to 21, black and white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def rgb(text: str) -> str:
    """Return a colour as passes write it, its three parts from 0 to 255."""
    return "rgb({}, {}, {})".format(*_parsed(text))


def _readable(colour: Colour, ground: Colour, *, towards: Colour) -> Colour:
    """Return a colour mixed with another one by as little as makes it readable on a ground."""
    share = 0.0
    while contrast(mixed := _mixed(colour, towards, share), ground) < READABLE and share < 1:
        share = min(share + STEP, 1.0)
    return mixed


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(one + (two - one) * share) for one, two in zip(colour, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= LINEAR else float(((part + 0.055) / 1.055) ** 2.4)


def _parsed(text: str) -> Colour:
    if not HEX.match(text):
        raise ValueError(text)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _written(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
