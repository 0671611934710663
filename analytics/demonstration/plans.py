"""The demo's members with a paid plan: who joins, changes, cancels and cannot pay, the same each time."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from customers.core.calendar import add_months, local_date, midnight
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.activity.backlog import CaughtUp, catch_up
from loyalty.memberships.models import Membership
from loyalty.plans.account.collecting import carry_out_refunds, collect_due
from loyalty.plans.account.joining import cancel, change, join, use_method
from loyalty.plans.models import PaidPlan, Subscription
from loyalty.plans.providers.tryout import TryoutProvider
from loyalty.programs.models import Program

PROVIDER = TryoutProvider("demo")
NOON = timedelta(hours=12)
# Of the members in the order of their enrolment: every tenth takes a plan, some of them the larger one.
EVERY, LARGER = 10, 4


@dataclass(frozen=True, slots=True)
class Lived:
    """
    What a past came to.

    :param seconds: that deciding its facts took, with its nights; what members did besides is not in them
    """

    caught: CaughtUp
    seconds: float


def live(
    club: Program,
    *,
    start: datetime,
    now: datetime,
    on_progress: Callable[[CaughtUp], None] = lambda _: None,
    besides: Callable[[int, datetime], None] = lambda _half_month, _now: None,
) -> Lived | None:
    """
    Decide a past by half months, and let members have plans meanwhile; once there are plans, only what is new.

    :param start: when the program began
    :param besides: what members do besides, told how many half months there were before, and now
    :returns: None when another process is at work
    """
    done = Lived(CaughtUp(), 0.0)
    for place, instant in enumerate(_half_months(club, start, now) if _is_to_begin(club) else ()):
        lived = _decide(club.retailer, done, instant, on_progress)
        if lived is None:
            return None
        done = lived
        _collect(club.retailer, instant)
        if place % 2 == 0:
            _act(club, place // 2, instant)
            _collect(club.retailer, instant)
        besides(place, instant)
    return _decide(club.retailer, done, now, on_progress)


def _decide(retailer: Retailer, done: Lived, until: datetime, on_progress: Callable[[CaughtUp], None]) -> Lived | None:
    """Decide what has occurred until an instant; None when another process is at work."""
    began = time.monotonic()
    caught = catch_up(retailer, now=until, on_progress=_after(done.caught, on_progress))
    if caught is None:
        return None
    return Lived(_sum(done.caught, caught), done.seconds + time.monotonic() - began)


def _is_to_begin(club: Program) -> bool:
    """Tell whether a program offers plans that nobody has had yet."""
    has_plans = PaidPlan.objects.filter(version__program=club).exists()
    return has_plans and not Subscription.objects.filter(program=club).exists()


def _after(done: CaughtUp, on_progress: Callable[[CaughtUp], None]) -> Callable[[CaughtUp], None]:
    """Return who is told of progress after what was done before."""
    return lambda so_far: on_progress(_sum(done, so_far))


def _sum(first: CaughtUp, second: CaughtUp) -> CaughtUp:
    names: Any = CaughtUp.__dataclass_fields__
    return CaughtUp(**{name: getattr(first, name) + getattr(second, name) for name in names})


def _half_months(club: Program, start: datetime, now: datetime) -> Iterator[datetime]:
    """Yield the noons of each month's first day and of its 16th between two instants: fees are due on the day before at most."""
    first = add_months(local_date(start, club.tzinfo).replace(day=1), 1)
    while True:
        for day in (first, first.replace(day=16)):
            instant = midnight(day, club.tzinfo) + NOON
            if instant >= now:
                return
            yield instant
        first = add_months(first, 1)


def _act(club: Program, month: int, now: datetime) -> None:
    """Let members do what they do in a month."""
    members = Membership.objects.filter(program=club).order_by("customer_id")
    takers = list(members.select_related("program"))[::EVERY]
    for place, member in enumerate(takers):
        if member.enrolled_at > now or member.left_at is not None:
            continue
        plan = Subscription.objects.filter(membership=member).select_related("plan").order_by("-pk").first()
        if plan is None:
            if month % 3 == place % 3:
                join(member, "max" if place % LARGER == 1 else "plus", method="pays", now=now)
        elif plan.ended_at is None and plan.key is not None:
            _go_on(plan, place, month, now)


def _go_on(plan: Subscription, place: int, month: int, now: datetime) -> None:
    member = plan.membership
    match (place % 5, month):
        case (0, 5) if plan.plan.code != "max":
            change(member, "max", now=now)
        case (2, 7):
            cancel(member, now=now)
        case (3, 8):
            use_method(member, "declines", now=now)
        case _:
            pass


def _collect(retailer: Retailer, now: datetime) -> None:
    collect_due(retailer, now=now, choose=lambda _: PROVIDER)
    carry_out_refunds(retailer, now=now, choose=lambda _: PROVIDER)
