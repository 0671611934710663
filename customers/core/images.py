"""
Images: an address somewhere else, or the name of one that is stored here.

A stored image is named for what it holds, so it never changes, and versions that show it may be copied and kept.
"""

import re
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

FOLDER = "images"
STORED = re.compile(rf"{FOLDER}/(?P<retailer>[0-9]+)/[0-9a-f]{{32}}\.webp")
_is_address = URLValidator(["https", "http"])


def validate_image(image: str) -> None:
    """
    Refuse what is neither an address nor the name of a stored image.

    :raises ValidationError: then
    """
    if is_stored(image):
        return
    try:
        _is_address(image)
    except ValidationError as error:
        raise ValidationError(
            _("This is no address of an image (https://...). Upload a file, or enter one.")
        ) from error


def is_stored(image: str) -> bool:
    """Tell whether an image is a name in the storage, and no address."""
    return STORED.fullmatch(image) is not None


def is_shown(image: str) -> bool:
    """Tell whether an image can be shown by its address: it is one, or is stored; else a retailer's own pages know it."""
    return is_stored(image) or image.startswith(("https://", "http://"))


def is_missing(image: str, retailer_id: int) -> bool:
    """Tell whether an image should be stored, and is not, or is another retailer's."""
    found = STORED.fullmatch(image)
    return found is not None and (int(found["retailer"]) != retailer_id or not default_storage.exists(image))


def store_image(retailer_id: int, content: bytes) -> str:
    """Store a retailer's image, unless it is stored already, and return its name."""
    name = f"{FOLDER}/{retailer_id}/{sha256(content).hexdigest()[:32]}.webp"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(content))
    return name


def address_of(image: str, site: str = "") -> str:
    """
    Return the address of an image; empty where there is none.

    :param site: of which a stored image is told, such as https://loyalty.example.org; empty for an address within it
    """
    if not is_stored(image):
        return image
    address: str = default_storage.url(image)
    return f"{site}{address}" if address.startswith("/") else address
