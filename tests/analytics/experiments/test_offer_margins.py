"""What offers are expected to bring: by the experiments of the campaigns that give them, and by nothing else."""

from decimal import Decimal

import pytest

from analytics.experiments.offer_margins import write_offer_margins
from analytics.uplift.results import Reason
from loyalty.campaigns.models import Campaign, Offer, Step
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program
from tests import make
from tests.analytics.what_pays.test_tables import NOW, campaign, look
from tests.campaigns.make_offers import club, offer
from tests.experiments.make_experiments import running

pytestmark = pytest.mark.django_db


def gives(program: Program, experiment: Experiment, *offers: Offer) -> Campaign:
    """Return a campaign whose steps give offers."""
    row = campaign(program.retailer, make.number("campaign"), experiment)
    row.refresh_from_db()
    assert row.version is not None
    for position, each in enumerate(offers):
        Step.objects.create(version=row.version, retailer=program.retailer, position=position, kind="offer", offer=each)
    return row


def known(row: Offer) -> tuple[object, object]:
    row.refresh_from_db()
    return row.expected_margin, row.expected_as_of


def test_an_offer_brings_what_its_campaigns_experiment_found_less_its_cost() -> None:
    program = club()
    spring, autumn = offer(program), offer(program)
    measured = running(program.retailer, program, "spring")
    gives(program, measured, spring)
    look(measured, 1.0, 3.0, costs=(10.0, 60.0))  # 2.00 each, for 0.50 each more than the control

    assert write_offer_margins(program.retailer) == 1
    assert write_offer_margins(program.retailer) == 0  # again it changes nothing

    assert known(spring) == (Decimal("1.50"), NOW)
    assert known(autumn) == (None, None)


@pytest.mark.parametrize("why", ["open", "blocked", "no_costs", "two_offers"])
def test_what_no_final_graded_look_at_it_alone_tells_is_not_known(why: str) -> None:
    program = club()
    spring, other = offer(program), offer(program)
    measured = running(program.retailer, program, "spring")
    gives(program, measured, spring, *([other] if why == "two_offers" else ()))
    look(
        measured, 1.0, 3.0, costs=None if why == "no_costs" else (0.0, 50.0), is_final=why != "open",
        blocked=Reason("nobody_long_enough", {"customers": 7.0}) if why == "blocked" else None,
    )  # fmt: skip

    assert write_offer_margins(program.retailer) == 0
    assert known(spring) == (None, None)


def test_another_retailers_experiments_tell_nothing_of_mine() -> None:
    program, theirs = club(), club()
    measured = running(theirs.retailer, theirs, "spring")
    gives(theirs, measured, offer(theirs))
    look(measured, 1.0, 3.0, costs=(0.0, 50.0))

    assert write_offer_margins(program.retailer) == 0
    assert write_offer_margins(theirs.retailer) == 1
