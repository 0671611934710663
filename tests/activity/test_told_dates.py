"""Until when an order's points can be spent is told of points that there are."""

from dataclasses import replace

import pytest

from customers.facts import CorrectionFact
from customers.models import Order
from loyalty.activity.account.spending import redeem
from loyalty.activity.correcting import take_correction
from loyalty.activity.explaining import why
from loyalty.memberships.models import Membership
from tests import make

pytestmark = pytest.mark.django_db
MONTH = {"pending_days": 0, "expiry": "days", "expiry_count": 30}


def dates_of(who: Membership, number: str) -> list[str]:
    found = why(who, Order.objects.get(number=number))
    assert found is not None, "it was decided"
    return [sentence for sentence in found.sentences if sentence.startswith("They can be spent")]


@pytest.mark.parametrize("spent", [0, 40, 100])
def test_an_order_that_was_moved_is_told_with_the_days_of_its_new_instant_alone(spent: int) -> None:
    ada = make.member(make.program(points=MONTH))
    bought = make.buys(ada, "100", at=make.on("2026-06-01T10:00"), name="A")
    if spent:
        redeem(ada, spent, reference="r", now=make.on("2026-06-02"))
    assert dates_of(ada, "A") == ["They can be spent through July 1, 2026."]
    moved = replace(bought.outcome.fact, occurred_at=make.on("2026-06-05T10:00"))

    take_correction(ada.retailer, CorrectionFact(moved, 1), now=make.on("2026-06-06"))

    assert dates_of(ada, "A") == ["They can be spent through July 5, 2026."]


def test_an_order_that_was_moved_tells_its_correction_before_what_it_gives_since() -> None:
    ada = make.member(make.program(points=MONTH))
    bought = make.buys(ada, "100", at=make.on("2026-06-05T10:00"), name="A")
    moved = replace(bought.outcome.fact, occurred_at=make.on("2026-06-01T10:00"))

    take_correction(ada.retailer, CorrectionFact(moved, 1), now=make.on("2026-06-06"))

    found = why(ada, Order.objects.get(number="A"))
    assert found is not None
    given = "Base: 100 points for 100.00 × 1"
    assert found.sentences[:3] == [given, "Order A was corrected (version 1): its 100 points are counted anew", given]


def test_of_an_order_that_came_back_nothing_can_be_spent() -> None:
    ada = make.member(make.program(points=MONTH))
    bought = make.buys(ada, "60", "40", at=make.on("2026-06-01T10:00"), name="A")

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-02"))
    assert dates_of(ada, "A") == ["They can be spent through July 1, 2026."]
    make.returns(ada, bought, (2, "1"), at=make.on("2026-06-03"))

    assert dates_of(ada, "A") == []
