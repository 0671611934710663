"""What happened to points day by day, summed as it is settled: told as the ledger tells it, whatever was summed and when."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from analytics.kpis.models import PointsDay, PointsMark
from analytics.kpis.periods import Grain
from analytics.kpis.points_days import sum_points
from analytics.kpis.program_reading import Points, points
from analytics.kpis.reading import Asked
from analytics.tasks import prove_points
from customers.facts import CorrectionFact
from customers.models import Retailer
from loyalty.activity.account.spending import redeem
from loyalty.activity.correcting import take_correction
from loyalty.memberships.models import Membership
from tests import make
from tests.analytics.kpis.shops import at

pytestmark = pytest.mark.usefixtures("committed_db")

FEBRUARY, MARCH, APRIL = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)


@pytest.fixture
def ada(committed_db: None) -> Membership:
    """Return a member who was given 140 in February, of which March took 40 back, and who redeemed 50."""
    found = make.member(make.program(make.retailer(zone="Europe/Paris")), "ada")
    make.buys(found, "100.00", at=at("02-03"))
    bought = make.buys(found, "40.00", at=at("02-28", 23))  # in Paris it is March
    redeem(found, 50, reference="r1", now=at("02-05"))
    make.returns(found, bought, (1, "1"), at=at("03-05"))
    return found


def asked(owner: Retailer, grain: Grain = Grain.MONTH) -> Asked:
    return Asked(owner, grain, date(2026, 1, 1), date(2026, 4, 30))


def summed(owner: Retailer) -> bool:
    """Sum all that was posted so far; nobody else posts."""
    return sum_points(owner, now=timezone.now(), settles_in=timedelta(0))


def test_they_are_told_alike_before_and_after_they_are_summed(ada: Membership) -> None:
    owner, told = ada.retailer, {FEBRUARY: Points(100, 50, 0), MARCH: Points(0, 0, 0)}
    assert points(asked(owner)) == told

    assert not summed(owner)  # the first time notes up to where
    assert points(asked(owner)) == told
    assert summed(owner)

    assert points(asked(owner)) == told
    assert {each.day: (each.issued, each.redeemed) for each in PointsDay.objects.all()} == {
        date(2026, 2, 3): (100, 0), date(2026, 2, 5): (0, 50), date(2026, 3, 1): (40, 0), date(2026, 3, 5): (-40, 0),
    }  # fmt: skip


def test_what_is_told_late_of_a_day_that_was_summed_is_added_to_it(ada: Membership) -> None:
    owner = ada.retailer
    assert (summed(owner), summed(owner)) == (False, True)

    make.buys(ada, "7.00", at=at("02-04"))
    told = points(asked(owner))

    assert told[FEBRUARY] == Points(107, 50, 0)
    assert (summed(owner), summed(owner)) == (True, True)
    assert points(asked(owner)) == told
    assert PointsDay.objects.get(day=date(2026, 2, 4)).issued == 7


def test_points_that_were_taken_back_and_came_back_are_given(ada: Membership) -> None:
    owner = ada.retailer
    make.buys(ada, "100.00", at=at("04-02"), name="A1")
    for version, (amount, day) in enumerate([("20.00", "04-03"), ("70.00", "04-04")], start=1):
        corrected = make.order(ada, amount, at=at("04-02"), name="A1")
        take_correction(owner, CorrectionFact(corrected, version), now=at(day))

    april = Points(70, 0, 0)  # 100, of which 80 were taken back and 50 came back
    assert points(asked(owner))[APRIL] == april
    assert (summed(owner), summed(owner)) == (False, True)
    assert points(asked(owner))[APRIL] == april


def test_what_was_redeemed_is_so_once_where_its_order_turns_out_to_be_of_another_day(ada: Membership) -> None:
    owner = ada.retailer
    make.buys(ada, "100.00", at=at("04-02"), name="A1")
    redeem(ada, 110, reference="r2", now=at("04-03"))  # 60 of the first order, 50 of this one
    assert points(asked(owner))[APRIL] == Points(100, 110, 0)
    moved = make.order(ada, "100.00", at=at("03-31"), name="A1")
    take_correction(owner, CorrectionFact(moved, 1), now=at("04-20"))

    found = points(asked(owner))

    assert {month: each.redeemed for month, each in found.items()} == {FEBRUARY: 50, MARCH: 0, APRIL: 110}
    assert (summed(owner), summed(owner)) == (False, True)
    assert points(asked(owner)) == found


@pytest.mark.parametrize("grain", list(Grain))
def test_periods_of_each_length_are_told_as_by_the_ledger_alone(ada: Membership, grain: Grain) -> None:
    owner = ada.retailer
    summed(owner), summed(owner)
    make.buys(ada, "9.00", at=at("04-02"))
    told = points(asked(owner, grain))

    PointsMark.objects.all().delete()
    PointsDay.objects.all().delete()

    assert points(asked(owner, grain)) == dict(told)


def test_nothing_is_summed_while_somebody_writes_who_began_before(ada: Membership) -> None:
    owner = ada.retailer
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            assert (summed(owner), summed(owner), summed(owner)) == (False, False, False)
            assert not PointsDay.objects.exists()
            cursor.execute("COMMIT")
    finally:
        other.close()

    assert summed(owner)


def test_what_was_posted_within_the_last_hour_is_read_from_the_ledger(ada: Membership) -> None:
    owner = ada.retailer
    for _ in range(2):
        sum_points(owner, now=timezone.now())

    assert not PointsDay.objects.exists()
    assert points(asked(owner))[FEBRUARY] == Points(100, 50, 0)


def test_another_zone_has_other_days_so_all_is_summed_anew(ada: Membership) -> None:
    owner = ada.retailer
    assert (summed(owner), summed(owner)) == (False, True)
    Retailer.objects.filter(pk=owner.pk).update(zone="America/New_York")
    owner.refresh_from_db()
    told = {FEBRUARY: Points(140, 50, 0), MARCH: Points(-40, 0, 0)}
    assert points(asked(owner)) == told

    assert (summed(owner), summed(owner)) == (True, True)

    assert points(asked(owner)) == told
    assert PointsDay.objects.get(day=date(2026, 2, 28)).issued == 40


def test_each_retailers_are_its_own(ada: Membership) -> None:
    other = make.member(make.program(make.retailer()), "bob")
    make.buys(other, "3.00", at=at("02-03"))
    for owner in (ada.retailer, other.retailer):
        assert (summed(owner), summed(owner)) == (False, True)

    assert points(asked(other.retailer)) == {FEBRUARY: Points(3, 0, 0)}
    assert points(asked(ada.retailer))[FEBRUARY] == Points(100, 50, 0)


def test_each_night_the_sums_are_proven_and_what_the_ledger_does_not_confirm_is_summed_anew(ada: Membership) -> None:
    owner, other = ada.retailer, make.member(make.program(make.retailer()), "bob")
    make.buys(other, "3.00", at=at("02-03"))
    for each in (owner, other.retailer):
        assert (summed(each), summed(each)) == (False, True)
    assert proven() == []
    PointsDay.objects.filter(retailer=owner, day=date(2026, 2, 3)).update(issued=90)
    PointsDay.objects.filter(retailer=owner, day=date(2026, 2, 5)).delete()
    assert points(asked(owner))[FEBRUARY] == Points(90, 0, 0)

    assert proven() == [
        (owner.slug, "points issued of 2026-02-03: stored 90, proven 100"),
        (owner.slug, "points redeemed of 2026-02-05: stored 0, proven 50"),
    ]

    assert points(asked(owner))[FEBRUARY] == Points(100, 50, 0)
    assert list(PointsDay.objects.values_list("retailer", flat=True)) == [other.retailer_id]
    assert (summed(owner), proven()) == (True, [])
    assert PointsDay.objects.get(retailer=owner, day=date(2026, 2, 3)).issued == 100


def proven() -> list[tuple[str, str]]:
    """Prove all sums as each night does, and return what was said loudly of which retailer."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        prove_points()
    return [(line["retailer"], line["difference"]) for line in lines if line["log_level"] == "error"]
