"""What a member bought and kept, and what else it did, as challenges count it: asked of the facts themselves, as they are now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.activity.decisions import load_decided
from loyalty.activity.history import load_interactions, load_kept_orders
from loyalty.badges.rules import CountedFact
from loyalty.engine.basket import Occasion
from loyalty.engine.versions import Version, Versions


@dataclass(frozen=True, slots=True)
class KnownFact:
    """
    An order, or an interaction, as counters look at it.

    :param version: by which it counts
    :param number: its own
    """

    version: Version
    fact: CountedFact
    number: str


def load_counted_orders(
    order_ids: Sequence[UUID], program_id: int, versions: Versions, wallets: frozenset[int]
) -> Iterator[KnownFact]:
    """
    Yield what is kept of decided orders.

    :param wallets: the main ones of whoever may have been given their points
    """
    decided = load_decided(order_ids, {program_id: versions}) if order_ids else {}
    for placed in load_kept_orders(order_ids, program_id):
        order = decided.get((placed.order_id, program_id))
        version = versions.decided(order.version_id, order.occasion) if order else None
        if order is not None and version is not None:
            at, zone = placed.occurred_at, version.zone
            occasion = replace(order.occasion, at=at, zone=zone)
            points = sum(map(order.kept_in, wallets))
            yield KnownFact(
                version, CountedFact(at, local_date(at, zone), occasion, points, placed.basket), placed.number
            )


def load_counted_interactions(points: Mapping[UUID, int], versions: Versions) -> Iterator[KnownFact]:
    """
    Yield decided interactions.

    :param points: what each gave
    """
    for each in load_interactions(list(points)):
        version, at = versions.at(each.occurred_at), each.occurred_at
        if version is not None:
            occasion, on = Occasion(at, version.zone), local_date(at, version.zone)
            fact = CountedFact(at, on, occasion, points[each.interaction_id], interaction=each.kind)
            yield KnownFact(version, fact, each.number)
