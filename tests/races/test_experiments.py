"""Assignments when several things happen at once: each customer is assigned, once, whoever is first."""

from collections.abc import Callable

import pytest

from customers.models import Customer
from customers.registration import CustomerFact, register
from loyalty.activity.intake import take_orders
from loyalty.experiments.models import Assignment, Experiment
from loyalty.experiments.running import end, start
from tests import make
from tests.experiments.make_experiments import planned, running
from tests.make import NOON
from tests.races.test_customers import one_waits_for_the_other

pytestmark = pytest.mark.usefixtures("committed_db")


def test_two_identifications_at_once_give_one_assignment() -> None:
    club = make.program()
    experiment = running(club.retailer, club)

    raised = one_waits_for_the_other(
        club.retailer,
        lambda shop: register(shop, [CustomerFact("ada")], now=NOON),
        lambda shop: take_orders(shop, [make.order("ada", "10.00")], now=NOON),
    )

    assert raised == []
    assert Customer.objects.count() == Assignment.objects.filter(experiment=experiment).count() == 1


@pytest.mark.parametrize("is_start_first", [True, False])
def test_a_start_beside_a_registration_leaves_nobody_out(is_start_first: bool) -> None:  # noqa: FBT001 - a parameter
    club = make.program()
    make.customer(club.retailer, "ada")
    draft = planned(club.retailer, club)
    works: list[Callable[[object], object]] = [
        lambda _shop: start(draft, author="Grace", now=NOON),
        lambda _shop: register(club.retailer, [CustomerFact("bob")], now=NOON),
    ]

    raised = one_waits_for_the_other(club.retailer, *(works if is_start_first else reversed(works)))

    assert raised == []
    assigned = Assignment.objects.values_list("customer__external_id", flat=True)
    assert sorted(assigned) == ["ada", "bob"]


def test_two_starts_at_once_are_one() -> None:
    club = make.program()
    make.customer(club.retailer, "ada")
    draft = planned(club.retailer, club)

    raised = one_waits_for_the_other(
        club.retailer,
        lambda _shop: start(draft, author="Grace", now=NOON),
        lambda _shop: start(draft, author="Ada", now=NOON),
    )

    assert [type(error).__name__ for error in raised] == ["ExperimentStarted"]
    assert Assignment.objects.count() == 1


def test_an_end_beside_a_registration_does_not_wait_for_it() -> None:
    club = make.program()
    experiment = running(club.retailer, club)

    raised = one_waits_for_the_other(
        club.retailer,
        lambda shop: register(shop, [CustomerFact("ada")], now=NOON),
        lambda _shop: end(experiment, author="Grace", now=NOON),
    )

    assert raised == []
    assert Experiment.objects.get().state == "ended"
    assert Assignment.objects.count() == 1
