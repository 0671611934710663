"""QR codes as pictures that stand in a page: no request, no script."""

from functools import lru_cache

import segno
from django.utils.safestring import SafeString, mark_safe


@lru_cache(maxsize=2_000)
def qr(text: str, label: str) -> SafeString:
    """Return a QR code as SVG, dark on light whatever the page's colours are: cameras ask for it."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(
        scale=1, border=3, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass="", title=label
    )
    return mark_safe(drawn)  # noqa: S308 - drawn by the library, which escapes the title
