"""How much of each member a batch of facts needs: who is only given something is not read as who is told something late."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.activity.loading import Loaded, is_due
from loyalty.engine.activities import (
    BirthDateTold,
    DecidedOrder,
    Fact,
    GrantTakenBack,
    InteractionReviewed,
    InteractionVerified,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    PointsGranted,
)
from loyalty.engine.member import Member
from loyalty.points.loading.wallets import active_since
from loyalty.points.state import POINTS

# A fact of this very moment needs no look at calendars to be known as in time.
NEARLY_NOW = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Need:
    """
    What a batch asks of its members.

    :param changing: customers of whom something changes that was decided before, or that comes from elsewhere
    :param unknown: customers of whom an order comes back that nobody decided before this batch
    :param lending: members to whom points may go back that they had lent
    :param late: the instants of facts that are not of this moment, by customer
    :param latest: up to when time is carried out, by customer; for others up to `last`
    :param between: customers for whom time passes from one of their facts to the next, and may do what the first one brought
    :param now: when the facts were reported; None where they are a past that is decided in its own time
    """

    locked: Loaded
    changing: frozenset[UUID]
    unknown: frozenset[UUID]
    lending: frozenset[UUID]
    late: Mapping[UUID, Sequence[datetime]]
    latest: Mapping[UUID, datetime]
    between: frozenset[UUID]
    last: datetime
    now: datetime | None

    @classmethod
    def of(  # noqa: PLR0913 - all that is known of a batch before its members are loaded
        cls,
        facts: Sequence[Fact],
        locked: Loaded,
        decided: Mapping[tuple[UUID, int], DecidedOrder],
        lenders: Iterable[UUID],
        *,
        now: datetime,
        in_their_time: bool,
    ) -> "Need":
        """
        Return what facts ask of the members that were locked for them.

        :param decided: how their orders were decided before
        """
        latest: dict[UUID, datetime] = {}
        between: set[UUID] = set()
        late: dict[UUID, list[datetime]] = {}
        for fact in facts:
            if fact.occurred_at < now - NEARLY_NOW:
                late.setdefault(fact.customer_id, []).append(fact.occurred_at)
            instant = min(fact.occurred_at, now) if in_their_time else now
            before = latest.setdefault(fact.customer_id, instant)
            if instant != before:
                between.add(fact.customer_id)
                latest[fact.customer_id] = max(instant, before)
        again = InteractionVerified | InteractionReviewed
        changing = OrderReturned | OrderEvent | again | PointsGranted | GrantTakenBack | BirthDateTold
        known = {order_id for order_id, _ in decided}
        returned = [fact for fact in facts if isinstance(fact, OrderReturned)]
        return cls(
            locked,
            frozenset(fact.customer_id for fact in facts if isinstance(fact, changing) or _is_anew(fact)),
            frozenset(fact.customer_id for fact in returned if fact.order_id not in known),
            frozenset(lenders),
            late,
            latest,
            frozenset(between),
            max(latest.values()) if in_their_time else now,
            None if in_their_time else now,
        )

    def is_passing(self, member: Member) -> bool:
        """Tell whether time passes for a member, or has passed: all is needed that it can change."""
        customer = member.customer_id
        if customer in self.unknown or customer in self.between or self._is_late(member):
            return True
        return is_due(member, self.locked.versions_for(member), self.latest.get(customer, self.last))

    def is_whole(self, member: Member) -> bool:
        """Tell whether more is needed of a member than an order in time needs."""
        is_asked = member.customer_id in self.changing or member.membership_id in self.lending
        return is_asked or self._is_before_what_keeps(member) or self.is_passing(member)

    def _is_before_what_keeps(self, member: Member) -> bool:
        """
        Tell whether a fact of a past is older than what its member keeps points by now: what kept them then is read, too.

        One that is told late as such is of the same day, or late anyhow: ends are at midnights.
        """
        if self.now is not None:
            return False
        since = active_since(self.locked.joined.get(POINTS.name, {}).get(member.membership_id, ()))
        return since is not None and any(instant < since for instant in self.late.get(member.customer_id, ()))

    def _is_late(self, member: Member) -> bool:
        """Tell whether a midnight or the start of a version lies between one of a member's facts and its report."""
        told = member.latest(self.now) if self.now else member.advanced_until
        if told is None:
            return False
        versions = self.locked.versions_for(member)
        version = versions.at(told)
        for instant in self.late.get(member.customer_id, ()):
            starts = versions.start_after(instant)
            if starts is not None and starts <= told:
                return True
            if version and local_date(instant, version.zone) < local_date(told, version.zone):
                return True
        return False


def _is_anew(fact: Fact) -> bool:
    """Tell an order that may have been its member's before: what it gave then is looked at."""
    return isinstance(fact, OrderPlaced) and fact.may_be_anew
