"""Codes as they are written, sealed and found: readable for people, at rest for nobody."""

import hashlib
import hmac
import os
import secrets
import unicodedata
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

# Crockford's base 32: no I, L, O and U, which people take for others, or read as words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1"})
IGNORED = str.maketrans("", "", " -_\u00a0\u2010\u2011\u2012\u2013\u2014")
BASE = len(ALPHABET)
DATA = 17  # of five bits each: 85 bits that nobody guesses
LENGTH = DATA + 1
GROUP = 6
DIGEST, NONCE, MARK = 16, 12, 4
MAX_CODE = 100
VALUES = {character: value for value, character in enumerate(ALPHABET)}


def new_code() -> str:
    """Return a new code with its check character, in groups as people read it."""
    return grouped(checked("".join(secrets.choice(ALPHABET) for _ in range(DATA))))


def checked(data: str) -> str:
    """Return data with the character behind it that tells any one wrong character, and most swaps (Luhn, modulo 32)."""
    return data + ALPHABET[-_sum(data, factor=2) % BASE]


def is_ours(text: str) -> bool:
    """Tell whether a text may be a code that was generated here: it is as long, and its check character is right."""
    plain = bare(text)
    return len(plain) == LENGTH and all(character in VALUES for character in plain) and not _sum(plain, factor=1) % BASE


def has_typing_error(text: str) -> bool:
    """Tell whether a text looks like a code that was generated here, but for its check character."""
    plain = bare(text)
    return len(plain) == LENGTH and all(character in VALUES for character in plain) and not is_ours(text)


def _sum(text: str, *, factor: int) -> int:
    total = 0
    for character in reversed(text):
        added = VALUES[character] * factor
        total += added // BASE + added % BASE
        factor = 3 - factor
    return total


def grouped(code: str) -> str:
    """Return a code in groups of six."""
    return "-".join(code[place : place + GROUP] for place in range(0, len(code), GROUP))


def plain_of(text: str) -> str:
    """Return a code without what people put between its characters, in capitals."""
    return text.translate(IGNORED).upper()


def alike(text: str) -> str:
    """Return a code with each character that is taken for another one as that one."""
    return plain_of(text).translate(ALIKE)


def bare(text: str) -> str:
    """Return a code as it was generated: letters and digits alone, whatever a mail, a keyboard or a scanner made of it."""
    return "".join(filter(str.isalnum, alike(unicodedata.normalize("NFKC", text))))


def _secrets() -> list[str]:
    """Return the secrets from which keys are made: the first seals, all of them open and find."""
    return list(settings.CODE_KEYS) or [settings.SECRET_KEY]


@lru_cache(maxsize=8)
def _keys_of(secret: str) -> tuple[bytes, bytes]:
    """Return the keys by which codes are found and sealed."""
    return (
        hmac.digest(secret.encode(), b"loyalty.rewards: codes are found", "sha256"),
        hmac.digest(secret.encode(), b"loyalty.rewards: codes are sealed", "sha256"),
    )


def digests_of(retailer_id: int, text: str) -> list[bytes]:
    """Return by what a code may be found that somebody typed: as it is in a pool, or as it was generated."""
    forms = dict.fromkeys((plain_of(text), alike(text), bare(text)))
    return [digest_of(retailer_id, form, secret) for secret in _secrets() for form in forms]


def older_digests_of(retailer_id: int, plain: str) -> bytes:
    """Return, one behind the other, by what a code may be known that was imported before the present key sealed."""
    return b"".join(digest_of(retailer_id, plain, secret) for secret in _secrets()[1:])


def digest_of(retailer_id: int, plain: str, secret: str | None = None) -> bytes:
    """Return the keyed hash by which a code is found: without the key it says nothing of the code."""
    finding, _ = _keys_of(secret or _secrets()[0])
    return hmac.digest(finding, b"%d:%s" % (retailer_id, plain.encode()), "sha256")[:DIGEST]


def seal(code: str, digest: bytes) -> bytes:
    """Return a code that only the key opens, and only beside its digest."""
    _, sealing = _keys_of(_secrets()[0])
    nonce = os.urandom(NONCE)
    return _mark(sealing) + nonce + _cipher(sealing).encrypt(nonce, code.encode(), digest)


def unseal(sealed: bytes, digest: bytes) -> str:
    """
    Return a sealed code.

    :raises InvalidTag: when none of the keys opens it, or it was changed
    """
    mark, nonce, rest = sealed[:MARK], sealed[MARK : MARK + NONCE], sealed[MARK + NONCE :]
    for secret in _secrets():
        _, sealing = _keys_of(secret)
        if _mark(sealing) == mark:
            return _cipher(sealing).decrypt(nonce, rest, digest).decode()
    raise InvalidTag


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=8)
def _mark(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:MARK]


def token_of(hold_id: str) -> str:
    """Return what a till shows to end its hold: the hold's id, and a proof that it was given it."""
    finding, _ = _keys_of(_secrets()[0])
    return f"{hold_id}.{_proof(finding, hold_id)}"


def hold_of(token: str) -> str | None:
    """Return the id of the hold that a token was given for; None for a text that is no token."""
    hold_id, _, proof = token.partition(".")
    for secret in _secrets():
        if hmac.compare_digest(_proof(_keys_of(secret)[0], hold_id).encode(), proof.encode()):
            return hold_id
    return None


def _proof(key: bytes, hold_id: str) -> str:
    return hmac.digest(key, b"hold:" + hold_id.encode(), "sha256").hex()[:32]
