"""What blurs the difference between variants: persons who are, or live, in two of them, and those who came uninvited."""

from collections.abc import Mapping
from uuid import UUID

from customers.core import bulk
from loyalty.experiments.models import Experiment

# A person whose two records were in different variants before they were merged: the one that stays counts.
MERGED = """
SELECT count(DISTINCT t.customer_id) FROM customers_customer s
JOIN experiments_assignment f ON f.customer_id = s.id AND f.experiment_id = %(experiment)s
JOIN experiments_assignment t ON t.customer_id = s.merged_into_id AND t.experiment_id = %(experiment)s
WHERE s.merged_into_id IS NOT NULL AND f.variant_id <> t.variant_id
"""
# Persons who share points now with somebody in another variant.
SHARED = """
WITH sharing AS (
    SELECT DISTINCT h.household_id, a.customer_id, a.variant_id
    FROM memberships_householdmember h JOIN memberships_membership m ON m.id = h.membership_id
    JOIN experiments_assignment a ON a.customer_id = m.customer_id AND a.experiment_id = %(experiment)s
    JOIN customers_customer c ON c.id = a.customer_id AND c.merged_into_id IS NULL
)
SELECT count(DISTINCT s.customer_id) FROM sharing s
WHERE EXISTS (SELECT 1 FROM sharing o WHERE o.household_id = s.household_id AND o.variant_id <> s.variant_id)
"""
# Who was not to be invited, and joined since all the same: stays in the variant, for that is whom it was to be.
JOINED = """
SELECT count(DISTINCT a.customer_id) FROM experiments_assignment a
JOIN experiments_experiment e ON e.id = a.experiment_id AND e.form = 'not_invited'
JOIN experiments_variant v ON v.id = a.variant_id AND v.is_control
JOIN customers_customer c ON c.id = a.customer_id AND c.merged_into_id IS NULL
JOIN memberships_membership m ON m.customer_id = a.customer_id AND m.enrolled_at >= a.exposed_at
    AND (e.program_id IS NULL OR m.program_id = e.program_id)
WHERE a.experiment_id = %(experiment)s
"""
COUNTS = {"merged_across_variants": MERGED, "household_across_variants": SHARED, "joined_against_assignment": JOINED}


def contamination_of(experiment: Experiment) -> Mapping[str, int]:
    """Return how many persons blur the difference between an experiment's variants, by why."""
    return {why: _count(sql, experiment.pk) for why, sql in COUNTS.items()}


def _count(sql: str, experiment: UUID) -> int:
    ((number,),) = bulk.fetch(sql, {"experiment": experiment})
    return int(number)
