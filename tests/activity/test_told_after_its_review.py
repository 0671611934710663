"""An order that is told after the review of its product: the review is decided again, as if the order had been known."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from customers.batches import Status
from customers.facts import CorrectionFact, ReturnFact, ReturnLineFact
from customers.importing.running import run_import
from customers.models import Interaction
from customers.recording import record_orders, record_returns
from loyalty.activity.account.approving import review
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.backlog import catch_up
from loyalty.activity.correcting import take_claim, take_correction
from loyalty.activity.intake import take_orders
from loyalty.activity.models import InteractionDecision
from loyalty.activity.replaying import replay
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningGroup, EarningRule, Entry
from loyalty.programs.models import Program
from loyalty.tiers.models import TierChange
from tests import make
from tests.activity.test_bursts import HOUR, MINUTE
from tests.activity.test_community import Shop
from tests.activity.test_interaction_limits import DAY, club, reviews
from tests.activity.test_while_held import burst_about_x
from tests.badges import game

pytestmark = pytest.mark.django_db
BEFORE, LATER = DAY - timedelta(days=1), DAY + timedelta(days=3)
NOT_BOUGHT = (0, "product_not_bought")
REVIEWS: dict[str, Any] = {"kind": "per_interaction", "interaction": "review", "uses_multiplier": False}


def decided(program: Program) -> dict[str, tuple[int, str]]:
    """Return what each review came to, by its product."""
    rows = InteractionDecision.objects.filter(program=program).select_related("interaction")
    return {row.interaction.sku: (row.points, row.reason) for row in rows}


def tells(who: Membership, *skus: str, at: datetime = BEFORE, now: datetime = LATER, name: str = "") -> Any:
    """Tell late that a member bought products."""
    return make.buys(who, *(make.line("10", sku=sku) for sku in skus), at=at, recorded=now, name=name)


def test_its_points_come_and_the_review_is_verified_and_rewarded() -> None:
    program = club(bought_within_days=365)
    shop, ada = Shop(program), make.member(program, "ada")
    assert reviews(ada, "X") == NOT_BOUGHT
    assert shop.marks() == (True, False, False, "none", 0, "product_not_bought")

    tells(ada, "X", name="W7")

    assert make.spendable(ada, LATER) == 50
    assert shop.marks() == (True, True, True, "given", 50, "")
    (entry,) = Entry.objects.filter(wallet__membership=ada)
    assert (entry.occurred_at, entry.recorded_at, entry.available_change) == (DAY, LATER, 50)
    assert entry.explanation["verified_by"] == "W7"
    assert replay(program, now=LATER).deviations == []


def test_the_same_order_again_and_another_one_give_it_once() -> None:
    program = club(bought_within_days=365)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    told = tells(ada, "X", name="W7")

    (again,) = take_orders(program.retailer, [told.outcome.fact], now=LATER + HOUR)
    tells(ada, "X", at=BEFORE - HOUR, now=LATER + HOUR)

    assert again.outcome.status is Status.UNCHANGED
    assert (make.spendable(ada, LATER + HOUR), decided(program)) == (50, {"X": (50, "")})


def test_reviews_of_other_products_by_others_and_before_it_stay_as_they_are() -> None:
    program = club(bought_within_days=365)
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    reviews(ada, "Y")
    reviews(bob, "X")
    reviews(ada, "X", at=BEFORE - HOUR)

    tells(ada, "X")

    assert [make.spendable(each, LATER) for each in (ada, bob)] == [0, 0]
    assert decided(program) == {"X": NOT_BOUGHT, "Y": NOT_BOUGHT}


@pytest.mark.parametrize(("days", "points"), [(30, 50), (31, 0)])
def test_the_order_counts_for_as_many_days_as_the_rule_says(days: int, points: int) -> None:
    ada = make.member(club(bought_within_days=30), since=DAY - timedelta(days=60))
    reviews(ada, "X")

    tells(ada, "X", at=DAY - timedelta(days=days))

    assert make.spendable(ada, LATER) == points


def import_csv(program: Program, ada: Membership) -> None:
    told = f"order_number,customer,occurred_at,sku,quantity,net_amount\nC1,ada,{BEFORE.isoformat()},X,1,10\n"
    assert run_import(program.retailer, "orders", BytesIO(told.encode()), now=LATER).created == 1
    assert make.spendable(ada, LATER) == 0
    catch_up(program.retailer, now=LATER)


def claim_it(program: Program, ada: Membership) -> None:
    assert make.spendable(ada, LATER) == 0
    take_orders(program.retailer, [make.order(None, make.line("10", sku="X"), at=BEFORE, name="G1")], now=LATER)
    take_claim(program.retailer, "G1", "ada", reference="receipt", now=LATER)


def correct_it(program: Program, ada: Membership) -> None:
    tells(ada, "Z", name="C1")
    assert make.spendable(ada, LATER) == 0
    fact = make.order(ada, make.line("10", sku="X"), at=BEFORE, name="C1")
    take_correction(program.retailer, CorrectionFact(fact, 1), now=LATER)


def merge_it(program: Program, ada: Membership) -> None:
    eve = make.member(program, "eve")
    make.buys(eve, make.line("10", sku="X"), at=BEFORE)
    take_merge(program.retailer, "eve", "ada", reference="same", now=LATER)


@pytest.mark.parametrize("way", [import_csv, claim_it, correct_it, merge_it])
def test_whatever_way_the_order_comes_the_review_ends_the_same(way: Callable[[Program, Membership], None]) -> None:
    program = club(bought_within_days=365)
    ada = make.member(program, "ada")
    reviews(ada, "X")

    way(program, ada)

    assert (make.spendable(ada, LATER), decided(program)["X"]) == (50, (50, ""))
    assert Shop(program).marks() == (True, True, True, "given", 50, "")
    assert replay(program, now=LATER).deviations == []


def test_a_dry_run_of_the_order_leaves_the_review_as_it_was() -> None:
    program = club(bought_within_days=365)
    ada = make.member(program, "ada")
    reviews(ada, "X")

    order = make.order(ada, make.line("10", sku="X"), at=BEFORE)
    with transaction.atomic():
        take_orders(program.retailer, [order], now=LATER, dry_run=True)

    assert (make.spendable(ada, LATER), decided(program)) == (0, {"X": NOT_BOUGHT})


@pytest.mark.parametrize("is_taken_back", [True, False])
def test_what_had_come_back_before_the_review_was_not_bought(*, is_taken_back: bool) -> None:
    program = club(bought_within_days=365, is_taken_back=is_taken_back)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    order = make.order(ada, make.line("10", sku="X"), at=BEFORE, name="W7")
    back = ReturnFact("R7", "W7", DAY - HOUR, (ReturnLineFact(Decimal(1), 1),))

    record_orders(program.retailer, [order], now=LATER)
    record_returns(program.retailer, [back], now=LATER)
    catch_up(program.retailer, now=LATER)

    assert (make.spendable(ada, LATER), decided(program)) == (0, {"X": NOT_BOUGHT})
    assert replay(program, now=LATER).deviations == []


@pytest.mark.parametrize("is_taken_back", [True, False])
def test_what_had_come_back_before_the_review_is_taken_back_also_where_that_is_told_last(
    *, is_taken_back: bool
) -> None:
    program = club(bought_within_days=365, is_taken_back=is_taken_back)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    bought = tells(ada, "X")
    assert make.spendable(ada, LATER) == 50

    make.returns(ada, bought, (1, "1"), at=DAY - HOUR)

    assert make.spendable(ada, LATER) == 0
    assert Shop(program).marks() == (True, False, False, "taken_back", 0, "")
    assert replay(program, now=LATER).deviations == []


def test_what_was_bought_anew_between_a_return_and_its_review_keeps_the_points() -> None:
    program = club(bought_within_days=365, is_taken_back=True)
    ada = make.member(program, "ada")
    first = make.buys(ada, make.line("10", sku="X"), at=BEFORE - 2 * HOUR)
    make.buys(ada, make.line("10", sku="X"), at=BEFORE)
    assert reviews(ada, "X") == (50, "")

    make.returns(ada, first, (1, "1"), at=BEFORE - HOUR)

    assert make.spendable(ada, LATER) == 50
    assert replay(program, now=LATER).deviations == []


@pytest.mark.parametrize("whose", ["ada", "bob"])
def test_a_correction_by_which_it_was_never_bought_takes_the_points_whatever_the_rule_says_of_returns(
    whose: str,
) -> None:
    program = club(bought_within_days=365)
    ada = make.member(program, "ada")
    make.member(program, "bob")
    make.buys(ada, make.line("10", sku="X"), at=BEFORE, name="C1")
    assert reviews(ada, "X") == (50, "")

    said = make.order(whose, make.line("10", sku="X" if whose == "bob" else "Z"), at=BEFORE, name="C1")
    take_correction(program.retailer, CorrectionFact(said, 1), now=LATER)

    assert make.spendable(ada, LATER) == 0
    assert replay(program, now=LATER).deviations == []


@pytest.mark.parametrize("at", [DAY + HOUR, DAY - timedelta(days=31)], ids=["after its review", "too long before it"])
@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_correction_by_which_it_was_bought_at_another_time_takes_the_points(
    at: datetime,
    *,
    is_taken_back: bool,
) -> None:
    program = club(bought_within_days=30, is_taken_back=is_taken_back)
    ada = make.member(program, "ada", since=DAY - timedelta(days=60))
    make.buys(ada, make.line("10", sku="X"), at=BEFORE, name="C1")
    assert reviews(ada, "X") == (50, "")

    said = make.order("ada", make.line("10", sku="X"), at=at, name="C1")
    take_correction(program.retailer, CorrectionFact(said, 1), now=LATER)

    assert make.spendable(ada, LATER) == 0
    assert replay(program, now=LATER).deviations == []


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_correction_by_which_it_was_still_bought_in_time_leaves_the_points(*, is_taken_back: bool) -> None:
    program = club(bought_within_days=30, is_taken_back=is_taken_back)
    ada = make.member(program, "ada", since=DAY - timedelta(days=60))
    make.buys(ada, make.line("10", sku="X"), at=BEFORE, name="C1")
    assert reviews(ada, "X") == (50, "")

    said = make.order("ada", make.line("10", sku="X"), at=DAY - timedelta(days=30), name="C1")
    take_correction(program.retailer, CorrectionFact(said, 1), now=LATER)

    assert make.spendable(ada, LATER) == 50


def test_what_comes_back_after_it_takes_the_points_as_the_rule_says() -> None:
    program = club(bought_within_days=365, is_taken_back=True)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    bought = tells(ada, "X")
    assert make.spendable(ada, LATER) == 50

    make.returns(ada, bought, (1, "1"), at=LATER + HOUR)
    tells(ada, "X", at=BEFORE, now=LATER + 2 * HOUR)

    assert make.spendable(ada, LATER + 2 * HOUR) == 0  # what was taken back stays so
    assert Shop(program).marks()[3] == "taken_back"


def test_limits_hold_for_what_is_decided_again() -> None:
    program = club(bought_within_days=365, day_limit=2, once_per_product=True)
    ada = make.member(program, "ada")
    make.buys(ada, make.line("10", sku="A"), at=BEFORE)
    reviews(ada, "X")
    reviews(ada, "Y", at=DAY + MINUTE)
    assert reviews(ada, "A", at=DAY + 2 * MINUTE) == (50, "")

    tells(ada, "X", "Y")

    assert decided(program) == {"X": (50, ""), "Y": (0, "over_day_limit"), "A": (50, "")}
    assert make.spendable(ada, LATER) == 100
    assert replay(program, now=LATER).deviations == []


def test_what_rules_gave_without_it_is_not_given_again() -> None:
    draft = make.version(rules=(make.Rule(code="any", points="10", **REVIEWS),))
    rule = EarningRule.objects.get(version=draft)
    rule.pk, rule.code, rule.points, rule.bought_within_days = None, "bought", Decimal(50), 30
    rule.save()
    rule.pk, rule.code, rule.points, rule.bought_within_days = None, "once", Decimal(7), 365
    rule.save()
    program = make.published(draft)
    ada = make.member(program, "ada", since=DAY - timedelta(days=200))
    assert reviews(ada, "X") == (10, "")

    tells(ada, "X", at=DAY - timedelta(days=100))
    assert make.spendable(ada, LATER) == 17
    tells(ada, "X", now=LATER + HOUR)

    assert (make.spendable(ada, LATER + HOUR), decided(program)) == (67, {"X": (67, "")})
    causes = Entry.objects.filter(wallet__membership=ada).order_by("pk").values_list("available_change", flat=True)
    assert list(causes) == [10, 7, 50]
    assert replay(program, now=LATER + HOUR).deviations == []


def test_of_the_best_of_a_group_it_gives_what_is_more() -> None:
    rules = (
        make.Rule(code="any", points="10", group="g", **REVIEWS),
        make.Rule(code="bought", points="50", group="g", **REVIEWS),
    )
    draft = make.version(rules=rules)
    EarningGroup.objects.update_or_create(version=draft, code="g", defaults={"combination": "best_of"})
    EarningRule.objects.filter(version=draft, code="bought").update(bought_within_days=365)
    program = make.published(draft)
    ada = make.member(program, "ada")
    assert reviews(ada, "X") == (10, "")

    tells(ada, "X")

    assert (make.spendable(ada, LATER), decided(program)) == (50, {"X": (50, "")})
    assert replay(program, now=LATER).deviations == []


def test_where_somebody_approves_rewards_it_waits_for_that() -> None:
    program = club(bought_within_days=365, needs_approval=True)
    shop, ada = Shop(program), make.member(program, "ada")
    number = game.does(ada, "review", DAY, sku="X").outcome.fact.number

    tells(ada, "X")

    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (50, 0)
    assert shop.marks() == (False, True, False, "waiting", 50, "")
    assert review(program.retailer, number, is_approved=True, now=LATER + HOUR) == 50
    assert replay(program, now=LATER + HOUR).deviations == []


def test_what_was_held_and_approved_needs_no_other_approval() -> None:
    program = club(bought_within_days=365, needs_approval=True)
    ada = make.member(program, "ada")
    make.buys(ada, *(make.line("10", sku=f"S{place}") for place in range(5)), at=DAY - HOUR)
    burst_about_x(ada)
    assert review(program.retailer, "of-x", is_approved=True, now=DAY + HOUR) == 0

    tells(ada, "X")

    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (250, 50)
    assert replay(program, now=LATER).deviations == []


def test_challenges_count_the_review_once_and_its_points_anew() -> None:
    draft = make.version(rules=(make.Rule(points="50", **REVIEWS),))
    game.add(
        draft,
        {"code": "wrote", "interaction": "review", "target": "9"},
        {"code": "points", "metric": "points", "interaction": "review", "target": "50", "points": 5},
    )
    EarningRule.objects.filter(version=draft).update(bought_within_days=365)
    program = make.published(draft)
    ada = make.member(program, "ada")
    reviews(ada, "X")

    tells(ada, "X")

    assert game.progress_of(ada) == {"wrote": (0, [{"": 1}]), "points": (1, [{"": 50}])}
    assert game.awards_of(ada) == [("points", "", 1, 5)]
    assert replay(program, now=LATER).deviations == []


def test_it_may_lift_a_member_to_a_tier() -> None:
    draft = make.version(
        rules=(make.Rule(points="50", **REVIEWS),),
        tiers=(("silver", "50", "1"),),
        scheme={"basis": "points", "window": "lifetime"},
    )
    EarningRule.objects.filter(version=draft).update(bought_within_days=365)
    program = make.published(draft)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    assert not TierChange.objects.exists()

    tells(ada, "X")

    (change,) = TierChange.objects.all()
    assert (str(change), change.cause) == ("- → Silver", f"verified:{Interaction.objects.get().pk}:0")
    assert replay(program, now=LATER).deviations == []


def test_who_has_left_and_come_back_gets_nothing_for_what_it_wrote_before() -> None:
    program = club(bought_within_days=365)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    leave(ada, now=DAY + HOUR)
    enrol(program, [(ada.customer_id, DAY + 2 * HOUR)], source="test", now=DAY + 2 * HOUR)

    tells(ada, "X")

    assert (make.spendable(ada, LATER), decided(program)) == (0, {"X": NOT_BOUGHT})


def test_a_return_of_several_orders_told_together_leaves_what_is_kept() -> None:
    program = club(bought_within_days=365, is_taken_back=True)
    ada = make.member(program, "ada")
    reviews(ada, "X")
    first, second = (tells(ada, "X", at=BEFORE - turn * HOUR) for turn in range(2))

    make.returns(ada, first, (1, "1"), at=LATER + HOUR)
    assert make.spendable(ada, LATER + HOUR) == 50
    make.returns(ada, second, (1, "1"), at=LATER + 2 * HOUR)

    assert make.spendable(ada, LATER + 2 * HOUR) == 0
    assert replay(program, now=LATER + 2 * HOUR).deviations == []


def test_only_where_a_rule_asks_for_products_an_order_asks_the_database_once_more() -> None:
    asked = []
    for program in (club(bought_within_days=365), club(day_limit=3)):
        ada = make.member(program, "ada")
        make.buys(ada, "10", at=BEFORE)
        with CaptureQueriesContext(connection) as queries:
            make.buys(ada, "10", at=DAY)
        asked.append(len(queries))

    assert asked[0] - asked[1] == 1
