"""Pictures of the demo's rewards and badges: a shape on a ground, drawn when the demo is loaded, the same each time."""

import io
from collections.abc import Sequence
from math import cos, pi, sin

from PIL import Image, ImageDraw

from customers.core.images import store_image

Points = Sequence[tuple[float, float]]
GROUND, INK, ACCENT = "#8a2d1e", "#ffffff", "#f2c14e"
SCALE = 3  # what is drawn larger, and made smaller, has smooth edges
WIDE, SQUARE = (640, 360), (288, 288)


def _star(rays: int, outer: float, inner: float, *, down: float = 0) -> Points:
    turns = [(pi * step / rays - pi / 2, inner if step % 2 else outer) for step in range(2 * rays)]
    return [(cos(turn) * far, sin(turn) * far + down) for turn, far in turns]


# Each shape by its polygons, about the middle, of which an edge of the picture is 1 away.
SHAPES: dict[str, tuple[tuple[str, Points], ...]] = {
    "regular": ((INK, _star(5, 0.62, 0.28)),),
    "explorer": ((INK, _star(4, 0.7, 0.16)), (ACCENT, _star(4, 0.24, 0.1))),
    "fresh": (
        (INK, ((0, -0.62), (0.4, -0.2), (0.3, 0.28), (0, 0.5), (-0.3, 0.28), (-0.4, -0.2))),
        (GROUND, ((-0.025, -0.3), (0.025, -0.3), (0.025, 0.62), (-0.025, 0.62))),
    ),
    "five-off": (
        (INK, ((-0.8, -0.4), (0.8, -0.4), (0.8, 0.4), (-0.8, 0.4))),
        (GROUND, ((-0.72, -0.32), (0.72, -0.32), (0.72, 0.32), (-0.72, 0.32))),
        (ACCENT, _star(24, 0.24, 0.2)),
    ),
    "bag": (
        (INK, ((-0.16, -0.5), (0.16, -0.5), (0.28, -0.1), (-0.28, -0.1))),
        (GROUND, ((-0.1, -0.42), (0.1, -0.42), (0.2, -0.1), (-0.2, -0.1))),
        (INK, ((-0.46, -0.16), (0.46, -0.16), (0.56, 0.6), (-0.56, 0.6))),
        (ACCENT, _star(5, 0.2, 0.09, down=0.25)),
    ),
    "cinema": (
        (INK, ((-0.8, -0.36), (0.8, -0.36), (0.8, -0.1), (0.7, 0), (0.8, 0.1), (0.8, 0.36), (-0.8, 0.36), (-0.8, 0.1),
               (-0.7, 0), (-0.8, -0.1))),
        (ACCENT, _star(5, 0.24, 0.1)),
    ),
    "forest": (
        (INK, ((-0.05, 0.2), (0.05, 0.2), (0.05, 0.64), (-0.05, 0.64))),
        (INK, ((0, -0.68), (0.34, -0.2), (-0.34, -0.2))),
        (INK, ((0, -0.4), (0.46, 0.3), (-0.46, 0.3))),
    ),
}  # fmt: skip


def picture(retailer_id: int, code: str, size: tuple[int, int] = WIDE) -> str:
    """
    Store the picture of a reward or a badge of the demo, and return its name.

    :param size: in pixels, width and height
    """
    width, height = (edge * SCALE for edge in size)
    drawn = Image.new("RGB", (width, height), GROUND)
    pen = ImageDraw.Draw(drawn)
    for colour, points in SHAPES[code]:
        pen.polygon(_placed(points, width, height), fill=colour)
    file = io.BytesIO()
    drawn.resize(size, Image.Resampling.LANCZOS).save(file, "WEBP", quality=85)
    return store_image(retailer_id, file.getvalue())


def _placed(points: Points, width: int, height: int) -> list[tuple[float, float]]:
    half = height / 2
    return [(width / 2 + x * half, half + y * half) for x, y in points]
