"""
The demo's second retailer: drawn, so that what membership does to spending is known, and what a measurement says can be judged.

Its customers buy as `analytics.uplift.simulation` draws them; everything is recorded, assigned, enrolled, decided and measured
by the verbs that any retailer uses. From the day on which enrolment opened, four in ten are not invited: a hold-out that runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from django.utils.translation import gettext_lazy as _

from analytics.demonstration import simulated_holdout, simulated_records
from analytics.uplift.panel import Panel
from analytics.uplift.simulation.designs import CHECKOUT
from analytics.uplift.simulation.holding_out import Holdout
from analytics.uplift.simulation.shopping import MONTH
from analytics.uplift.simulation.simulating import simulate
from analytics.uplift_runs.running import latest_run, measure_uplift
from customers.core.errors import DomainError, Kind
from customers.models import Customer, Order, Retailer
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.backlog import catch_up
from loyalty.configuration.drafts import create_program, publish
from loyalty.points.models import EarningRule
from loyalty.programs.models import Program
from loyalty.tiers.models import Tier

SLUG = "simulated"
NAME = "Simulated, true effect known / Simulé, effet vrai connu"  # in both languages: it stands on every page
WORDING = "I join the Simulated Club and agree that my purchases are kept to count points and tiers."
CUSTOMERS = {"tiny": 200, "small": 2_400, "full": 4_800}
TIERS = (("bronze", "Bronze", "Bronze", 0), ("silver", "Silver", "Argent", 500), ("gold", "Gold", "Or", 1_000))
EFFECT = 0.2
MONTHS, SEED = 26, 20_260_101  # two whole years and what is left of their first and last month: a season can be told
DESIGN = replace(
    CHECKOUT, code="demo", joining=0.7, opens=9, advertising=-0.1, orders=1.0, evenness=3.0, season=0.15, wobble=0.1
)
EPOCH, DAY, BATCH = date(1970, 1, 1), 86_400, 2_000


class DrawnOtherwise(DomainError):
    code = "drawn_otherwise"
    kind = Kind.CONFLICT
    message = _(
        "The simulated retailer in this database was drawn by another release, and cannot be gone on with. Empty the database "
        "(make clean), and load the demo again."
    )


@dataclass(frozen=True)
class Loaded:
    """What was loaded: of whom, by which orders, how many of them are members, and how many were not to be invited."""

    retailer: Retailer
    customers: int
    orders: int
    members: int
    held_out: int


def load(size: str, *, now: datetime, on_progress: Callable[[int, int], None] = lambda _done, _of: None) -> Loaded:
    """
    Record a simulated retailer's past up to yesterday with its hold-out, and measure it; again changes nothing.

    Who is held out is told by the ids that customers got, so that it is others in another database.

    :param size: how many customers; those who are there stay, whatever is asked for later
    :param on_progress: is told how many of all orders are recorded
    """
    retailer = _retailer()
    customers = Customer.objects.filter(retailer=retailer).count() or CUSTOMERS[size]
    invited = draw(customers, first=_first_day(retailer, customers, now))
    opens = _instant((invited.first + int(DESIGN.opens * MONTH)) * DAY)
    club = _program(retailer, effective_from=opens, now=now)
    if not Customer.objects.filter(retailer=retailer).exists():
        simulated_records.register_all(retailer, invited, now=now)
    simulated_records.record(retailer, invited, until=opens, now=now)  # the same whoever is held out
    held_out = simulated_holdout.held_out(club, customers, starts_at=opens)
    panel = draw(customers, first=invited.first, held_out=held_out)
    simulated_records.record(retailer, panel, since=opens, now=now, on_progress=on_progress)
    members = _enrol(club, panel, now)
    catch_up(retailer, now=now)
    _measure(club, now)
    return Loaded(retailer, customers, len(panel.orders), members, int(np.count_nonzero(held_out)))


def draw(customers: int, *, first: int, held_out: np.ndarray | None = None) -> Panel:
    """Return the retailer's past, the same each time but for the day on which it begins and who is held out."""
    holdout = None if held_out is None else Holdout(simulated_holdout.SHARE, drawn=held_out)
    return simulate(
        DESIGN, customers=customers, months=MONTHS, effect=EFFECT, seed=SEED, first=first, holdout=holdout
    ).panel


def _retailer() -> Retailer:
    wanted = {"name": NAME, "currency": "EUR", "zone": "UTC", "language": Retailer.Language.ENGLISH}
    return Retailer.objects.get_or_create(slug=SLUG, defaults=wanted)[0]


def _first_day(retailer: Retailer, customers: int, now: datetime) -> int:
    """
    Return the day on which the past begins: so that it ends yesterday, or as the first run had it.

    :raises DrawnOtherwise: where what is there is another past than is drawn now
    """
    from_zero = draw(customers, first=0)
    known = Order.objects.filter(retailer=retailer, number=simulated_records.number_of(0)).first()
    if known is None:
        return (now.astimezone(UTC).date() - EPOCH).days - 1 - from_zero.cut
    if known.net_amount != Decimal(f"{from_zero.orders.value[np.argmin(from_zero.orders.seconds)]:.2f}"):
        raise DrawnOtherwise
    return (known.local_date - EPOCH).days - int(from_zero.orders.day.min())


def _program(retailer: Retailer, *, effective_from: datetime, now: datetime) -> Program:
    """Return the program, in force since enrolment opened, creating it the first time."""
    found = Program.objects.filter(retailer=retailer, slug="simulated-club").first()
    if found is not None:
        return found
    draft = create_program(retailer, slug="simulated-club", name="Simulated Club")
    EarningRule.objects.create(
        version=draft, code="base", name="1 point per euro", name_fr="1 point par euro", kind="per_amount",
        points=Decimal(1), uses_multiplier=True,
    )  # fmt: skip
    for rank, (code, name, name_fr, threshold) in enumerate(TIERS):
        Tier.objects.create(version=draft, code=code, name=name, name_fr=name_fr, rank=rank, threshold=threshold)
    publish(draft, effective_from=effective_from, now=now)
    return draft.program


def _enrol(club: Program, panel: Panel, now: datetime) -> int:
    """Enrol who joined, each at the instant at which it did; return how many are members."""
    ids = simulated_records.ids_of(club.retailer)
    joined = panel.customers.seconds
    members = [(ids[place], _instant(joined[place])) for place in np.flatnonzero(~np.isnan(joined)).tolist()]
    for start in range(0, len(members), BATCH):
        enrol(club, members[start : start + BATCH], source="till", wording=WORDING, now=now)
    return len(members)


def _measure(club: Program, now: datetime) -> None:
    """Measure what membership does, from the orders and by the hold-out, unless that was done."""
    if latest_run(club) is None:
        measure_uplift(club, now=now, author="demo")
    simulated_holdout.look_once(club, now=now)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
