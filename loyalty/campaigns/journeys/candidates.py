"""Who may enter a campaign, as whatever finds them says it, and of which audience."""

from datetime import date
from uuid import UUID

from customers.core.values import dataclass

# Whether a customer is of the segments and tiers that a trigger names; of none it takes all.
OF_AUDIENCE = """(cardinality({segments}) = 0 OR EXISTS (
        SELECT 1 FROM customers_insight i WHERE i.customer_id = {customer}
            AND (i.segment = ANY({segments}) OR i.life_stage = ANY({segments}) OR i.tags && ({segments})::varchar[])))
    AND (cardinality({tiers}) = 0 OR EXISTS (
        SELECT 1 FROM memberships_membership p
        JOIN tiers_standing s ON s.membership_id = p.id JOIN tiers_tier t ON t.id = s.tier_id
        WHERE p.customer_id = {customer} AND p.program_id = %(program)s AND t.code = ANY({tiers})))"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A customer who may enter, because of one fact.

    :param occurrence: the fact, such as birthday:2026
    :param about: the day that it is all about; None where it is about none
    """

    customer_id: UUID
    occurrence: str
    about: date | None
