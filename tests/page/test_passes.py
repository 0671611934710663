"""Cards for phones' wallets."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured

from loyalty.page.passes import Card, pkpass, signer_of

CARD = Card("Shop", "Club", "1", "4000000000000002", "Ada", "620", "Silver", "#245149", "#ffffff")
SAID = {"type": "pass.com.example.card", "team": "A1B2C3D4E5"}


@pytest.fixture
def account(tmp_path: Path) -> dict[str, str]:
    """Certificate and key as a retailer has them, of our own making."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pass")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    files = {"certificate": certificate, "intermediate": certificate}
    files["key"] = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for part, content in files.items():
        (tmp_path / part).write_bytes(content)
    return SAID | {part: str(tmp_path / part) for part in files}


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_card_tells_the_member_its_points_and_its_number() -> None:
    files = files_of(pkpass(CARD, None))

    said = json.loads(files["pass.json"])
    assert said["barcodes"][0]["message"] == "4000000000000002"
    assert said["storeCard"]["primaryFields"][0]["value"] == "620"
    assert said["backgroundColor"] == "rgb(36, 81, 73)"
    assert "signature" not in files


def test_the_manifest_names_the_sum_of_every_file() -> None:
    files = files_of(pkpass(CARD, None))

    sums = json.loads(files.pop("manifest.json"))
    assert sums == {name: sha1(content, usedforsecurity=False).hexdigest() for name, content in files.items()}


def test_with_a_certificate_the_manifest_is_signed(account: dict[str, str], settings: Any) -> None:
    settings.WALLET_PASSES = {"shop": account}
    signer = signer_of("shop")

    files = files_of(pkpass(CARD, signer))

    assert json.loads(files["pass.json"])["passTypeIdentifier"] == "pass.com.example.card"
    assert signer is not None
    assert signer.certificate in pkcs7.load_der_pkcs7_certificates(files["signature"])
    assert signer_of("other") is None


def test_an_account_that_is_not_complete_is_told(account: dict[str, str], settings: Any) -> None:
    settings.WALLET_PASSES = {"shop": account | {"key": "/nowhere.pem"}}

    with pytest.raises(ImproperlyConfigured, match="WALLET_PASSES"):
        signer_of("shop")
