"""
What analytics wrote down of members, as SQL.

It counts only for who agreed to offers based on a profile, and has not changed its mind.
"""

from collections.abc import Sequence
from uuid import UUID

from customers.core import bulk
from customers.core.consents import NEWEST_FIRST
from loyalty.engine.profile import LIKELY, LOW, TOP, UNLIKELY, Profile

# Of an insight `i`, in the order of a profile's fields.
NAMES = ("value_decile", "probability_active", "segment", "tags", "life_stage", "at_risk")
COLUMNS = ", ".join(f"i.{name}" for name in NAMES)
AGREED = f"""(
    SELECT granted FROM customers_consent WHERE customer_id = i.customer_id AND purpose = 'profiling'
    ORDER BY {NEWEST_FIRST} LIMIT 1
)"""
# The segments of an insight `i`, as `Profile.segments` has them, with nulls and empty texts between them.
SEGMENTS_OF = f"""(ARRAY[i.segment::text, i.life_stage::text,
    CASE WHEN i.value_decile >= {TOP} THEN 'top_value' WHEN i.value_decile <= {LOW} THEN 'low_value'
        WHEN i.value_decile IS NOT NULL THEN 'middle_value' END,
    CASE WHEN i.probability_active >= {LIKELY} THEN 'active' END,
    CASE WHEN coalesce(i.at_risk, i.probability_active < {UNLIKELY}) THEN 'at_risk' END] || i.tags::text[])"""
OF_MEMBERS = f"""
SELECT m.id, {COLUMNS} FROM memberships_membership m JOIN customers_insight i ON i.customer_id = m.customer_id
WHERE m.id = ANY(%s) AND {AGREED}
"""
OF_CUSTOMERS = f"""
SELECT i.customer_id, {COLUMNS} FROM customers_insight i WHERE i.customer_id = ANY(%s) AND {AGREED}
"""


def profiles_of(memberships: Sequence[UUID]) -> dict[UUID, Profile]:
    """Return what is known of those of some members who agreed to a profile."""
    return {key: Profile(*said) for key, *said in bulk.fetch(OF_MEMBERS, [list(memberships)])} if memberships else {}


def profiles_of_customers(customers: Sequence[UUID]) -> dict[UUID, Profile]:
    """Return what is known of those of some customers who agreed to a profile."""
    return {key: Profile(*said) for key, *said in bulk.fetch(OF_CUSTOMERS, [list(customers)])} if customers else {}
