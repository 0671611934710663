"""What kind of customer a member is as a capability without rows of its own: used where a condition asks for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.badges.state import BADGES
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.profile import PROFILE, Kind, Profile, ProfileState
from loyalty.engine.versions import Versions
from loyalty.memberships.profiles import AGREED, NAMES, profiles_of_customers
from loyalty.points.conditions import OF_PROFILES, Node, leaves
from loyalty.points.state import POINTS

READ = Joined(
    columns=("p.customer_id", *(f"p.{name}" for name in NAMES)),
    joins=f"""LEFT JOIN LATERAL (
        SELECT i.customer_id, {", ".join(f"i.{name}" for name in NAMES)} FROM customers_insight i
        WHERE i.customer_id = m.customer_id AND {AGREED} OFFSET 0
    ) p ON true""",
)
# What was known when an order was decided, under versions that ask for it.
DECIDED = """
SELECT o.customer_id, d.order_id, d.occasion->'segments', (d.occasion->>'value_decile')::int
FROM customers_order o JOIN activity_orderdecision d ON d.order_id = o.id
WHERE d.program_id = %s AND o.customer_id = ANY(%s) AND d.version_id = ANY(%s)
"""


class Profiles(Capability[ProfileState]):
    """The kinds of customers, for programs of which a condition asks for them; all others pay nothing for it."""

    name = PROFILE.name

    def rules_beside(self, version_id: int, others: Mapping[str, Any]) -> bool:
        """Return whether any condition of a version asks what kind of customer a member is."""
        return any(leaf.field in OF_PROFILES for node in _conditions(others) for leaf in leaves(node))

    def is_used(self, rules: bool) -> bool:  # noqa: FBT001 - these are its rules
        return rules

    def begin(self, versions: Versions) -> ProfileState:
        return ProfileState()

    def joined(self, reach: Reach | None) -> Joined | None:
        return READ

    def load(self, scope: Scope) -> Mapping[UUID, ProfileState]:
        rows = scope.joined.get(self.name, {})
        return {key: ProfileState(_kind(rows[key][0])) for key in scope.using(self.name)}


def _kind(row: Sequence[Any]) -> Kind:
    known, *said = row
    return kind_of(Profile(*said)) if known else Kind()


def kind_of(profile: Profile) -> Kind:
    """Return what of a profile conditions may ask."""
    return Kind(profile.segments, profile.value_decile)


def kinds_of(customers: Sequence[UUID]) -> dict[UUID, Kind]:
    """Return of those of some customers who agreed to a profile what conditions may ask."""
    return {key: kind_of(profile) for key, profile in profiles_of_customers(customers).items()}


def _conditions(parts: Mapping[str, Any]) -> Iterable[Node]:
    for rule in parts[POINTS.name].earnings:
        yield rule.condition
    for counter in parts[BADGES.name].counters:
        for goal in counter.goals:
            yield goal.condition


def load_past(versions: Versions, customers: Sequence[UUID]) -> dict[UUID, ProfileState]:
    """
    Return by customer what a past that is simulated knows of it: of decided orders what was known then, else what is now.

    Nothing where no version of a program asks.
    """
    if PROFILE.name not in versions.uses:
        return {}
    asking = [each.version_id for each in versions.versions if each.parts[PROFILE.name]]
    found = {key: ProfileState(kind) for key, kind in kinds_of(customers).items()}
    of_orders: dict[UUID, dict[UUID, Kind]] = {}
    for customer, order, segments, decile in bulk.fetch(DECIDED, [versions.program_id, list(customers), asking]):
        of_orders.setdefault(customer, {})[order] = Kind(frozenset(segments or ()), decile)
    for customer, kinds in of_orders.items():
        found[customer] = replace(found.get(customer, ProfileState()), of_orders=kinds)
    return found
