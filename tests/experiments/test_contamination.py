"""What blurs the difference between variants is counted, by why."""

from datetime import timedelta

import pytest

from customers.merging import merge
from customers.models import Customer
from loyalty.activity.account.enrolment import enrol
from loyalty.experiments.assigning import sizes
from loyalty.experiments.checking import flaws_of
from loyalty.experiments.contamination import contamination_of
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import end
from loyalty.experiments.wording import said_of
from loyalty.memberships.households import share
from loyalty.memberships.models import Membership
from tests import make
from tests.experiments.make_experiments import drafted, running
from tests.make import NOON, START

pytestmark = pytest.mark.django_db


def _in(experiment: Experiment, variant: str) -> list[Customer]:
    return list(
        Customer.objects.filter(assignments__experiment=experiment, assignments__variant__code=variant).order_by("pk")
    )


def test_nothing_is_blurred_at_first() -> None:
    club = make.program()
    for place in range(10):
        make.member(club, f"c{place}")

    experiment = running(club.retailer, club, at=NOON)

    assert set(contamination_of(experiment).values()) == {0}


def test_persons_merged_living_together_and_joining_uninvited_are_counted() -> None:
    club = make.program()
    for place in range(40):
        make.customer(club.retailer, f"c{place}")
    experiment = running(club.retailer, club)
    (out, joins, *_), (treated, *others) = _in(experiment, "out"), _in(experiment, "in")

    merge(club.retailer, treated.external_id, out.external_id, reference="one person", now=NOON)
    merge(club.retailer, others[0].external_id, others[1].external_id, reference="one person", now=NOON)
    enrol(club, [(joins.pk, NOON), (others[2].pk, NOON)], source="test", now=NOON)
    one, other = (Membership.objects.get(customer=each) for each in (joins, others[2]))
    share(one, [other], now=NOON)

    assert contamination_of(experiment) == {
        "merged_across_variants": 1,
        "household_across_variants": 2,
        "joined_against_assignment": 1,
    }


def test_who_was_a_member_at_the_start_did_not_join_against_its_assignment() -> None:
    club = make.program()
    for place in range(10):
        make.member(club, f"c{place}", since=START)

    experiment = running(club.retailer, club, at=NOON)

    assert contamination_of(experiment)["joined_against_assignment"] == 0


def test_a_draft_of_customers_who_share_points_is_warned_of_and_one_of_households_is_not() -> None:
    club = make.program()
    ada, bob, _charlie = (make.member(club, name, since=START) for name in ("ada", "bob", "charlie"))
    one, other = (drafted(club.retailer, club, unit, unit=unit) for unit in ("customer", "household"))
    assert flaws_of(one, now=NOON) == ()

    share(ada, [bob], now=NOON)

    (flaw,) = flaws_of(one, now=NOON)
    assert (flaw.code, flaw.place, flaw.facts, flaw.is_error) == ("household_as_unit", "unit", {"members": 2}, False)
    assert said_of(flaw).startswith("2 members share points with others.")
    assert flaws_of(other, now=NOON) == ()


def test_who_turned_out_to_be_somebody_who_came_after_the_end_is_still_a_person_of_its_variant() -> None:
    club = make.program()
    for name in ("ada", "bob", "charlie", "dan"):
        make.customer(club.retailer, name)
    experiment = running(club.retailer, club)
    end(experiment, author="Grace", now=NOON)
    for name in ("late", "later"):
        make.customer(club.retailer, name, since=NOON + timedelta(days=1))

    for source, target in (("ada", "late"), ("bob", "late"), ("charlie", "later"), ("later", "dan")):
        merge(club.retailer, source, target, reference=f"{source} is {target}", now=NOON + timedelta(days=2))

    # Ada and Bob are one person who came later, Charlie is Dan: of four records two persons are left.
    assert sum(sizes([experiment])[experiment.pk].values()) == 2
