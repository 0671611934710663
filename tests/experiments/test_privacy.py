"""What is held on a person of experiments: told to who asks for all, and kept, of nobody, when it is erased."""

import pytest

from customers.models import Customer, Erasure
from customers.privacy import erase, export
from customers.registration import CustomerFact, register
from tests import make
from tests.experiments.make_experiments import arm_of, running
from tests.make import NOON

pytestmark = pytest.mark.django_db


def test_who_asks_for_all_that_is_held_is_told_its_part() -> None:
    club = make.program()
    experiment = running(club.retailer, club, "welcome")
    register(club.retailer, [CustomerFact("ada")], now=NOON)
    ada = Customer.objects.get()

    (section,) = [each for each in export(ada, now=NOON)["sections"] if each["name"] == "experiments"]

    assert [(row["experiment"], row["part"]) for row in section["rows"]] == [("welcome", arm_of(experiment, ada))]


def test_an_erased_person_stays_counted_and_whoever_comes_later_is_somebody_new() -> None:
    club = make.program()
    experiment = running(club.retailer, club, "welcome")
    register(club.retailer, [CustomerFact("ada", email="ada@example.org")], now=NOON)
    before = list(experiment.assignments.values())

    erase(Customer.objects.get(), asked_by=Erasure.AskedBy.PERSON, reason="asked", now=NOON)
    register(club.retailer, [CustomerFact("ada")], now=NOON)

    assert list(experiment.assignments.order_by("pk").values())[:1] == before
    assert experiment.assignments.count() == 2
