"""Browsers that take push messages: with a key pair of their own, by which alone what they are sent is read."""

import json
import os
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loyalty.campaigns.transports.push_keys import to_text

SERVICE = "https://push.test/"


class Browser:
    """A browser that has subscribed."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.private, self.secret = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)

    @property
    def keys(self) -> dict[str, str]:
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": to_text(point), "auth": to_text(self.secret)}

    @property
    def subscription(self) -> dict[str, str]:
        """What it tells the API."""
        return {"kind": "web", "endpoint": self.endpoint, **self.keys}

    def reads(self, body: bytes) -> Any:
        return json.loads(http_ece.decrypt(body, private_key=self.private, auth_secret=self.secret))
