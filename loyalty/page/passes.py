"""
The card for a phone's wallet: a .pkpass file.

Its form is Apple's (https://developer.apple.com/documentation/walletpasses): a ZIP of `pass.json` and pictures, a manifest of
their SHA-1 sums, and a detached PKCS #7 signature of the manifest. Apple's wallet takes signed ones only; others take both.
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from customers.core.values import dataclass
from loyalty.page.colours import rgb

CONTENT_TYPE = "application/vnd.apple.pkpass"
ICONS = {"icon.png": 29, "icon@2x.png": 58, "icon@3x.png": 87}
UNSIGNED = "pass.unsigned"


@dataclass(frozen=True, slots=True)
class Card:
    """
    What stands on a card.

    :param serial: which card it is: a later file with the same serial replaces it
    :param balance: of the wallet that every program has, as the reader writes numbers
    :param tier: its name; empty for none
    """

    retailer: str
    program: str
    serial: str
    number: str
    name: str
    balance: str
    tier: str
    ground: str
    ink: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs a retailer's passes: identifiers, certificate and key as Apple gives them."""

    type_id: str
    team_id: str
    certificate: x509.Certificate
    key: Any
    intermediate: x509.Certificate


def signer_of(slug: str) -> Signer | None:
    """
    Return who signs the passes of a retailer; None where nobody does.

    :raises ImproperlyConfigured: when WALLET_PASSES names files that are no certificate or key
    """
    account = settings.WALLET_PASSES.get(slug)
    return _read(tuple(sorted(account.items()))) if account else None


@lru_cache(maxsize=64)
def _read(account: tuple[tuple[str, str], ...]) -> Signer:
    said = dict(account)
    try:
        key = serialization.load_pem_private_key(
            Path(said["key"]).read_bytes(), said.get("password", "").encode() or None
        )
        certificate, intermediate = (
            x509.load_pem_x509_certificate(Path(said[name]).read_bytes()) for name in ("certificate", "intermediate")
        )
        return Signer(said["type"], said["team"], certificate, key, intermediate)
    except (KeyError, OSError, ValueError, TypeError) as error:
        message = f"WALLET_PASSES: needs type, team, certificate, key and intermediate (PEM files): {error!r}"
        raise ImproperlyConfigured(message) from error


def pkpass(card: Card, signer: Signer | None) -> bytes:
    """Return a card as a .pkpass file, signed where there is a signer."""
    said = json.dumps(_pass(card, signer), ensure_ascii=False).encode()
    files = {"pass.json": said} | {name: _icon(card.ground, size) for name, size in ICONS.items()}
    manifest = json.dumps({name: _sum(content) for name, content in files.items()}).encode()
    files["manifest.json"] = manifest
    if signer is not None:
        files["signature"] = _signature(manifest, signer)
    return _zipped(files)


def _pass(card: Card, signer: Signer | None) -> dict[str, Any]:
    tier = [{"key": "tier", "label": _("Tier"), "value": card.tier}] if card.tier else []
    return {
        "formatVersion": 1,
        "passTypeIdentifier": signer.type_id if signer else UNSIGNED,
        "teamIdentifier": signer.team_id if signer else UNSIGNED,
        "serialNumber": card.serial,
        "organizationName": card.retailer,
        "description": card.program,
        "logoText": card.retailer,
        "backgroundColor": rgb(card.ground),
        "foregroundColor": rgb(card.ink),
        "labelColor": rgb(card.ink),
        "storeCard": {
            "primaryFields": [{"key": "balance", "label": _("Points"), "value": card.balance}],
            "secondaryFields": [{"key": "name", "label": _("Member"), "value": card.name}, *tier],
            "backFields": [{"key": "number", "label": _("Member number"), "value": card.number}],
        },
        "barcodes": [
            {"format": "PKBarcodeFormatQR", "message": card.number, "messageEncoding": "utf-8", "altText": card.number}
        ],
    }


def _sum(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()  # the form's own


def _signature(manifest: bytes, signer: Signer) -> bytes:
    signed = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
    signed = signed.add_signer(signer.certificate, signer.key, hashes.SHA256()).add_certificate(signer.intermediate)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    return signed.sign(serialization.Encoding.DER, options)


def _zipped(files: Mapping[str, bytes]) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return found.getvalue()


@lru_cache(maxsize=256)
def _icon(colour: str, size: int) -> bytes:
    """Return a square of a colour as PNG, which a pass must have."""
    row = b"\0" + bytes.fromhex(colour[1:]) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * size)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
