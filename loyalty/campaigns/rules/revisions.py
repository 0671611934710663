"""
What tells whether a campaign, or an offer, was changed since its document was written out, and where. Pure.

A revision is made of a document's content, so whatever changes that, by whatever way, changes it; and what is put back is as if
it had never been gone. It is made part by part (the fields by their names, the steps by their places), so that it says which
parts are others now.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

WHOLE, PART = 16, 4  # characters of the whole, and of each part behind it: of 96 bits, and of 24
PATTERN = rf"^[-a-zA-Z0-9_]{{{WHOLE}}}(\.[-a-zA-Z0-9_]{{{PART}}})+$(?!\n)"
# In this order for good: a revision that was written out is read later.
OF_CAMPAIGN = (
    "campaign", "program", "code", "name", "kind", "priority", "starts_at", "ends_at", "experiment", "message_kind", "ground",
    "uses_profile", "tags", "trigger", "exits", "again_after_days", "at_most_one_active", "late_up_to_days", "on_cap",
)  # fmt: skip
OF_OFFER = (
    "offer", "program", "code", "currency", "name", "rewards", "budget", "at_most", "first_day", "last_day", "name_fr",
    "valid_days", "again_after_days", "slot", "priority", "tiers", "segments", "value_from", "value_to", "categories", "brands",
    "excluded", "instead", "hold_out",
)  # fmt: skip


def revision_of(document: Mapping[str, Any], fields: Sequence[str] = OF_CAMPAIGN) -> str:
    """Return the revision of a document as it is written out, without the revision itself. :param fields: that it may have"""
    own = {name: said for name, said in document.items() if name != "revision"}
    parts = [own.get(name) for name in fields] + list(own.get("steps", []))
    return ".".join([_digest(own, WHOLE), *(_digest(part, PART) for part in parts)])


def changed_since(revision: str, document: Mapping[str, Any], fields: Sequence[str] = OF_CAMPAIGN) -> tuple[str, ...]:
    """
    Return the places in which a document is another one than that of a revision; none where it is the same.

    :param revision: written as in PATTERN
    """
    present = revision_of(document, fields).split(".")
    known = revision.split(".")
    if known[0] == present[0]:
        return ()
    places = [*fields, *(f"steps/{place}" for place in range(max(len(known), len(present)) - 1 - len(fields)))]
    found = [place for at, place in enumerate(places, 1) if _at(known, at) != _at(present, at)]
    return tuple(found) or ("/",)  # two parts of one digest: it is another one all the same


def _at(parts: Sequence[str], place: int) -> str | None:
    return parts[place] if place < len(parts) else None


def _digest(said: Any, length: int) -> str:
    written = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(blake2b(written.encode(), digest_size=length * 3 // 4).digest()).decode()
