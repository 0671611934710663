"""QR codes as pictures in SVG, which browsers draw at any size."""

from io import BytesIO

import segno


def svg_of(text: str, *, title: str = "", css: str = "", xmlns: bool = False) -> str:
    """
    Return a text as a QR code with its quiet zone, readable when a quarter of it is covered, dark on light.

    :param title: what it is, for who does not see it
    :param css: the class of the picture, where it stands in a page
    :param xmlns: whether it is to be a file of its own
    """
    code = segno.make(text, error="q", micro=False)
    drawn = BytesIO()
    code.save(
        drawn, kind="svg", title=title or None, svgclass=css or None, lineclass=None, scale=8, border=4, omitsize=True,
        dark="#000", light="#fff", xmldecl=False, svgns=xmlns, nl=False,
    )  # fmt: skip
    return drawn.getvalue().decode()
