"""What offers are expected to bring: by the experiments of the campaigns that give them, and by nothing else."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from analytics.experiments.offer_margins import write_offer_margins
from analytics.uplift.results import Reason
from loyalty.campaigns.models import Campaign, CampaignVersion, Offer, Step
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program
from tests import make
from tests.analytics.what_pays.test_tables import NOW, campaign, look
from tests.campaigns.make_offers import club, offer
from tests.experiments.make_experiments import running
from tests.make import START

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def gives(program: Program, experiment: Experiment, *offers: Offer, at: datetime = NOW) -> Campaign:
    """Return a campaign whose steps give offers."""
    row = campaign(program.retailer, make.number("campaign"), experiment)
    row.refresh_from_db()
    publishes(row, *offers, at=at)
    return row


def publishes(row: Campaign, *offers: Offer, at: datetime) -> None:
    """Let a campaign's version give offers, from an instant on: its first, or another one."""
    number = row.versions.count()
    version = row.versions.filter(published_at=None).first() or CampaignVersion.objects.create(
        campaign=row, retailer=row.retailer, number=number + 1, kind="marketing"
    )
    for position, each in enumerate(offers):
        Step.objects.create(version=version, retailer=row.retailer, position=position, kind="offer", offer=each)
    CampaignVersion.objects.filter(pk=version.pk).update(published_at=at)
    Campaign.objects.filter(pk=row.pk).update(version=version)


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


def over(measured: Experiment, *, at: datetime) -> None:
    """Let an experiment have ended."""
    Experiment.objects.filter(pk=measured.pk).update(state="ended", ended_at=at)


@pytest.mark.parametrize(
    ("second_at", "told"),
    [
        (NOW + 9 * DAY, ("1.50", None)),  # after the end
        (NOW + 8 * DAY, (None, None)),  # while it ran: both did it
        (START - DAY, (None, "1.50")),  # before it began, in place of the first
    ],
)
def test_what_a_campaign_gives_before_or_after_its_experiment_is_not_what_that_measured(
    second_at: datetime, told: tuple[str | None, ...]
) -> None:
    program = club()
    spring, autumn = offer(program), offer(program)
    measured = running(program.retailer, program, "spring")
    row = gives(program, measured, spring, at=START - 2 * DAY)
    publishes(row, autumn, at=second_at)
    over(measured, at=NOW + 9 * DAY)
    look(measured, 1.0, 3.0, costs=(0.0, 50.0))

    write_offer_margins(program.retailer)

    assert [known(each)[0] for each in (spring, autumn)] == [None if each is None else Decimal(each) for each in told]


def test_what_the_last_look_takes_back_nobody_knows_any_more() -> None:
    program = club()
    spring = offer(program)
    measured = running(program.retailer, program, "spring")
    gives(program, measured, spring)
    look(measured, 1.0, 3.0, costs=(0.0, 50.0))
    write_offer_margins(program.retailer)

    look(measured, 1.0, 3.0, costs=(0.0, 50.0), blocked=Reason("sample_ratio", {"p_value": 0.0001}))

    assert write_offer_margins(program.retailer) == 1
    assert known(spring) == (None, None)
    assert write_offer_margins(program.retailer) == 0


def test_of_two_experiments_looked_at_in_one_night_the_later_one_tells_and_of_two_alike_the_one_that_promises_less() -> (
    None
):
    program = club()
    spring = offer(program)
    for code, days, high in (("early", 1, 9.0), ("late", 2, 3.0), ("too", 2, 5.0)):
        measured = running(program.retailer, program, code)
        gives(program, measured, spring)
        over(measured, at=NOW + days * DAY)
        look(measured, 1.0, high, costs=(0.0, 0.0))

    write_offer_margins(program.retailer)

    assert known(spring) == (Decimal("2.00"), NOW)
