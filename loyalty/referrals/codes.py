"""Members' own codes: drawn once, read aloud without mistakes, found however they are typed."""

import secrets
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.memberships.models import Membership
from loyalty.referrals.models import ReferralCode
from loyalty.referrals.rules import plain

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is taken for something else
LENGTH = (
    8  # 30^8: a hundred guesses a second find one of a million members' codes every two hours, and none that they want
)
TRIES = 5
FIND = """
SELECT c.code, coalesce(m.merged_into_id, m.id) FROM referrals_referralcode c
JOIN memberships_membership m ON m.id = c.membership_id
WHERE c.program_id = %s AND c.code = ANY(%s)
"""


def may_be_code(text: str) -> bool:
    """Tell whether a text may be a code of somebody."""
    code = plain(text)
    return len(code) == LENGTH and all(character in ALPHABET for character in code)


def code_of(membership: Membership, *, now: datetime) -> str:
    """Return a member's own code; it is drawn where the member has none yet."""
    for _ in range(TRIES):
        known = ReferralCode.objects.filter(membership=membership).first()
        if known is not None:
            return known.code
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        row = (membership.pk, membership.retailer_id, membership.program_id, code, now)
        columns = ("membership_id", "retailer_id", "program_id", "code", "drawn_at")
        bulk.insert(ReferralCode, columns, [row], suffix="ON CONFLICT DO NOTHING")  # taken, or drawn at this moment
    return ReferralCode.objects.get(membership=membership).code


def find_referrers(program_id: int, codes: list[str]) -> dict[str, UUID]:
    """Return the memberships to which some codes of a program lead."""
    return dict(bulk.fetch(FIND, [program_id, codes])) if codes else {}
