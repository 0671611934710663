"""The demo's second retailer: recorded, held out, enrolled and measured as any retailer does it, and again changes nothing."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from analytics.demonstration import simulated
from analytics.demonstration.simulated_records import CUSTOMER
from analytics.experiments.models import ExperimentLook
from analytics.uplift.panel import NOBODY, Flags
from analytics.uplift_runs.models import UpliftRun
from customers.models import Order
from loyalty.experiments.models import Assignment, Experiment
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from loyalty.points.proof import require_proof

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
LATER = datetime(2026, 12, 24, 8, 0, tzinfo=UTC)
FIRST = (NOW.date() - simulated.EPOCH).days - 792


def _stored() -> list[tuple[str, str | None, datetime, Decimal]]:
    rows = Order.objects.order_by("number")
    return list(rows.values_list("number", "customer__external_id", "occurred_at", "net_amount"))


def _held_out() -> Flags:
    names = set(Assignment.objects.filter(variant__is_control=True).values_list("customer__external_id", flat=True))
    return np.array([CUSTOMER.format(place) in names for place in range(200)], dtype=np.bool_)


def test_what_was_drawn_is_what_is_recorded_and_it_ends_yesterday() -> None:
    loaded = simulated.load("tiny", now=NOW)

    panel = simulated.draw(200, first=FIRST, held_out=_held_out())
    stored = _stored()
    assert loaded.orders == len(stored) == len(panel.orders)
    assert [at.timestamp() for _, _, at, _ in stored] == sorted(panel.orders.seconds.tolist())
    assert sum(row[-1] for row in stored) == Decimal(f"{panel.orders.value.sum():.2f}")
    assert sum(row[1] is None for row in stored) == np.count_nonzero(panel.orders.customer == NOBODY)
    assert stored[-1][2].date() == NOW.date().replace(day=27)
    members = Membership.objects.values_list("customer__external_id", "enrolled_at")
    assert {(name, at.timestamp()) for name, at in members} == {
        (CUSTOMER.format(place), at) for place, at in enumerate(panel.customers.seconds.tolist()) if not np.isnan(at)
    }
    require_proof()


def test_its_hold_out_was_planned_from_its_orders_runs_and_was_looked_at() -> None:
    simulated.load("tiny", now=NOW)

    experiment = Experiment.objects.get()
    assert (experiment.state, experiment.detectable["customers"]) == (Experiment.State.RUNNING, 200)
    assert Assignment.objects.filter(experiment=experiment).count() == 200
    (look,) = ExperimentLook.objects.all()
    assert look.experiment == experiment
    (run,) = UpliftRun.objects.all()
    assert run.status in {UpliftRun.Status.DONE, UpliftRun.Status.REFUSED}


def test_a_past_that_another_release_drew_is_not_gone_on_with() -> None:
    simulated.load("tiny", now=NOW)
    Order.objects.filter(number="S-000000").update(net_amount=Decimal("0.01"))
    before = Order.objects.count()

    with pytest.raises(simulated.DrawnOtherwise, match="make clean"):
        simulated.load("tiny", now=LATER)

    assert Order.objects.count() == before


def test_members_earn_for_what_they_buy_since_they_joined_and_another_day_changes_nothing() -> None:
    first = simulated.load("tiny", now=NOW)
    before = (_stored(), Entry.objects.count(), Membership.objects.count(), ExperimentLook.objects.count())

    again = simulated.load("full", now=LATER)

    assert again == first
    assert (_stored(), Entry.objects.count(), Membership.objects.count(), ExperimentLook.objects.count()) == before
    panel = simulated.draw(200, first=FIRST, held_out=_held_out())
    owner, orders = panel.orders.customer, panel.orders
    member = (owner != NOBODY) & (orders.seconds >= panel.customers.seconds[owner])
    assert before[1] == np.count_nonzero(member & (orders.value >= 1))  # a point a euro
