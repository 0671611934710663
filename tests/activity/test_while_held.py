"""What happens while a review is held: to those that follow, to what was bought, and to what is told of it all."""

import pytest

from customers.models import Erasure
from customers.privacy import erase
from loyalty.activity.account.approving import DecidedOtherwise, review
from loyalty.activity.models import InteractionHold
from loyalty.activity.replaying import replay
from loyalty.memberships.models import Membership
from tests import make
from tests.activity.test_bursts import BY_CUSTOMER, HOUR, MINUTE, writes
from tests.activity.test_interaction_limits import DAY, club

pytestmark = pytest.mark.django_db


def burst_about_x(who: Membership) -> None:
    """Let a member write about five products, and then about X, which is held."""
    for place in range(5):
        assert writes(who, f"r{place}", DAY + place * MINUTE, sku=f"S{place}") == "50"
    assert writes(who, "of-x", DAY + 5 * MINUTE, sku="X") == BY_CUSTOMER


@pytest.mark.parametrize("decided", ["", "approved", "refused"])
def test_what_gave_nothing_because_of_it_gives_nothing_when_the_past_is_replayed(decided: str) -> None:
    program = club(once_per_product=True)
    ada = make.member(program, "ada")
    burst_about_x(ada)
    assert writes(ada, "again", DAY + HOUR, sku="X") == "0"

    if decided:
        review(program.retailer, "of-x", is_approved=decided == "approved", now=DAY + 2 * HOUR)

    assert make.spendable(ada, DAY + 3 * HOUR) == (300 if decided == "approved" else 250)
    assert replay(program, now=DAY + 3 * HOUR).deviations == []


def test_once_it_is_refused_its_place_is_anothers() -> None:
    program = club(once_per_product=True)
    ada = make.member(program, "ada")
    burst_about_x(ada)
    review(program.retailer, "of-x", is_approved=False, now=DAY + HOUR)

    assert writes(ada, "again", DAY + 2 * HOUR, sku="X") == "50"
    assert replay(program, now=DAY + 3 * HOUR).deviations == []


def test_where_it_gives_nothing_after_all_the_past_is_the_same_when_replayed() -> None:
    program = club(bought_within_days=365, day_limit=6)
    ada = make.member(program, "ada")
    make.buys(ada, *(make.line("10", sku=sku) for sku in ("S0", "S1", "S2", "S3", "S4", "Y")), at=DAY - HOUR)
    burst_about_x(ada)  # which she never bought
    assert writes(ada, "of-y", DAY + HOUR, sku="Y") == "0"

    assert review(program.retailer, "of-x", is_approved=True, now=DAY + 2 * HOUR) == 0

    assert replay(program, now=DAY + 3 * HOUR).deviations == []


@pytest.mark.parametrize(("is_taken_back", "points"), [(True, 0), (False, 50)])
def test_what_came_back_meanwhile_is_not_rewarded_where_its_reward_would_have_been_taken_back(
    *, is_taken_back: bool, points: int
) -> None:
    program = club(bought_within_days=365, is_taken_back=is_taken_back)
    ada = make.member(program, "ada")
    make.buys(ada, *(make.line("10", sku=f"S{place}") for place in range(5)), at=DAY - HOUR)
    bought = make.buys(ada, make.line("20", sku="X", quantity="2"), at=DAY - HOUR)
    burst_about_x(ada)
    make.returns(ada, bought, (1, "1"), at=DAY + HOUR)
    make.returns(ada, bought, (1, "1"), at=DAY + 2 * HOUR)

    assert review(program.retailer, "of-x", is_approved=True, now=DAY + 3 * HOUR) == points

    assert make.spendable(ada, DAY + 3 * HOUR) == 250 + points
    assert replay(program, now=DAY + 3 * HOUR).deviations == []


def test_of_what_is_left_a_part_or_was_bought_anew_by_then_it_is_rewarded() -> None:
    program = club(bought_within_days=365, is_taken_back=True)
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    for who in (ada, bob):
        bought = make.buys(who, make.line("20", sku="X", quantity="2"), at=DAY - HOUR)
        make.returns(who, bought, (1, "1"), at=DAY + HOUR)
        if who == bob:
            make.buys(who, make.line("10", sku="X"), at=DAY + 90 * MINUTE)
            make.returns(who, bought, (1, "1"), at=DAY + 2 * HOUR)

    assert [writes(who, f"late-{who.number}", DAY, sku="X", now=DAY + 3 * HOUR) for who in (ada, bob)] == ["50", "50"]
    assert replay(program, now=DAY + 3 * HOUR).deviations == []


def test_of_who_is_erased_nothing_is_published_and_nobody_gets_points_any_more() -> None:
    program = club()
    ada = make.member(program, "ada")
    burst_about_x(ada)

    erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=DAY + HOUR)

    hold = InteractionHold.objects.get()
    assert (hold.is_approved, hold.decided_at) == (False, DAY + HOUR)
    with pytest.raises(DecidedOtherwise):
        review(program.retailer, "of-x", is_approved=True, now=DAY + 2 * HOUR)
    assert make.spendable(ada, DAY + 2 * HOUR) == 250
