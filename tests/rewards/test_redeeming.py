"""A reward is redeemed once, for the right price, and comes back with the same lots."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers.facts import CorrectionFact, ReturnFact, ReturnLineFact
from customers.models import Consent, Insight
from loyalty.activity.account.session import InsufficientPoints, OtherRequest, ReferenceUsed
from loyalty.activity.account.spending import PaidReward, hold, redeem, reverse
from loyalty.activity.correcting import take_correction
from loyalty.activity.intake import take_orders, take_returns
from loyalty.activity.nightly import run_nights
from loyalty.activity.replaying import replay
from loyalty.activity.rewards.catalogue import shelf_of
from loyalty.activity.rewards.redeemed import entry_of
from loyalty.activity.rewards.redeeming import (
    FixedPrice,
    LimitReached,
    NoSuchPrice,
    NoSuchReward,
    NotForMember,
    OtherPoints,
    OtherReward,
    SoldOut,
    redeem_reward,
)
from loyalty.activity.rewards.supplying import NothingToPayOut, add_stock, fulfil_reward, pay_out
from loyalty.activity.rewards.tills import OnItsWay, confirm_voucher, hold_voucher, voucher_of
from loyalty.activity.rewards.undoing import HeldByTill, NotUndoable, PaidOut, cancel_reward, refund_reward
from loyalty.configuration.checking import check
from loyalty.configuration.drafts import open_draft, publish
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.plans.account.joining import cancel
from loyalty.points.models import Entry, Lot, PointsPolicy
from loyalty.rewards.models import CauseEntry, Reward, RewardCode, RewardRedemption
from loyalty.rewards.sealing import is_ours
from loyalty.rewards.state import RewardKept
from tests import make
from tests.make import NOON
from tests.plans import make_plans
from tests.rewards import shop

pytestmark = pytest.mark.django_db
TEN = Decimal(10)


def lots(who: Membership) -> list[tuple[int, object]]:
    return list(Lot.objects.filter(wallet__membership=who).order_by("pk").values_list("available", "expires_at"))


def test_a_reward_costs_its_points_and_gives_a_code_that_only_the_key_opens() -> None:
    ada = shop.member(shop.club())

    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    made = RewardRedemption.objects.get()
    assert (got.available, made.points, made.amount, made.status) == (500, 500, Decimal(5), "issued")
    assert is_ours(got.code)
    assert got.code.encode() not in bytes(RewardCode.objects.get().sealed)
    assert list(Event.objects.filter(type="reward.redeemed").values_list("payload", flat=True)) == [
        {"program": ada.program.slug, "member": ada.number, "reward": "five-off", "redemption": str(made.pk), "points": 500,
         "wallet": "points"}
    ]  # fmt: skip


def test_the_same_reference_again_gives_the_same_reward_and_another_one_is_a_conflict() -> None:
    ada = shop.member(shop.club())
    first = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    again = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    assert (again.code, again.is_new, again.available) == (first.code, False, 500)
    with pytest.raises(OtherReward):
        redeem_reward(ada, "five-off", reference="r1", points=400, now=NOON)
    cancel_reward(first.redemption, now=NOON)
    with pytest.raises(ReferenceUsed):
        redeem_reward(ada, "five-off", reference="r1", now=NOON)
    assert (make.spendable(ada, NOON), RewardRedemption.objects.count()) == (1_000, 1)


def test_what_cannot_be_redeemed_takes_no_points() -> None:
    ada = shop.member(shop.club(), 499)

    with pytest.raises(InsufficientPoints):
        redeem_reward(ada, "five-off", reference="r1", now=NOON)
    with pytest.raises(NoSuchReward):
        redeem_reward(ada, "nothing", reference="r1", now=NOON)
    with pytest.raises(FixedPrice):
        redeem_reward(ada, "five-off", reference="r1", points=100, now=NOON)

    assert (make.spendable(ada, NOON), RewardRedemption.objects.count(), RewardCode.objects.count()) == (499, 0, 0)


def test_a_cancelled_reward_restores_the_same_lots_with_their_expiry_and_its_stock() -> None:
    program = shop.club(policy={"expiry": "days", "expiry_count": 30}, stock=3)
    ada = make.member(program)
    make.buys(ada, "300.00", at=NOON - timedelta(days=3))
    make.buys(ada, "400.00", at=NOON - timedelta(days=1))
    before = lots(ada)
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    assert ([points for points, _ in lots(ada)], shop.taken(program)) == ([0, 200], 1)

    back = cancel_reward(got.redemption, now=NOON)

    assert (back.points, back.expired, lots(ada), shop.taken(program)) == (500, 0, before, 0)
    assert cancel_reward(got.redemption, now=NOON).is_new is False


def test_what_expired_meanwhile_comes_back_as_expired_and_the_answer_says_how_much() -> None:
    ada = make.member(shop.club(policy={"expiry": "days", "expiry_count": 3}))
    make.buys(ada, "300.00", at=NOON - timedelta(days=3))
    make.buys(ada, "400.00", at=NOON)
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    back = refund_reward(got.redemption, now=NOON + timedelta(days=2))

    assert (back.points, back.expired, back.available) == (200, 300, 400)


def test_points_that_paid_a_reward_do_not_come_back_without_it() -> None:
    ada = shop.member(shop.club())
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    entry = entry_of(got.redemption)
    assert entry is not None

    with pytest.raises(PaidReward):
        reverse(ada, entry.pk, now=NOON)
    plain = redeem(ada, 100, reference="p1", now=NOON)

    assert reverse(ada, plain.entry_id, now=NOON).points == 100
    assert make.spendable(ada, NOON) == 500


def test_limits_of_a_member_hold_within_their_period_and_what_was_undone_leaves_room() -> None:
    ada = shop.member(shop.club(member_limit=1, member_period="month"), 5_000)
    first = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    with pytest.raises(LimitReached):
        redeem_reward(ada, "five-off", reference="r2", now=NOON)
    cancel_reward(first.redemption, now=NOON)
    redeem_reward(ada, "five-off", reference="r3", now=NOON)
    redeem_reward(ada, "five-off", reference="r4", now=make.on("2026-07-01"))

    assert RewardRedemption.objects.filter(status="issued").count() == 2


def test_prices_by_tier_by_its_discount_by_segment_and_by_wallet() -> None:
    draft = make.version(tiers=[("bronze", "0", "1"), ("gold", "100", "1")])
    draft.tiers.filter(code="gold").update(reward_discount=TEN)
    shop.reward(draft)
    shop.reward(draft, "plain")
    shop.price(draft, "top", 400, segment="top_value")
    shop.price(draft, "stars", 5, wallet="stars")
    PointsPolicy.objects.create(version=draft, code="stars")
    program = make.published(draft)
    ada, bob, eve = (shop.member(program, name=name) for name in ("ada", "bob", "eve"))
    make.buys(bob, "100.00", at=NOON - timedelta(hours=2))
    insight = {"run_id": 1, "as_of": NOON.date(), "horizon_days": 365, "currency": "EUR", "historic_revenue": 1}
    for who in (ada, eve):
        Insight.objects.create(customer=who.customer, value_decile=10, **insight)
    Consent.objects.create(customer=eve.customer, purpose="profiling", granted=True, occurred_at=NOON, source="app")

    paid = [redeem_reward(who, "five-off", reference="r", now=NOON).redemption for who in (ada, bob, eve)]

    assert [(one.points, one.price_rule) for one in paid] == [(500, "list"), (450, "tier:gold"), (400, "price:top")]
    with pytest.raises(InsufficientPoints):
        redeem_reward(ada, "five-off", reference="s", wallet="stars", now=NOON)
    with pytest.raises(NoSuchPrice):
        redeem_reward(ada, "plain", reference="s", wallet="stars", now=NOON)


def test_a_members_plan_gives_it_lower_prices_and_rewards_of_its_own_as_long_as_it_has_it() -> None:
    draft = make.version()
    make_plans.add_plans(draft, {"code": "plus"})
    shop.reward(draft)
    shop.reward(draft, "plus-only", 100, plans=["plus"])
    shop.price(draft, "for-plus", 350, plan="plus")
    program = make.published(draft)
    ada, bob = shop.member(program, name="ada"), shop.member(program, name="bob")
    make_plans.joined(ada, at=NOON - timedelta(hours=1))

    paid = [redeem_reward(who, "five-off", reference="r1", now=NOON).redemption for who in (ada, bob)]
    shelf = shelf_of(ada.pk, at=NOON)

    assert [(one.points, one.price_rule) for one in paid] == [(350, "price:for-plus"), (500, "list")]
    assert shelf is not None
    assert ['"points":350' in each for each in shelf.rewards] == [True, False]
    assert redeem_reward(ada, "plus-only", reference="r2", now=NOON).redemption.points == 100
    with pytest.raises(NotForMember):
        redeem_reward(bob, "plus-only", reference="r2", now=NOON)
    cancel(ada, now=NOON)
    with pytest.raises(NotForMember):  # its plan is over, and no night has run
        redeem_reward(ada, "plus-only", reference="r3", now=NOON + timedelta(days=60))


def test_a_reward_for_others_or_for_another_time_is_refused_with_its_reason() -> None:
    draft = make.version(tiers=[("bronze", "0", "1"), ("gold", "100", "1")])
    shop.reward(draft, "gold-only", tiers=["gold"])
    make_plans.add_plans(draft, {"code": "plus"})
    shop.reward(draft, "plan-only", plans=["plus"])
    shop.reward(draft, "segment-only", segments=["at_risk"])
    shop.reward(draft, "later", first_day=NOON.date() + timedelta(days=1))
    shop.reward(draft, "over", last_day=NOON.date() - timedelta(days=1))
    ada = shop.member(make.published(draft))
    reasons = []

    for code in ("gold-only", "plan-only", "segment-only", "later", "over"):
        with pytest.raises(NotForMember) as refused:
            redeem_reward(ada, code, reference=code, now=NOON)
        reasons.append(refused.value.reason)

    assert reasons == ["other_tier", "other_plan", "other_segment", "not_yet", "no_longer"]
    assert make.spendable(ada, NOON) == 1_000


def test_the_last_one_is_sold_once_and_more_can_be_added() -> None:
    program = shop.club(stock=1)
    ada, bob = shop.member(program), shop.member(program)
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    with pytest.raises(SoldOut):
        redeem_reward(bob, "five-off", reference="r1", now=NOON)
    add_stock(program, got.redemption.reward_key, 1)
    redeem_reward(bob, "five-off", reference="r1", now=NOON)

    assert (make.spendable(bob, NOON), shop.taken(program)) == (500, 2)


def lots_of(who: Membership) -> list[tuple[Any, ...]]:
    """Return what each lot of a member has, and when it expires."""
    rows = Lot.objects.filter(wallet__membership=who).order_by("pk")
    return list(rows.values_list("pk", "available", "expires_at"))


def test_a_donation_is_matched_within_its_budget_undone_before_it_is_paid_out_and_refused_after() -> None:
    """S23: rate 100 points = 1, match 1:1 with 3 left."""
    program = shop.club(
        code="forest", points=100, kind="donation", points_per_unit=100, match_percent=100, match_budget=Decimal(3)
    )
    ada = shop.member(program)
    with pytest.raises(OtherPoints):
        redeem_reward(ada, "forest", reference="d0", points=99, now=NOON)

    before = lots_of(ada)

    got = redeem_reward(ada, "forest", reference="d1", points=500, now=NOON)

    def cause() -> list[tuple[str, Decimal]]:
        return list(CauseEntry.objects.order_by("pk").values_list("kind", "amount"))

    assert cause() == [("member", Decimal("5.00")), ("match", Decimal(3))]
    assert sum(amount for _, amount in cause()) == Decimal("8.00")
    assert Entry.objects.filter(wallet__membership=ada, kind="redeem").get().available_change == -500
    assert (got.redemption.amount, got.redemption.matched, got.available) == (Decimal("5.00"), Decimal(3), 500)
    back = refund_reward(got.redemption, now=NOON)
    assert (back.points, sum(amount for _, amount in cause())) == (500, 0)
    assert lots_of(ada) == before  # the same lots, with their own expiry
    again = redeem_reward(ada, "forest", reference="d2", points=200, now=NOON)
    assert again.redemption.matched == Decimal(2)
    paid = pay_out(program, got.redemption.reward_key, document="T-1", now=NOON)
    assert (paid.amount, pay_out(program, got.redemption.reward_key, document="T-1", now=NOON).pk) == (-4, paid.pk)
    with pytest.raises(PaidOut):
        refund_reward(again.redemption, now=NOON)


def test_paying_with_points_takes_an_amount_off_that_the_points_are_worth() -> None:
    ada = shop.member(shop.club(code="pay", points=100, kind="pay_with_points", points_per_unit=30, codes="generated"))

    got = redeem_reward(ada, "pay", reference="p1", points=100, now=NOON)

    assert (got.redemption.amount, got.available) == (Decimal("3.33"), 900)


def test_a_product_is_sent_and_comes_and_cannot_be_cancelled_on_its_way_by_its_member() -> None:
    ada = shop.member(shop.club(code="mug", kind="product", sku="MUG", may_cancel=True, stock=5))
    got = redeem_reward(ada, "mug", reference="r1", now=NOON)
    sent = fulfil_reward(got.redemption, RewardRedemption.Status.IN_PROGRESS, note="parcel 7", now=NOON)

    with pytest.raises(NotUndoable):
        cancel_reward(got.redemption, by_member=True, now=NOON)
    came = fulfil_reward(got.redemption, RewardRedemption.Status.FULFILLED, now=NOON + timedelta(days=2))

    assert (got.code, sent.status, came.status, came.note) == ("", "in_progress", "fulfilled", "parcel 7")
    with pytest.raises(NotUndoable):
        cancel_reward(got.redemption, now=NOON + timedelta(days=3))
    assert refund_reward(got.redemption, now=NOON + timedelta(days=3)).points == 500


def forest(**given: Any) -> dict[str, Any]:
    return {"code": "forest", "points": 100, "kind": "donation", "points_per_unit": 100, **given}


@pytest.mark.parametrize("match", [{}, {"match_percent": 100, "match_budget": Decimal(1_000)}])
@pytest.mark.parametrize("way", ["return", "correction"])
def test_a_donation_that_was_paid_out_stays_when_its_order_comes_back_and_the_answer_says_so(
    match: dict[str, Any], way: str
) -> None:
    program = shop.club(**forest(**match))
    ada, bob = shop.member(program), shop.member(program)
    got = {who: redeem_reward(who, "forest", reference="d1", points=300, now=NOON).redemption for who in (ada, bob)}
    plain = redeem(ada, 100, reference="p1", now=NOON)
    order = make.order(ada, make.line("20.00", quantity="2"), at=NOON, name="A-1", redemptions=("d1", "p1"))
    take_orders(ada.retailer, [order], now=NOON)
    paid = pay_out(program, got[ada].reward_key, document="T-1", now=NOON)
    later = redeem_reward(ada, "forest", reference="d2", points=100, now=NOON).redemption

    if way == "return":
        gone = back(ada, "A-1", NOON + timedelta(days=1), 2)
    else:  # one of two comes back, and then it turns out that one was all
        back(ada, "A-1", NOON + timedelta(days=1))
        (line,) = order.lines
        one = replace(order, lines=(replace(line, quantity=Decimal(1), net_amount=Decimal(10)),))
        answer = take_correction(ada.retailer, CorrectionFact(one, version=1), now=NOON + timedelta(days=1))
        (gone,) = answer.decisions

    assert [each.reference for each in gone.effects if isinstance(each, RewardKept)] == ["d1"]
    assert (RewardRedemption.objects.get(pk=got[ada].pk).status, plain.points) == ("fulfilled", 100)
    # 1,000 less what was given; what paid the rest of the order came back, what the order had earned is gone.
    assert make.spendable(ada, NOON + timedelta(days=1)) == 600
    assert -paid.amount == sum(each.amount for each in CauseEntry.objects.filter(pk__lt=paid.pk))
    assert sum(each.amount for each in CauseEntry.objects.filter(redemption=later)) == later.amount + later.matched
    assert replay(program, now=NOON + timedelta(days=2)).deviations == []
    with pytest.raises(PaidOut):
        refund_reward(got[bob], now=NOON)


def test_a_donation_that_is_not_paid_out_comes_back_with_its_order_and_its_cause_loses_it() -> None:
    program = shop.club(**forest())
    ada, bob = shop.member(program), shop.member(program)
    first = redeem_reward(bob, "forest", reference="d0", points=100, now=NOON).redemption
    pay_out(program, first.reward_key, document="T-1", now=NOON)
    got = redeem_reward(ada, "forest", reference="d1", points=300, now=NOON).redemption
    take_orders(ada.retailer, [make.order(ada, "10.00", at=NOON, name="A-1", redemptions=("d1",))], now=NOON)

    gone = back(ada, "A-1", NOON + timedelta(days=1))

    got.refresh_from_db()
    assert (got.status, [each for each in gone.effects if isinstance(each, RewardKept)]) == ("refunded", [])
    assert make.spendable(ada, NOON + timedelta(days=1)) == 1_000
    with pytest.raises(NothingToPayOut):
        pay_out(program, first.reward_key, document="T-2", now=NOON)
    assert replay(program, now=NOON + timedelta(days=2)).deviations == []


def back(ada: Membership, number: str, at: datetime, pieces: int = 1) -> Decision:
    """Let pieces of an order of one line come back; return what it caused."""
    fact = ReturnFact(make.number("return"), number, at, (ReturnLineFact(Decimal(pieces), 1),))
    (answer,) = take_returns(ada.retailer, [fact], now=at)
    (decision,) = answer.decisions
    return decision


def test_the_same_reference_gives_the_same_reward_after_it_was_renamed_or_withdrawn() -> None:
    draft = make.version()
    shop.reward(draft)
    shop.reward(draft, "other")
    program = make.published(draft)
    ada = shop.member(program)
    first = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    renamed, gone = make.on("2026-07-01"), make.on("2026-08-01")
    draft = open_draft(program, author="sue", now=NOON)
    Reward.objects.filter(version=draft, code="five-off").update(code="six-off")
    publish(draft, effective_from=renamed, now=NOON)
    shop.follow(program, gone, without="six-off")

    for at, code in ((renamed, "five-off"), (renamed, "six-off"), (gone, "five-off"), (gone, "six-off")):
        again = redeem_reward(ada, code, reference="r1", now=at + timedelta(days=1))
        assert (again.is_new, again.code) == (False, first.code)
    with pytest.raises(OtherReward):
        redeem_reward(ada, "other", reference="r1", now=gone)
    assert make.spendable(ada, gone) == 500


@pytest.mark.parametrize("night", [False, True])
def test_the_same_reference_is_used_up_when_its_reward_has_ended_whether_or_not_the_night_has_run(
    *, night: bool
) -> None:
    program = shop.club(valid_days=1, on_expiry="give_back")
    ada = shop.member(program)
    redeem_reward(ada, "five-off", reference="r1", now=NOON)
    at = NOON + timedelta(days=2)
    if night:
        run_nights(program, until=at.date(), now=at)

    with pytest.raises(ReferenceUsed):
        redeem_reward(ada, "five-off", reference="r1", now=at)
    assert make.spendable(ada, at + timedelta(days=1)) == (1_000 if night else 500)


def test_points_cannot_be_redeemed_under_the_reference_of_a_reward_nor_the_other_way_round() -> None:
    ada = shop.member(shop.club(), 5_000)
    redeem_reward(ada, "five-off", reference="r1", now=NOON)
    redeem(ada, 500, reference="p1", now=NOON)

    with pytest.raises(OtherRequest):
        redeem(ada, 500, reference="r1", now=NOON)
    with pytest.raises(OtherRequest):
        hold(ada, 500, reference="r1", now=NOON)
    with pytest.raises(OtherRequest):
        redeem_reward(ada, "five-off", reference="p1", now=NOON)
    assert make.spendable(ada, NOON) == 4_000


def test_what_was_taken_while_a_version_had_no_stock_counts_when_the_next_one_has_it_again() -> None:
    program = shop.club(stock=2)
    members = [shop.member(program) for _ in range(4)]
    july, august = make.on("2026-07-01"), make.on("2026-08-01")
    shop.follow(program, july, stock=None)
    got = [redeem_reward(who, "five-off", reference="r", now=july + timedelta(days=1)) for who in members[:3]]
    shop.follow(program, august, stock=2)

    with pytest.raises(SoldOut):
        redeem_reward(members[3], "five-off", reference="r", now=august)
    for each in got[:2]:
        cancel_reward(each.redemption, now=august)
    redeem_reward(members[3], "five-off", reference="r", now=august)

    assert shop.taken(program) == 2


def test_what_was_taken_before_any_version_had_a_stock_is_no_part_of_it() -> None:
    program = shop.club()
    ada, bob = shop.member(program), shop.member(program)
    first = redeem_reward(ada, "five-off", reference="r", now=NOON)
    july = make.on("2026-07-01")
    shop.follow(program, july, stock=1)

    redeem_reward(bob, "five-off", reference="r", now=july)
    cancel_reward(first.redemption, now=july)

    assert shop.taken(program) == 1


@pytest.mark.parametrize(("kind", "codes"), [("donation", "none"), ("pay_with_points", "generated")])
def test_points_that_are_worth_nothing_are_not_taken(kind: str, codes: str) -> None:
    draft = make.version()
    shop.reward(draft, "any", 9, kind=kind, points_per_unit=1_000, codes=codes, minimum_amount=Decimal("0.005"))

    found = [(each.code, each.place) for each in check(draft) if each.is_error]

    assert found == [("too_many_decimals", "rewards/any/minimum_amount"), ("worth_nothing", "rewards/any")]
    Reward.objects.filter(version=draft).update(points=10, minimum_amount=0)
    ada = shop.member(make.published(draft))
    with pytest.raises(OtherPoints):
        redeem_reward(ada, "any", reference="r", points=9, now=NOON)
    assert redeem_reward(ada, "any", reference="r", points=19, now=NOON).redemption.amount == Decimal("0.01")


def test_a_product_on_its_way_is_not_used_at_a_till_and_one_in_a_tills_hand_is_not_sent() -> None:
    ada = shop.member(shop.club(code="mug", kind="product", sku="MUG"))
    sent, held = (redeem_reward(ada, "mug", reference=name, now=NOON).redemption for name in ("r1", "r2"))
    fulfil_reward(sent, RewardRedemption.Status.IN_PROGRESS, now=NOON)
    token = hold_voucher(ada.retailer, voucher_of(ada.retailer, held.pk, now=NOON), reference="t", now=NOON).token

    found = voucher_of(ada.retailer, sent.pk, now=NOON)
    with pytest.raises(OnItsWay):
        hold_voucher(ada.retailer, found, reference="t", now=NOON)
    with pytest.raises(HeldByTill):
        fulfil_reward(held, RewardRedemption.Status.IN_PROGRESS, now=NOON)

    assert (found.status, found.at) == ("in_progress", None)
    assert confirm_voucher(ada.retailer, token, now=NOON).voucher.status == "used"
