"""A link as a QR code that a browser draws at any size."""

import io

import segno


def svg_of(text: str) -> bytes:
    """Return a text as a QR code in SVG, readable when a quarter of it is covered, with its quiet zone."""
    out = io.BytesIO()
    segno.make(text, error="q", micro=False).save(
        out, kind="svg", border=4, scale=8, omitsize=True, dark="#000", light="#fff", title=None, xmldecl=False
    )
    return out.getvalue()
