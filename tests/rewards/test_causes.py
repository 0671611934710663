"""What causes were given, for all to see: exact sums, and nobody who is found out."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from customers.models import Erasure
from customers.privacy import erase
from loyalty.activity.account.merging import take_merge
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import pay_out
from loyalty.activity.rewards.undoing import refund_reward
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.rewards.causes import totals_of
from tests import make
from tests.campaigns.test_api import told
from tests.make import NOON
from tests.rewards import shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def forest(**given: Any) -> Program:
    """Return a program with a cause: 100 points are 1, of which 3 are matched in all."""
    said: dict[str, Any] = {
        "match_percent": 100,
        "match_budget": Decimal(3),
        "name_fr": "Forêt",
        "name": "Forest",
    } | given
    return shop.club(code="forest", points=100, kind="donation", points_per_unit=100, **said)


def gives(who: Membership, points: int, *, at: Any = NOON) -> Any:
    return redeem_reward(who, "forest", reference=make.number("gift"), points=points, now=at).redemption


def seen(program: Program, *, at: Any = NOON) -> tuple[Any, ...]:
    (cause,) = totals_of(program, at=at)
    return cause.total, cause.given, cause.matched, cause.match_left, cause.paid_out, cause.donors


def test_scenario_23_the_total_is_the_sum_of_what_was_given_matched_and_taken_back() -> None:
    program = forest()
    ada = shop.member(program)
    assert seen(program) == (0, 0, 0, 3, 0, None)

    gift = gives(ada, 500)
    assert seen(program) == (Decimal("8.00"), 5, 3, 0, 0, None)

    refund_reward(gift, now=NOON)
    assert seen(program) == (0, 0, 0, 3, 0, None)

    gift = gives(ada, 500)
    pay_out(program, gift.reward_key, document="T-1", now=NOON)
    gives(ada, 250)
    assert seen(program) == (Decimal("10.50"), Decimal("7.50"), 3, 0, 8, None)


def test_donors_are_told_from_five_on_each_person_once_and_nobody_who_took_all_back() -> None:
    program = forest()
    five = [shop.member(program, name=name) for name in ("ada", "bob", "charlie", "dora", "eve")]
    gifts = [gives(who, 100) for who in five]
    gives(five[0], 200)
    assert seen(program)[-1] == 5

    refund_reward(gifts[4], now=NOON)
    assert seen(program)[-1] is None
    gives(five[4], 100)
    assert seen(program)[-1] == 5
    take_merge(program.retailer, "bob", "ada", reference="same", now=NOON + DAY)
    assert seen(program)[-1] is None
    gives(shop.member(program, name="fay"), 100)
    erase(five[2].customer, asked_by=Erasure.AskedBy.STAFF, reason="asked", author="sue", now=NOON + DAY)
    assert seen(program)[-1] == 5  # what was given stays given, by nobody


def test_a_cause_that_a_later_version_has_no_more_is_told_of_and_closed() -> None:
    program = forest()
    gives(shop.member(program), 300)
    shop.follow(program, NOON + DAY, without="forest")

    (before,), (after,) = totals_of(program, at=NOON), totals_of(program, at=NOON + 2 * DAY)

    assert (before.is_open, after.is_open, after.total) == (True, False, Decimal(6))


@pytest.mark.parametrize(
    ("currency", "rate", "points", "given"),
    [("JPY", 1, 150, "150"), ("KWD", 1000, 1234, "1.234"), ("EUR", 100, 101, "1.01")],
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, rate: int, points: int, given: str) -> None:
    draft = make.version(make.retailer(currency=currency, language="en"))
    shop.reward(draft, "forest", 100, kind="donation", points_per_unit=rate)
    program = make.published(draft)
    ada = shop.member(program, 2_000)
    gives(ada, points)

    (told_of,) = told(api(f"programs/{program.slug}/causes", f"Api-Key {make.key(program.retailer)}"))

    nothing = f"{Decimal(0):.{len(given.partition('.')[2])}f}"
    assert told_of == {
        "program": program.slug, "code": "forest", "name": "Forest", "description": "", "image": "", "is_open": True,
        "currency": currency, "total": given, "given": given, "matched": nothing, "match_left": None, "paid_out": nothing,
        "donors": None,
    }  # fmt: skip


def test_a_member_reads_what_the_causes_of_its_programs_were_given_in_its_language() -> None:
    program = forest()
    ada = shop.member(program)
    gives(ada, 500)

    (mine,) = told(api("me/causes", f"Bearer {make.token(ada.customer)}", "fr"))
    stranger = make.customer(program.retailer, "stranger")

    assert (mine["name"], mine["total"], mine["match_left"]) == ("Forêt", "8.00", "0.00")
    assert told(api("me/causes", f"Bearer {make.token(stranger)}")) == []
    other = shop.club()
    assert told(api(f"programs/{other.slug}/causes", f"Api-Key {make.key(other.retailer)}")) == []
    assert (
        told(api(f"programs/{program.slug}/causes", f"Api-Key {make.key(other.retailer)}"), 404)["code"] == "not_found"
    )


def api(path: str, who: str, language: str = "en") -> Any:
    return Client().get(f"/api/v1/{path}", HTTP_AUTHORIZATION=who, HTTP_ACCEPT_LANGUAGE=language)
