"""
The demo's third retailer: drawn, so that what a leaflet does is known, and what one costs who came because of it can be judged.

A leaflet goes to half of the addresses of a new quarter, by chance. Nobody of them had bought; so many come without it, and so
many more with it. What it cost is entered as media costs, by the verbs that any retailer uses.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from analytics.demonstration.halving import AUTHOR, Halves, start_halves
from analytics.experiments.looking import latest, look
from analytics.models import MediaCost
from customers.facts import OrderFact, line_of
from customers.models import Customer, Retailer
from customers.recording import record_orders
from customers.registration import CustomerFact, register
from loyalty.configuration.drafts import create_program, publish
from loyalty.experiments.models import Assignment, Experiment
from loyalty.experiments.running import end_due
from loyalty.points.models import EarningRule
from loyalty.programs.models import Program

SLUG = "simulated-leaflet"
NAME = "Simulated leaflet, true effect known / Prospectus simulé, effet vrai connu"  # in both languages, as the other one's
CODE, EXPERIMENT = "leaflet", "A leaflet to new addresses"
ADDRESSES = 1_200
COMES, COMES_MORE = 0.10, 0.15  # the share that comes within the window without it, and so much more with it
COSTS = {"leaflet": Decimal("0.40"), "postage": Decimal("0.85")}  # for each address that gets one
MARGIN_RATE = Decimal("0.30")
WINDOW_DAYS, DAYS_AGO, SEED = 56, 150, 20_260_102
HALVES = Halves(
    CODE,
    EXPERIMENT,
    "no-leaflet",
    "leaflet",
    WINDOW_DAYS,
    WINDOW_DAYS,
    "A leaflet as large as the printer's smallest edition.",
)
CUSTOMER, NUMBER = "q{:05}", "Q-{:05}"


def load(*, now: datetime) -> Retailer:
    """Record a retailer whose leaflet went out by chance and has been looked at; again changes nothing."""
    retailer, _is_new = Retailer.objects.get_or_create(slug=SLUG, defaults={
        "name": NAME, "currency": "EUR", "zone": "UTC", "language": Retailer.Language.ENGLISH, "margin_rate": MARGIN_RATE,
    })  # fmt: skip
    sent_at = now - timedelta(days=DAYS_AGO)
    club = _program(retailer, sent_at)
    if not Customer.objects.filter(retailer=retailer).exists():
        facts = [CustomerFact(CUSTOMER.format(place), identified_at=sent_at) for place in range(ADDRESSES)]
        register(retailer, facts, now=sent_at)
    known = Experiment.objects.filter(retailer=retailer, code=CODE).first()
    experiment = known or start_halves(club, HALVES, now=sent_at)
    end_due(retailer, now=now)
    if latest(experiment) is None:
        record_orders(retailer, list(_orders(experiment)), now=now, are_decided=True)
        _enter_costs(experiment)
        look(Experiment.objects.select_related("retailer", "program").get(pk=experiment.pk), author=AUTHOR, now=now)
    return retailer


def _program(retailer: Retailer, effective_from: datetime) -> Program:
    """Return the program that those who come may join, creating it the first time; nobody has yet."""
    found = Program.objects.filter(retailer=retailer).first()
    if found is not None:
        return found
    draft = create_program(retailer, slug="leaflet-club", name="Leaflet Club")
    EarningRule.objects.create(
        version=draft, code="base", name="1 point per euro", name_fr="1 point par euro", kind="per_amount", points=Decimal(1)
    )  # fmt: skip
    publish(draft, effective_from=effective_from, now=effective_from)
    return draft.program


def _orders(experiment: Experiment) -> Iterator[OrderFact]:
    """Yield the first order of each who comes: whoever gets the leaflet comes with a chance so much higher."""
    assert experiment.starts_at is not None, "it has started"
    assigned = Assignment.objects.filter(experiment=experiment).order_by("customer__external_id")
    rows = list(assigned.values_list("customer__external_id", "variant__is_control"))
    chance, day, spent = np.random.default_rng(SEED).random((3, len(rows))).tolist()
    for place, (customer, is_control) in enumerate(rows):
        if chance[place] < COMES + (0 if is_control else COMES_MORE):
            at = experiment.starts_at + timedelta(days=WINDOW_DAYS * day[place])
            line = line_of(sku="basket", quantity=Decimal(1), net_amount=Decimal(f"{20 + 60 * spent[place]:.2f}"))
            yield OrderFact(NUMBER.format(place), at, (line,), customer=customer, channel="store")


def _enter_costs(experiment: Experiment) -> None:
    """Enter what the leaflet cost: for each address that got one."""
    got_one = Assignment.objects.filter(experiment=experiment, variant__is_control=False).count()
    MediaCost.objects.bulk_create(
        MediaCost(
            retailer_id=experiment.retailer_id, experiment=experiment, what=what, amount=each * got_one,
            currency=experiment.retailer.currency,
        )
        for what, each in COSTS.items()
    )  # fmt: skip
