"""Where a member stands and how far the next tier is: reads only."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from customers.core.calendar import local_date
from loyalty.activity.rulesets import timelines
from loyalty.memberships.models import Membership
from loyalty.points.ledger import MAIN
from loyalty.tiers.models import QualifyingDay, Standing, Tier
from loyalty.tiers.rules import NOTHING, Day, qualifying, window_start


@dataclass(frozen=True, slots=True)
class Progress:
    """
    A member's tier and the way to the next one.

    :param qualifying: money or points that count today, as `basis` says
    :param window_from: the first day that counts today
    :param to_next: what is missing; None on the highest step
    """

    basis: str
    current: Tier | None
    since: datetime | None
    qualifying: Decimal
    window_from: date | None
    next: Tier | None
    to_next: Decimal | None


def progress(membership: Membership, *, at: datetime) -> Progress:
    """Return a member's progress under the version in force at an instant."""
    standing = Standing.objects.select_related("tier").get(pk=membership.pk)
    ruleset = timelines([membership.program_id])[membership.program_id].at(at)
    if ruleset is None:
        return Progress("spend", standing.tier, standing.since, NOTHING, None, None, None)
    today = local_date(at, ruleset.zone)
    first = window_start(ruleset.ladder, today)
    counted_wallet = ruleset.ladder.wallet if ruleset.ladder.basis == "points" else MAIN
    rows = QualifyingDay.objects.filter(wallet__membership=membership, wallet__code=counted_wallet, on_date__gte=first)
    days = [Day(*row) for row in rows.values_list("on_date", "spend", "points")]
    counted = qualifying(ruleset.ladder, days, on=today)
    step = ruleset.ladder.next_above(standing.tier.code if standing.tier else None)
    return Progress(
        basis=ruleset.ladder.basis,
        current=standing.tier,
        since=standing.since,
        qualifying=counted,
        window_from=first,
        next=Tier.objects.get(pk=step.id) if step else None,
        to_next=max(step.threshold - counted, NOTHING) if step else None,
    )
