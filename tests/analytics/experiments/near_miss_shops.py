"""Clubs of many members, some of whom just miss gold, and what those whom chance raised to it buy then."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from customers.facts import OrderFact, line_of
from customers.models import Customer, Retailer
from customers.recording import record_orders
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.intake import take_orders
from loyalty.activity.near_misses import start_experiment
from loyalty.activity.nightly import run_nights
from loyalty.experiments.models import Experiment
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests.experiments.make_experiments import even_salt
from tests.experiments.make_near_misses import RAISED, club, near_miss

DAY = timedelta(days=1)
BELOW, NEAR, ABOVE = 240, 300, 260  # members who spent so much


def bought(owner: Retailer, name: str, at: datetime, amount: str) -> OrderFact:
    line = line_of(sku="A", quantity=Decimal(1), net_amount=Decimal(amount))
    return OrderFact(f"{owner.slug}-{name}-{at:%Y%m%d}", at, (line,), customer=name)


def spending() -> list[int]:
    """Return what members spent, evenly from 700 to 1,300: those from 900 to 999 just miss gold."""
    below = (700 + 200 * place // BELOW for place in range(BELOW))
    near = (900 + 100 * place // NEAR for place in range(NEAR))
    above = (1_000 + 300 * place // ABOVE for place in range(ABOVE))
    return [*below, *near, *above]


def members(owner: Retailer, amounts: Iterable[int], *, at: datetime) -> Program:
    """Return a program whose members spent these amounts, half of it 40 days ago and half yesterday."""
    program = club(owner=owner)
    spent = dict(enumerate(amounts))
    record_orders(owner, [bought(owner, f"c{place}", at - 300 * DAY, "1.00") for place in spent], now=at - 299 * DAY)
    known = Customer.objects.filter(retailer=owner).order_by("pk").values_list("pk", flat=True)
    enrol(program, [(key, at - 100 * DAY) for key in known], source="web", now=at - 100 * DAY)
    for days in (40, 1):
        facts = [bought(owner, f"c{place}", at - days * DAY, f"{amount / 2:.2f}") for place, amount in spent.items()]
        take_orders(owner, facts, now=at - days * DAY)
    return program


def raised(program: Program, *, at: datetime) -> Experiment:
    """Return an experiment that has raised half of the near misses, evenly as planned."""
    draft = near_miss(program, salt=even_salt(program.retailer, RAISED, "near"))
    return start_experiment(draft, author="Grace", now=at)


def buy_again(experiment: Experiment, *, at: datetime, gain: int = 8, tops_up: int = 0) -> None:
    """Let all near misses buy three days after the start, the raised for more; some of the control reach gold by it."""
    program, owner = experiment.program, experiment.retailer
    assert program is not None
    rows = experiment.assignments.select_related("variant", "customer").order_by("pk")
    facts, topped = [], 0
    for place, row in enumerate(rows):
        amount = 20 + 2 * (place % 11) + gain * (not row.variant.is_control)
        if row.variant.is_control and topped < tops_up:
            topped, amount = topped + 1, amount + 100
        facts.append(bought(owner, row.customer.external_id, at + 3 * DAY, f"{amount}.00"))
    take_orders(owner, facts, now=at + 3 * DAY)
    run_nights(program, until=(at + 4 * DAY).date(), now=at + 4 * DAY)


def number_of(program: Program) -> int:
    return Membership.objects.filter(program=program).count()
