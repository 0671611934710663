"""Whatever colour a retailer names, what is written can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.page.colours import DARK_GROUND, LIGHT_GROUND, READABLE, _parsed, contrast, palette_of, rgb

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
def test_text_is_readable_on_and_in_every_colour(accent: str) -> None:
    palette = palette_of(accent)

    assert contrast(_parsed(palette.accent), _parsed(palette.on_accent)) >= READABLE
    assert contrast(_parsed(palette.on_light), LIGHT_GROUND) >= READABLE
    assert contrast(_parsed(palette.on_dark), DARK_GROUND) >= READABLE


def test_a_readable_colour_stays_as_it_is() -> None:
    assert palette_of("#245149") == ("#245149", "#ffffff", "#245149", palette_of("#245149").on_dark)


def test_contrast_of_black_and_white() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@pytest.mark.parametrize("text", ["", "red", "#12345", "#1234567", "245149", "#24514g"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        palette_of(text)


def test_a_colour_as_passes_write_it() -> None:
    assert rgb("#245149") == "rgb(36, 81, 73)"
