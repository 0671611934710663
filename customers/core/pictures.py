"""
A file that somebody uploads as an image: looked at, made smaller, and written anew, so that nothing else comes along.

What a file is, its content says, not its name. It is only decoded when its size is known to be harmless.
"""

from io import BytesIO
from typing import IO

from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from customers.core.errors import DomainError, Kind

MAX_BYTES = 5 * 1024 * 1024
MIN_SIDE, MAX_SIDE = 32, 8_000
MAX_PIXELS = 25_000_000
SHOWN_SIDE = 1_200
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 82


class UnusableImage(DomainError):
    code = "unusable_image"
    kind = Kind.INVALID
    message = _("The image cannot be taken: {reason}")


def read_picture(file: IO[bytes]) -> bytes:
    """
    Return an uploaded image as WebP, of 1,200 pixels at most in each direction, turned upright, without what else it says.

    :raises UnusableImage: when it is too large, too small, or no JPEG, PNG or WebP
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UnusableImage(reason=_("the file is larger than %(limit)s MB.") % {"limit": MAX_BYTES // 1024**2})
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            _require_size(*opened.size)
            return _written(opened)
    except UnusableImage:
        raise
    except Exception as error:  # decoders meet what nobody thought of, such as a text where a camera writes a number
        raise UnusableImage(reason=_("it is no JPEG, PNG or WebP image, or is broken.")) from error


def _require_size(width: int, height: int) -> None:
    facts = {"width": width, "height": height, "least": MIN_SIDE, "most": MAX_SIDE}
    if min(width, height) < MIN_SIDE:
        words = _("it is %(width)s by %(height)s pixels; each side has %(least)s at least.")
        raise UnusableImage(reason=words % facts)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        words = _("it is %(width)s by %(height)s pixels; a side has %(most)s at most, and all of it 25 million.")
        raise UnusableImage(reason=words % facts)


def _written(opened: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(opened)
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    image = upright.convert("RGBA" if has_alpha else "RGB")
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    written = BytesIO()
    image.save(written, "WEBP", quality=QUALITY)
    return written.getvalue()
