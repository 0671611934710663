import pytest

from customers.isolation import RetailersFailed
from loyalty.planning.tasks import close_months
from loyalty.points.models import ClosedMonth
from loyalty.programs.models import Program
from tests import make

VALUED = {"point_value": "0.01", "redeemed_share": "0.8"}


def test_the_task_closes_for_every_retailer_and_one_that_fails_stops_no_other(committed_db: None) -> None:
    programs = []
    for _ in range(3):
        ada = make.member(make.program(points=VALUED))
        make.buys(ada, "100.00")
        programs.append(ada.program)
    broken = Program.objects.get(pk=programs[0].pk)
    Program.objects.filter(pk=broken.pk).update(zone="Nowhere/None")

    with pytest.raises(RetailersFailed):
        close_months()

    closed = set(ClosedMonth.objects.values_list("program", flat=True))
    assert closed == {each.pk for each in programs[1:]}
