"""Rewards in the books: the journal leads exactly from what was owed before to what is owed after."""

from datetime import timedelta
from decimal import Decimal

import pytest

from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.rewards.books import RewardBooks, reward_books
from tests import make
from tests.rewards import shop

pytestmark = pytest.mark.django_db
JUNE, JULY, AUGUST = make.on("2026-06-01"), make.on("2026-07-01"), make.on("2026-08-01")
AT = make.on("2026-06-15")


def lines(books: RewardBooks) -> list[tuple[str, str, int, int]]:
    return [(line.event, line.account, int(line.debit), int(line.credit)) for line in books.lines]


def use(who: Membership, code: str, reference: str) -> None:
    voucher = check_voucher(who.retailer, code, now=AT)
    held = hold_voucher(who.retailer, voucher, reference=reference, now=AT)
    confirm_voucher(who.retailer, held.token, now=AT)


def test_what_was_redeemed_used_undone_and_lapsed_leads_from_what_was_owed_to_what_is() -> None:
    program = shop.club(valid_days=20, cost=Decimal(4))
    ada, bob = shop.member(program, 3_000, at=JUNE), shop.member(program, 3_000, at=JUNE)
    got = {
        name: redeem_reward(ada, "five-off", reference=name, now=AT)
        for name in ("used", "refunded", "undone", "lapsed")
    }
    other = redeem_reward(bob, "five-off", reference="used", now=AT)
    use(ada, got["used"].code, "t1")
    use(ada, got["refunded"].code, "t2")
    use(bob, other.code, "t3")
    cancel_reward(got["undone"].redemption, now=AT)
    refund_reward(got["refunded"].redemption, now=JULY + timedelta(days=1))
    run_nights(program, until=(AT + timedelta(days=22)).date(), now=AT + timedelta(days=22))

    june, july = reward_books(program, since=JUNE, until=JULY), reward_books(program, since=JULY, until=AUGUST)

    assert [june.owed_before, june.owed_after, june.cost, june.cost_per_member] == [0, 4, 12, 6]
    assert lines(june) == [
        ("issued", "promotion_expense", 20, 0), ("issued", "reward_liability", 0, 20),
        ("used", "reward_liability", 12, 0), ("used", "rewards_given", 0, 12),
        ("undone", "reward_liability", 4, 0), ("undone", "promotion_expense", 0, 4),
    ]  # fmt: skip
    assert [july.owed_before, july.owed_after, july.cost] == [4, 0, -4]
    assert (june.members, july.members) == (2, 0)
    assert lines(july) == [
        ("refunded", "rewards_given", 4, 0), ("refunded", "promotion_expense", 0, 4),
        ("lapsed", "reward_liability", 4, 0), ("lapsed", "promotion_expense", 0, 4),
    ]  # fmt: skip
    owed = sum(
        line.credit - line.debit for books in (june, july) for line in books.lines if line.account == "reward_liability"
    )
    assert owed == july.owed_after - june.owed_before


def test_a_donation_costs_what_was_given_and_added_and_a_program_without_rewards_nothing() -> None:
    program = shop.club(
        code="forest", points=100, kind="donation", points_per_unit=100, match_percent=50, match_budget=Decimal(2)
    )
    ada = shop.member(program, at=JUNE)
    redeem_reward(ada, "forest", reference="d1", points=500, now=AT)

    books = reward_books(program, since=JUNE, until=JULY)

    assert [books.owed_after, books.cost] == [0, Decimal("7.00")]
    assert reward_books(make.program(), since=JUNE, until=JULY).is_empty
