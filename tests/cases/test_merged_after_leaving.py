"""Orders of one who had left before it was merged into another member: what was forfeited stays so, the rest is decided."""

import pytest

from loyalty.activity.account.leaving import leave
from loyalty.points.proof import prove
from tests.cases.shop import STOP, Shop

pytestmark = pytest.mark.django_db

AT = "2026-03-01 12:00"
LEFT, BACK = "2026-02-10 12:00", "2026-02-20 12:00"


def left(*, a_since: str = "2026-01-01 00:00", comes_back: bool = False) -> Shop:
    """A shop of which a is a member, and b was; b bought for 80 on 1 February, left, and maybe came back."""
    shop = Shop(policy={"pending_days": 0} | STOP)
    shop.member("b")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    if shop.at(a_since) <= shop.at(LEFT):
        shop.member("a", since=a_since)
    leave(shop.membership("b"), now=shop.at(LEFT))
    shop.hears_nothing_until(LEFT)
    if comes_back:
        shop.member("b", since=BACK)
    if shop.at(a_since) > shop.at(LEFT):
        shop.member("a", since=a_since)
    return shop


@pytest.mark.parametrize("comes_back", [False, True])
def test_what_was_forfeited_gives_nothing_at_another_instant_of_the_same_membership(comes_back: bool) -> None:  # noqa: FBT001 - drawn
    shop = left(comes_back=comes_back)
    shop.merge("b", "a", at=AT)

    shop.correct("o1", "a", "80", at="2026-02-05 12:00", now="2026-03-02 12:00")

    assert shop.balance("a") == 0
    assert prove().differences == []


@pytest.mark.parametrize("moved_to", ["2026-02-15 12:00", "2026-02-25 12:00"])
@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize("a_since", ["2026-01-01 00:00", "2026-02-15 00:00"])
def test_an_order_that_turns_out_to_be_of_no_ended_membership_is_decided_for_the_one_who_stays(
    a_since: str,
    comes_back: bool,  # noqa: FBT001 - drawn
    moved_to: str,
) -> None:
    shop = left(a_since=a_since, comes_back=comes_back)
    shop.merge("b", "a", at=AT)

    shop.correct("o1", "a", "80", at=moved_to, now="2026-03-02 12:00")
    assert (shop.balance("a"), shop.counted("a")) == (80, 80)
    shop.give_back("r1", "o1", at="2026-03-03 12:00")

    assert (shop.balance("a"), shop.counted("a")) == (0, 0)
    assert prove().differences == []


@pytest.mark.parametrize("told", [LEFT, "2026-02-28 12:00", "2026-03-02 12:00"])
def test_an_order_of_an_ended_membership_that_is_told_late_is_decided_for_the_one_who_stays(told: str) -> None:
    shop = left()
    if told < AT:
        shop.order("o2", "b", "50", at="2026-02-02 12:00", now=told)
    shop.merge("b", "a", at=AT)
    if told > AT:
        shop.order("o2", "b", "50", at="2026-02-02 12:00", now=told)

    shop.decide_backlog()

    assert shop.balance("a") == 50


@pytest.mark.parametrize("when", ["before", "after"])
def test_one_that_waits_is_decided_for_the_one_who_stays(when: str) -> None:
    shop = left()
    shop.import_orders(shop.bought("o2", "b", "50", at="2026-02-02 12:00"), now=LEFT)
    if when == "before":
        shop.decide_backlog()
    shop.merge("b", "a", at=AT)
    shop.decide_backlog()

    assert shop.balance("a") == 50
