"""In which variants of its program's experiments a member is: read with the member, where any experiment divides it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.arms import ARMS, NO_ARMS, ForArms, arm
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.versions import Versions

READ = Joined(
    columns=(
        """(SELECT array_agg(e.code || ':' || v.code) FROM experiments_assignment a
            JOIN experiments_experiment e ON e.id = a.experiment_id JOIN experiments_variant v ON v.id = a.variant_id
            WHERE a.customer_id = m.customer_id)""",
    ),
    joins="",
)
OF_CUSTOMERS = """
SELECT a.customer_id, array_agg(e.code || ':' || v.code) FROM experiments_assignment a
JOIN experiments_experiment e ON e.id = a.experiment_id JOIN experiments_variant v ON v.id = a.variant_id
WHERE a.customer_id = ANY(%s) GROUP BY a.customer_id
"""
OF_MEMBERSHIP = """
SELECT e.code || ':' || v.code FROM memberships_membership m JOIN experiments_assignment a ON a.customer_id = m.customer_id
JOIN experiments_experiment e ON e.id = a.experiment_id JOIN experiments_variant v ON v.id = a.variant_id
WHERE m.id = %s
"""
OF_ARMS = """
SELECT m.id FROM memberships_membership m JOIN experiments_assignment a ON a.customer_id = m.customer_id
JOIN experiments_experiment e ON e.id = a.experiment_id JOIN experiments_variant v ON v.id = a.variant_id
WHERE m.id = ANY(%s) AND e.code || ':' || v.code = ANY(%s)
"""


# Of the member that a column names, in one of the arms that a parameter names.
IN_ONE = """EXISTS (SELECT 1 FROM memberships_membership im JOIN experiments_assignment ia ON ia.customer_id = im.customer_id
    JOIN experiments_experiment ie ON ie.id = ia.experiment_id JOIN experiments_variant iv ON iv.id = ia.variant_id
    WHERE im.id = {membership} AND ie.code || ':' || iv.code = ANY(%({arms})s))"""


class Arms(Capability[frozenset[str]]):
    """Members' arms: `Versions.among` says where they are needed, so that no other program pays for them."""

    name = ARMS.name

    def rules(self, version_id: int) -> None:
        return None

    def is_used(self, rules: Any) -> bool:
        return False

    def begin(self, versions: Versions) -> frozenset[str]:
        return NO_ARMS

    def joined(self, reach: Reach | None) -> Joined | None:
        return READ

    def load(self, scope: Scope) -> Mapping[UUID, frozenset[str]]:
        rows = scope.joined.get(self.name, {})
        return {key: frozenset(rows[key][0][0] or ()) for key in scope.using(self.name)}


def load_arms(versions: Versions, customers: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
    """Return the arms of some customers, for a past that is simulated; nothing is asked where a program has no experiments."""
    if not versions.experiments:
        return {}
    return {customer: frozenset(arms) for customer, arms in bulk.fetch(OF_CUSTOMERS, [list(customers)])}


def arms_of_membership(versions: Versions, membership_id: UUID) -> frozenset[str]:
    """Return a member's arms; nothing is asked where no experiment divides its program."""
    rows = bulk.fetch(OF_MEMBERSHIP, [membership_id]) if versions.trials else []
    return frozenset(found for (found,) in rows)


def withheld_among(versions: Versions, memberships: Callable[[], Collection[UUID]], *, at: datetime) -> frozenset[UUID]:
    """
    Return which of some members are to get nothing extra at an instant.

    :param memberships: their ids, asked for only where an experiment withholds
    """
    arms = withheld_arms(versions, at=at)
    return _in_any(arms, memberships()) if arms else frozenset()


def withheld_arms(versions: Versions, *, at: datetime) -> list[str]:
    """Return the arms whose members are to get nothing extra at an instant."""
    return [arm(trial.code, trial.withheld) for trial in versions.trials if trial.withheld and trial.runs_at(at)]


def named_arms(arms: ForArms) -> list[str]:
    """Return the arms that a part of a version names."""
    return [arm(arms.experiment, variant) for variant in sorted(arms.variants)]


def _in_any(arms: Sequence[str], memberships: Collection[UUID]) -> frozenset[UUID]:
    return frozenset(key for (key,) in bulk.fetch(OF_ARMS, [list(memberships), list(arms)]))
