"""The key by which this site signs Web Push (RFC 8292): browsers take messages of the one alone under which they subscribed."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from importlib.util import find_spec

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

KEY_BYTES = 32
PACKAGES = ("http_ece", "py_vapid")
SUBJECT = re.compile(r"mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https://[\w.-]+\.[\w-]+")


def to_text(data: bytes) -> str:
    """Return bytes as Base64 for addresses, without what fills it up."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    """Return what a text of Base64 for addresses stands for. :raises ValueError: for none"""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_key() -> str:
    """Return a new private key, as the setting VAPID_PRIVATE_KEY has it."""
    own = ec.generate_private_key(ec.SECP256R1())
    return to_text(own.private_numbers().private_value.to_bytes(KEY_BYTES, "big"))


def public_key() -> str:
    """
    Return the key under which browsers subscribe, 65 bytes as Base64 for addresses.

    :raises ValueError: where the setting is no key
    """
    own = ec.derive_private_key(int.from_bytes(to_bytes(settings.VAPID_PRIVATE_KEY), "big"), ec.SECP256R1())
    return to_text(own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def flaw_of_settings() -> str | Promise:
    """Return why this site cannot send Web Push, and what to do; empty where it can."""
    if not all(find_spec(name) for name in PACKAGES):
        return _("Web Push needs packages that are not installed: install requirements/push.lock.")
    if not settings.VAPID_PRIVATE_KEY:
        return _("Web Push needs a key: run “manage.py push_key”, and set VAPID_PRIVATE_KEY to what it says.")
    if not is_key(settings.VAPID_PRIVATE_KEY):
        return _("VAPID_PRIVATE_KEY is no key: run “manage.py push_key”, and set it to what that says.")
    if not SUBJECT.fullmatch(settings.VAPID_SUBJECT):
        return _("Web Push needs VAPID_SUBJECT: whom push services may write to, such as mailto:it@shop.example.")
    return ""


def is_key(text: str) -> bool:
    """Tell whether a text is a private key."""
    try:
        data = to_bytes(text)
        ec.derive_private_key(int.from_bytes(data, "big"), ec.SECP256R1())
    except ValueError:
        return False
    return len(data) == KEY_BYTES
