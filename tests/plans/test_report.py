"""What plans bring and cost, month by month."""

from datetime import date
from decimal import Decimal

import pytest

from loyalty.configuration.drafts import open_draft, publish
from loyalty.plans.account.joining import cancel, change
from loyalty.plans.report import report
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import joined, nights_until, pays

pytestmark = pytest.mark.django_db

TWO = (
    {"code": "plus", "price": "10.00", "multiplier": "2", "perks_cost": "3.04"},
    {"code": "max", "price": "25.00", "multiplier": "3"},
)


def test_fees_stand_beside_what_the_benefits_cost() -> None:
    club = make_plans.program(*TWO, points={"point_value": Decimal("0.01"), "pending_days": 0})
    ada, bob = make.member(club), make.member(club)
    joined(ada, at=on("2026-06-01T00:00"))
    bought = make.buys(ada, "100.00", "20.00", at=on("2026-06-05T12:00"))
    make.returns(ada, bought, (2, "1"), at=on("2026-06-06T12:00"))
    make.buys(bob, "100.00", at=on("2026-06-05T12:00"))

    (_, june) = report(club, now=on("2026-06-30T23:59:59"), months=2).months

    assert (june.first, june.began, june.joined, june.ended) == (date(2026, 6, 1), 0, 1, 0)
    assert (june.fees, june.points, june.points_cost) == (Decimal("10.00"), 100, Decimal("1.00"))
    assert june.perks_cost == Decimal("3.00")  # of 30 days, where a month has 30.4375
    assert (june.cost, june.result) == (Decimal("4.00"), Decimal("6.00"))


def test_members_churn_and_cohorts() -> None:
    club = make_plans.program(*TWO)
    people = [make.member(club) for _ in range(4)]
    for each in people[:3]:
        joined(each, at=on("2026-06-10T12:00"))
    joined(people[3], "max", at=on("2026-07-05T12:00"))
    cancel(people[0], now=on("2026-06-20T12:00"))
    nights_until(club, "2026-07-10")
    pays(people[1], at=on("2026-07-10T12:00"))
    change(people[1], "max", now=on("2026-07-11T12:00"))
    pays(people[1], at=on("2026-07-11T12:00"))
    nights_until(club, "2026-08-02")

    found = report(club, now=on("2026-08-02T12:00"), months=3)

    assert [(each.plan.code, each.members, each.cancelled) for each in found.plans] == [("plus", 0, 0), ("max", 2, 0)]
    moved = [(each.began, each.joined, each.changed, each.ended) for each in found.plans]
    assert moved == [(0, 3, 1, 2), (0, 2, 0, 0)]
    assert (found.plans[0].churn_percent, found.plans[1].churn_percent) == (Decimal(200) / 3, Decimal(0))
    assert [(each.began, each.joined, each.ended) for each in found.months] == [(0, 3, 0), (3, 1, 2), (2, 0, 0)]
    assert found.months[1].churn_percent == Decimal(50)
    assert [(each.first, each.members, each.left) for each in found.cohorts] == [
        (date(2026, 6, 1), 3, (3, 1, 1)),
        (date(2026, 7, 1), 1, (1, 1)),
    ]


def test_who_had_a_plan_before_and_has_it_under_a_new_version_neither_came_nor_went() -> None:
    club = make_plans.program()
    ada = make.member(club)
    joined(ada, at=on("2026-06-10T12:00"))
    draft = open_draft(club)
    draft.plans.update(price="12.00")
    publish(draft, now=on("2026-06-20T12:00"), effective_from=on("2026-06-21T00:00"))
    nights_until(club, "2026-07-10")
    pays(ada, at=on("2026-07-10T12:00"))

    (plus,) = report(club, now=on("2026-07-20T12:00"), months=1).plans

    assert (plus.began, plus.joined, plus.changed, plus.ended, plus.churn_percent) == (1, 0, 0, 0, Decimal(0))


def test_a_program_that_never_had_plans_has_nothing_to_tell() -> None:
    found = report(make.program(), now=on("2026-08-02T12:00"), months=2)

    assert (found.plans, found.cohorts) == ((), ())
    assert [(f"{each.fees:.2f}", f"{each.cost:.2f}", each.churn_percent) for each in found.months] == [
        ("0.00", "0.00", None)
    ] * 2
