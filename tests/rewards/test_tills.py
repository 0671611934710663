"""A voucher at tills: checked, held, confirmed or released; of two one wins. It ends by time, and comes back with its order."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from customers.core import bulk
from customers.core.ids import new_id
from customers.facts import ReturnFact, ReturnLineFact
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.session import HasLeft, InsufficientPoints
from loyalty.activity.intake import take_orders, take_returns
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.catalogue import shelf_of
from loyalty.activity.rewards.freeing import PIECES
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeemed import RewardEnded, RewardReceipt, code_of
from loyalty.activity.rewards.redeeming import LimitReached, SoldOut, redeem_reward
from loyalty.activity.rewards.tills import (
    ConfirmedOtherwise,
    HeldVoucher,
    HoldOver,
    MistypedCode,
    NoSuchHold,
    NoSuchVoucher,
    OtherTill,
    VoucherHeld,
    VoucherOver,
    VoucherUsed,
    check_voucher,
    confirm_voucher,
    hold_voucher,
    release_voucher,
)
from loyalty.activity.rewards.undoing import HeldByTill, cancel_reward, refund_reward
from loyalty.configuration.document import apply_to, to_document
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.households import share
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.points.models import Lot
from loyalty.points.proof import prove
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward, RewardRedemption, VoucherHold
from tests import make
from tests.make import NOON
from tests.rewards import shop

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def bought(who: Membership, at: datetime = NOON, code: str = "five-off") -> RewardReceipt:
    return redeem_reward(who, code, reference="r1", now=at)


def held(who: Membership, got: RewardReceipt, reference: str, at: datetime, **given: Any) -> HeldVoucher:
    voucher = check_voucher(who.retailer, got.code, now=at)
    return hold_voucher(who.retailer, voucher, reference=reference, now=at, **given)


def status(got: RewardReceipt) -> str:
    return RewardRedemption.objects.get(pk=got.redemption.pk).status


def test_a_check_tells_what_a_code_is_good_for_and_nothing_of_whom_it_belongs_to() -> None:
    ada = shop.member(shop.club(minimum_amount=Decimal(20), valid_days=10), name="ada-lovelace")
    got = bought(ada)

    typed = got.code.lower().replace("0", "o").replace("1", "l").replace("-", " ")
    found = check_voucher(ada.retailer, typed, now=NOON)

    assert (found.status, found.reward, found.amount, found.minimum_amount) == (
        "usable",
        "five-off",
        Decimal(5),
        Decimal(20),
    )
    assert "ada" not in repr(found)
    assert ada.number not in repr(found)


def test_a_typing_error_is_told_and_a_code_of_another_retailer_does_not_exist() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    wrong = got.code[:-1] + ("0" if got.code[-1] != "0" else "1")

    with pytest.raises(MistypedCode):
        check_voucher(ada.retailer, wrong, now=NOON)
    with pytest.raises(NoSuchVoucher):
        check_voucher(make.retailer(), got.code, now=NOON)


def test_of_codes_of_a_pool_that_look_alike_each_is_found_as_it_was_imported() -> None:
    program = shop.club(codes="pool", kind="voucher")
    import_codes(
        program, Reward.objects.get().key, make.codes("ABO1", "AB01", "SOLO-LIL"), file_name="codes.csv", now=NOON
    )
    members = [shop.member(program) for _ in range(3)]
    codes = [bought(who).code for who in members]

    found = [check_voucher(program.retailer, text, now=NOON).redemption_id for text in ("abo1", "AB-01", "solo lil")]

    assert codes == ["ABO1", "AB01", "SOLO-LIL"]
    mine = dict(RewardRedemption.objects.values_list("membership_id", "pk"))
    assert found == [mine[who.pk] for who in members]


def test_a_code_of_a_pool_stays_known_when_another_key_seals(settings: Settings) -> None:
    program = shop.club(codes="pool", kind="voucher")
    key = Reward.objects.get().key
    settings.CODE_KEYS = ["the old one"]
    import_codes(program, key, make.codes("AB-12", "CD-34"), file_name="codes.csv", now=NOON)
    settings.CODE_KEYS = ["the new one", "the old one"]

    done = import_codes(program, key, make.codes("AB-12", "EF-56", "cd 34"), file_name="codes.csv", now=NOON)

    assert (done.new, done.known) == (1, 2)
    assert sorted(bought(shop.member(program)).code for _ in range(3)) == ["AB-12", "CD-34", "EF-56"]


def test_a_reward_that_was_withdrawn_and_is_back_is_withdrawn_for_whoever_had_it_then() -> None:
    draft = make.version()
    shop.reward(draft, on_withdrawal="give_back")
    shop.reward(draft, "other")
    program = make.published(draft)
    ada = shop.member(program)
    got = bought(ada)
    document = to_document(ProgramVersion.objects.get(program=program))
    shop.follow(program, make.on("2026-07-01"), without="five-off")
    again = open_draft(program, author="sue", now=NOON)
    apply_to(again, document)
    publish(again, effective_from=make.on("2026-08-01"), now=NOON)
    at = make.on("2026-08-02")

    checked = check_voucher(ada.retailer, got.code, now=at)
    with pytest.raises(VoucherOver):
        held(ada, got, "till-1", at)
    assert (checked.status, checked.at) == ("withdrawn", make.on("2026-07-01"))
    new = redeem_reward(ada, "five-off", reference="r2", now=at)

    assert check_voucher(ada.retailer, new.code, now=at).status == "usable"
    assert make.spendable(ada, at) == 500


@pytest.mark.parametrize("on_expiry", ["keep", "give_back"])
def test_two_tills_one_cut_off_over_the_vouchers_last_midnight(on_expiry: str) -> None:
    """What was given before the end counts within the hold and its minute; later the answer is clear and the points safe."""
    program = shop.club(valid_days=10, on_expiry=on_expiry)
    ada, bob = shop.member(program), shop.member(program)
    quick, slow = bought(ada), bought(bob)
    end = make.on("2026-06-26")
    gave = end - MINUTE
    mine, theirs = held(ada, quick, "till-1", end - 2 * MINUTE), held(bob, slow, "till-2", end - 2 * MINUTE)

    in_time = end + 4 * MINUTE - timedelta(seconds=1)  # the holds' five minutes and the one behind are not over
    for _ in range(2):
        confirm_voucher(ada.retailer, mine.token, used_at=gave, now=in_time)
    late = end + 30 * MINUTE
    for _ in range(2):
        with pytest.raises(RewardEnded) as refused:
            confirm_voucher(bob.retailer, theirs.token, used_at=gave, now=late)
    night = end + timedelta(days=1)
    run_nights(program, until=night.date(), now=night)

    assert "expired" in str(refused.value)
    assert (status(quick), status(slow)) == ("used", "expired")
    assert [make.spendable(who, night) for who in (ada, bob)] == [500, 500 if on_expiry == "keep" else 1_000]
    assert VoucherHold.objects.filter(status="open").count() == 0
    assert prove().differences == []


def test_of_two_tills_that_were_cut_off_the_one_that_took_it_over_has_it_whatever_the_first_says_later() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    first = held(ada, got, "till-1", NOON, life=MINUTE)
    second = held(ada, got, "till-2", NOON + 2 * MINUTE)

    for _ in range(2):
        with pytest.raises(HoldOver) as refused:
            confirm_voucher(ada.retailer, first.token, used_at=NOON + MINUTE / 2, now=NOON + 3 * MINUTE)
    used = confirm_voucher(ada.retailer, second.token, now=NOON + 60 * MINUTE)  # nobody took it over: it is its own
    with pytest.raises(HoldOver):
        release_voucher(ada.retailer, second.token, now=NOON + 61 * MINUTE)

    assert "taken over by another till, at 2026-06-15 12:02" in str(refused.value)
    assert (used.voucher.status, make.spendable(ada, NOON + 61 * MINUTE)) == ("used", 500)


def test_of_two_tills_one_wins_and_the_other_is_told_when() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    first = held(ada, got, "till-1", NOON)

    with pytest.raises(VoucherHeld) as refused:
        held(ada, got, "till-2", NOON + MINUTE)
    used = confirm_voucher(ada.retailer, first.token, order="A-1", now=NOON + 2 * MINUTE)
    with pytest.raises(VoucherUsed) as told:
        held(ada, got, "till-2", NOON + 3 * MINUTE)

    assert "2026-06-15 12:00" in str(refused.value)
    assert str(told.value) == "The voucher was used before, at 2026-06-15 12:02 UTC."
    assert (used.voucher.status, used.voucher.reference) == ("used", "r1")
    assert check_voucher(ada.retailer, got.code, now=NOON).at == NOON + 2 * MINUTE


def test_of_two_tills_that_number_their_receipts_alike_one_wins_as_well() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    first = held(ada, got, "1", NOON, till="A")

    with pytest.raises(VoucherHeld):
        held(ada, got, "1", NOON + MINUTE, till="B")
    again = held(ada, got, "1", NOON + MINUTE, till="A")
    with pytest.raises(OtherTill) as later:
        held(ada, got, "1", NOON + 7 * MINUTE, till="B")
    confirm_voucher(ada.retailer, first.token, now=NOON + 8 * MINUTE)
    with pytest.raises(VoucherUsed):
        held(ada, got, "1", NOON + 9 * MINUTE, till="B")

    assert (again.token, again.is_new) == (first.token, False)
    assert (later.value.code, VoucherHold.objects.get().till) == ("conflict", "A")


@pytest.mark.parametrize("between", ["\u202f", "\u00ad", "\u200b", "\u2212", "\t", ".", "/", "\r\n"])
def test_a_generated_code_is_found_whatever_stands_between_its_characters(between: str) -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    wide = "".join(chr(ord(each) + 0xFEE0) if each.isalnum() else each for each in got.code)

    found = [
        check_voucher(ada.retailer, text, now=NOON).redemption_id
        for text in (got.code.replace("-", between), between.join(got.code.lower()), f"*{got.code}*", wide)
    ]

    assert found == [got.redemption.pk] * 4


def test_the_same_hold_and_the_same_confirmation_again_change_nothing() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    first = held(ada, got, "till-1", NOON)

    again = held(ada, got, "till-1", NOON + MINUTE)
    confirm_voucher(ada.retailer, first.token, now=NOON + MINUTE)
    confirm_voucher(ada.retailer, first.token, now=NOON + 2 * MINUTE)

    assert (again.token, again.is_new) == (first.token, False)
    assert list(Event.objects.filter(type="reward.used").values_list("occurred_at", flat=True)) == [NOON + MINUTE]
    with pytest.raises(HoldOver):
        release_voucher(ada.retailer, first.token, now=NOON + 3 * MINUTE)
    with pytest.raises(NoSuchHold):
        confirm_voucher(ada.retailer, f"{first.hold.pk}.guessed", now=NOON)
    with pytest.raises(NoSuchHold):
        confirm_voucher(make.retailer(), first.token, now=NOON)


@pytest.mark.parametrize("undo", ["refunded", "its order returned"])
def test_a_voucher_that_was_used_and_undone_is_neither_held_nor_confirmed_again(undo: str) -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    mine = held(ada, got, "receipt-1", NOON + MINUTE)
    confirm_voucher(ada.retailer, mine.token, now=NOON + MINUTE)
    if undo == "refunded":
        refund_reward(RewardRedemption.objects.get(pk=got.redemption.pk), now=NOON + 2 * MINUTE)
    else:
        paid = make.order(ada, "30", at=NOON + MINUTE, redemptions=("r1",))
        take_orders(ada.retailer, [paid], now=NOON + MINUTE)
        back = ReturnFact("b1", paid.number, NOON + 2 * MINUTE, (ReturnLineFact(Decimal(1), 1),))
        take_returns(ada.retailer, [back], now=NOON + 2 * MINUTE)

    with pytest.raises(VoucherOver):
        held(ada, got, "receipt-1", NOON + 3 * MINUTE)
    with pytest.raises(VoucherOver):
        confirm_voucher(ada.retailer, mine.token, now=NOON + 3 * MINUTE)

    assert status(got) == "refunded"
    assert make.wallet_of(ada).available == 1_000


def test_a_till_that_was_cut_off_for_a_minute_still_has_its_voucher() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    first = held(ada, got, "till-1", NOON, life=MINUTE)
    later = NOON + 2 * MINUTE - timedelta(seconds=1)

    with pytest.raises(VoucherHeld):
        held(ada, got, "till-2", later)
    confirm_voucher(ada.retailer, first.token, used_at=NOON + timedelta(seconds=50), now=later)

    assert RewardRedemption.objects.get().used_at == NOON + timedelta(seconds=50)


def test_a_till_that_is_silent_for_too_long_loses_its_voucher_to_the_next_one() -> None:
    ada = shop.member(shop.club())
    got = bought(ada)
    first = held(ada, got, "till-1", NOON, life=MINUTE)

    second = held(ada, got, "till-2", NOON + 2 * MINUTE)

    with pytest.raises(HoldOver):
        confirm_voucher(ada.retailer, first.token, now=NOON + 2 * MINUTE)
    assert confirm_voucher(ada.retailer, second.token, now=NOON + 2 * MINUTE).voucher.status == "used"


def test_a_released_voucher_is_usable_again_and_a_held_one_cannot_be_cancelled() -> None:
    ada = shop.member(shop.club(may_cancel=True))
    got = bought(ada)
    first = held(ada, got, "till-1", NOON)

    with pytest.raises(HeldByTill):
        cancel_reward(got.redemption, by_member=True, now=NOON)
    release_voucher(ada.retailer, first.token, now=NOON)

    assert check_voucher(ada.retailer, got.code, now=NOON).status == "usable"
    assert cancel_reward(got.redemption, by_member=True, now=NOON).points == 500
    assert check_voucher(ada.retailer, got.code, now=NOON).status == "cancelled"


@pytest.mark.parametrize(("on_expiry", "left"), [("keep", 500), ("give_back", 1_000)])
@pytest.mark.parametrize("night", [False, True])
def test_a_code_ends_with_its_last_day_whether_or_not_the_night_has_run(
    on_expiry: str, left: int, *, night: bool
) -> None:
    program = shop.club(valid_days=10, on_expiry=on_expiry, stock=7)
    ada = shop.member(program)
    got = bought(ada)
    end = make.on("2026-06-26")
    assert check_voucher(ada.retailer, got.code, now=end - timedelta(seconds=1)).status == "usable"

    if night:
        run_nights(program, until=end.date(), now=end + timedelta(seconds=5))

    at = end + timedelta(seconds=20)
    assert check_voucher(ada.retailer, got.code, now=at).status == "expired"
    with pytest.raises(VoucherOver):
        held(ada, got, "till-1", at)
    run_nights(program, until=end.date(), now=at)
    assert (status(got), make.spendable(ada, at)) == ("expired", left)
    assert shop.taken(program) == (0 if on_expiry == "give_back" else 1)
    (event,) = Event.objects.filter(type="reward.expired")
    assert (event.occurred_at, event.payload.get("points")) == (end, 500 if on_expiry == "give_back" else None)
    assert prove().differences == []


@pytest.mark.parametrize("night", [False, True])
def test_what_ended_and_came_back_leaves_room_for_its_member_whether_or_not_the_night_has_run(*, night: bool) -> None:
    program = shop.club(valid_days=10, on_expiry="give_back", stock=1, member_limit=1)
    ada = shop.member(program)
    bought(ada)
    end = make.on("2026-06-26")
    if night:
        run_nights(program, until=end.date(), now=end + timedelta(seconds=5))
    at = end + timedelta(seconds=20)

    shelf = shelf_of(ada.pk, at=at)
    again = redeem_reward(ada, "five-off", reference="r2", now=at)

    assert shelf is not None
    assert '"redeemable":true,"reason":"","missing":0,"left":1,"had":0' in shelf.as_json()
    assert (again.is_new, again.available, shop.taken(program)) == (True, 500, 1)
    with pytest.raises(LimitReached):
        redeem_reward(ada, "five-off", reference="r3", now=at)


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("night", [False, True])
def test_what_ended_and_came_back_leaves_room_for_others_whether_or_not_the_night_has_run(
    *, night: bool, shares: bool
) -> None:
    program = shop.club(valid_days=10, on_expiry="give_back", stock=1)
    ada, bob = shop.member(program), shop.member(program)
    if shares:
        share(bob, [ada], now=NOON)
    got = bought(ada)
    end = make.on("2026-06-26")
    with pytest.raises(SoldOut):
        redeem_reward(bob, "five-off", reference="r1", now=end - MINUTE)
    if night:
        run_nights(program, until=end.date(), now=end + timedelta(seconds=5))
    at = end + timedelta(seconds=20)

    shelf = shelf_of(bob.pk, at=at)
    redeemed = redeem_reward(bob, "five-off", reference="r2", now=at)

    assert shelf is not None
    assert '"redeemable":true,"reason":"","missing":0,"left":1' in shelf.as_json()
    assert (redeemed.available, status(got), make.spendable(ada, at), shop.taken(program)) == (500, "expired", 1_000, 1)
    with pytest.raises(SoldOut):
        redeem_reward(ada, "five-off", reference="r3", now=at)
    assert prove().differences == []


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("has_hold", [False, True])
def test_what_was_withdrawn_and_came_back_leaves_room_for_others_whether_or_not_the_night_has_run(
    *, night: bool, has_hold: bool
) -> None:
    draft = make.version()
    shop.reward(draft, on_withdrawal="give_back", stock=1)
    shop.reward(draft, "other")
    program = make.published(draft)
    ada, bob = shop.member(program), shop.member(program)
    got = bought(ada)
    document = to_document(ProgramVersion.objects.get(program=program))
    shop.follow(program, make.on("2026-07-01"), without="five-off")
    again = open_draft(program, author="sue", now=NOON)
    apply_to(again, document)
    publish(again, effective_from=make.on("2026-08-01"), now=NOON)
    at = make.on("2026-08-02") + MINUTE
    if has_hold:
        held(ada, got, "till-1", make.on("2026-07-01") - MINUTE)
    if night:
        run_nights(program, until=at.date(), now=at)

    shelf = shelf_of(bob.pk, at=at)
    redeemed = redeem_reward(bob, "five-off", reference="r2", now=at)

    assert shelf is not None
    assert '"redeemable":true,"reason":"","missing":0,"left":1' in shelf.as_json()
    assert (redeemed.available, status(got), make.spendable(ada, at)) == (500, "withdrawn", 1_000)
    with pytest.raises(SoldOut):
        redeem_reward(ada, "five-off", reference="r3", now=at)
    assert prove().differences == []


def test_what_waits_of_a_reward_that_was_never_withdrawn_is_not_read_for_each_catalogue() -> None:
    ada = shop.member(shop.club(on_withdrawal="give_back", stock=1))
    got = bought(ada)
    asked = {"program": ada.program_id, "keys": [got.redemption.reward_key], "at": NOON, "member": new_id()}

    plan = [line.strip() for (line,) in bulk.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {PIECES}", asked)]

    # Which index finds the others is the planner's to say, and differs with what it knows of a small table.
    (asks,) = (place for place, line in enumerate(plan) if line.startswith("One-Time Filter"))
    assert plan[asks].endswith("IS NOT NULL)")
    assert plan[asks + 1].endswith("(never executed)")


@pytest.mark.parametrize(("on_expiry", "has_hold"), [("keep", False), ("give_back", True)])
def test_what_is_kept_or_in_a_tills_hand_leaves_no_room_for_others(on_expiry: str, *, has_hold: bool) -> None:
    program = shop.club(valid_days=10, on_expiry=on_expiry, stock=1)
    ada, bob = shop.member(program), shop.member(program)
    got = bought(ada)
    end = make.on("2026-06-26")
    if has_hold:
        held(ada, got, "till-1", end - MINUTE)
    at = end + timedelta(seconds=20)

    shelf = shelf_of(bob.pk, at=at)
    with pytest.raises(SoldOut):
        redeem_reward(bob, "five-off", reference="r1", now=at)

    assert shelf is not None
    assert '"reason":"sold_out","missing":0,"left":0' in shelf.as_json()
    assert (make.spendable(bob, at), shop.taken(program)) == (1_000, 1)


def test_a_voucher_that_a_till_has_in_hand_does_not_end_before_its_hold() -> None:
    program = shop.club(valid_days=10, on_expiry="give_back")
    ada = shop.member(program)
    got = bought(ada)
    end = make.on("2026-06-26")
    first = held(ada, got, "till-1", end - MINUTE)

    run_nights(program, until=end.date(), now=end)
    used = confirm_voucher(ada.retailer, first.token, used_at=end - timedelta(seconds=5), now=end + MINUTE)

    assert (used.voucher.status, make.spendable(ada, end + MINUTE)) == ("used", 500)


def test_a_release_after_the_end_lets_it_end_at_once() -> None:
    program = shop.club(valid_days=10, on_expiry="give_back")
    ada = shop.member(program)
    got = bought(ada)
    end = make.on("2026-06-26")
    first = held(ada, got, "till-1", end - MINUTE)

    release_voucher(ada.retailer, first.token, now=end + MINUTE)

    assert (status(got), make.spendable(ada, end + MINUTE)) == ("expired", 1_000)


@pytest.mark.parametrize(
    ("on_withdrawal", "after", "left"), [("keep", "usable", 500), ("give_back", "withdrawn", 1_000)]
)
@pytest.mark.parametrize("night", [False, True])
def test_a_withdrawn_rewards_codes_stay_good_or_its_points_come_back(
    on_withdrawal: str, after: str, left: int, *, night: bool
) -> None:
    draft = make.version()
    shop.reward(draft, on_withdrawal=on_withdrawal, stock=9)
    shop.reward(draft, "other")
    program = make.published(draft)
    ada = shop.member(program)
    got = bought(ada)
    gone = make.on("2026-07-01")
    shop.follow(program, gone, without="five-off")

    if night:
        run_nights(program, until=gone.date(), now=gone + timedelta(seconds=1))

    assert check_voucher(ada.retailer, got.code, now=gone + MINUTE).status == after
    if after == "withdrawn":
        with pytest.raises(VoucherOver):
            held(ada, got, "till-1", gone + MINUTE)
    run_nights(program, until=gone.date(), now=gone + MINUTE)
    assert (make.spendable(ada, gone + MINUTE), shop.taken(program)) == (left, 1 if after == "usable" else 0)


def test_a_renamed_reward_is_the_same_one() -> None:
    draft = make.version()
    shop.reward(draft, on_withdrawal="give_back", member_limit=1)
    program = make.published(draft)
    ada = shop.member(program)
    got = bought(ada)
    shop.follow(program, make.on("2026-07-01"), code="six-off", value=Decimal(6))

    at = make.on("2026-07-02")
    with pytest.raises(LimitReached):
        redeem_reward(ada, "six-off", reference="r2", now=at)
    assert check_voucher(ada.retailer, got.code, now=at).amount == 5


def back(ada: Membership, position: int, at: datetime) -> None:
    fact = ReturnFact(make.number("return"), "A-1", at, (ReturnLineFact(Decimal(1), position),))
    (answer,) = take_returns(ada.retailer, [fact], now=at)
    assert answer.outcome.error is None


def test_the_order_that_a_reward_paid_returned_in_three_parts_ends_as_before() -> None:
    program = shop.club(policy={"expiry": "days", "expiry_count": 90}, stock=4, member_limit=1)
    ada = make.member(program)
    make.buys(ada, "300.00", at=NOON - timedelta(days=3))
    make.buys(ada, "400.00", at=NOON - timedelta(days=1))
    mine = Lot.objects.filter(wallet__membership=ada)
    before = list(mine.order_by("pk").values_list("pk", "available", "expires_at"))
    got = bought(ada)
    confirm_voucher(ada.retailer, held(ada, got, "till-1", NOON).token, order="A-1", now=NOON)
    order = make.order(ada, "10.00", "20.00", "30.00", at=NOON, name="A-1", redemptions=("r1",))
    take_orders(ada.retailer, [order], now=NOON)

    for position in (1, 2):
        back(ada, position, NOON + timedelta(days=position))
        assert (status(got), shop.taken(program)) == ("used", 1)
    back(ada, 3, NOON + timedelta(days=3))

    after = mine.filter(pk__in=[pk for pk, *_ in before]).order_by("pk").values_list("pk", "available", "expires_at")
    assert (list(after), status(got), shop.taken(program)) == (before, "refunded", 0)
    assert make.spendable(ada, NOON + timedelta(days=3)) == 700
    again = redeem_reward(ada, "five-off", reference="r2", now=NOON + timedelta(days=3))
    assert again.is_new
    assert prove().differences == []


def test_a_household_lends_for_a_reward_and_gets_it_back_but_not_where_points_may_come_back_by_time() -> None:
    draft = make.version()
    shop.reward(draft)
    shop.reward(draft, "back", on_expiry="give_back", valid_days=1)
    program = make.published(draft)
    ada, bob = shop.member(program, 300), shop.member(program, 300)
    share(ada, [bob], name="us", now=NOON)
    got = bought(ada)
    assert (make.spendable(ada, NOON), make.spendable(bob, NOON)) == (0, 100)

    cancel_reward(got.redemption, now=NOON)

    assert (make.spendable(ada, NOON), make.spendable(bob, NOON)) == (300, 300)
    with pytest.raises(InsufficientPoints):
        redeem_reward(ada, "back", reference="r2", now=NOON)
    assert prove().differences == []


@pytest.mark.parametrize("on_expiry", ["forfeit", "give_back"])
def test_what_ended_of_who_shares_its_points_stops_nobody_and_leaves_room(on_expiry: str) -> None:
    draft = make.version()
    shop.reward(draft, valid_days=10, on_expiry=on_expiry, stock=2, member_limit=1)
    shop.reward(draft, "other", member_limit=1)
    program = make.published(draft)
    ada, bob = shop.member(program, 1_000), shop.member(program, 1_000)
    bought(bob)
    share(ada, [bob], name="us", now=NOON)
    at = make.on("2026-06-26") + timedelta(seconds=20)

    got = [redeem_reward(ada, code, reference=code, now=at) for code in ("other", "five-off")]

    assert [each.is_new for each in got] == [True, True]
    assert shop.taken(program) == (1 if on_expiry == "give_back" else 2)
    assert prove().differences == []


def test_the_catalogue_counts_what_a_household_would_lend() -> None:
    draft = make.version()
    shop.reward(draft)
    shop.reward(draft, "dear", points=601)
    shop.reward(draft, "back", on_expiry="give_back", valid_days=1)
    program = make.published(draft)
    ada, bob = shop.member(program, 300), shop.member(program, 300)
    share(ada, [bob], name="us", now=NOON)

    shelf = shelf_of(ada.pk, at=NOON)

    assert shelf is not None
    told = {each["code"]: (each["redeemable"], each["missing"]) for each in map(json.loads, shelf.rewards)}
    assert told == {"five-off": (True, 0), "dear": (False, 1), "back": (False, 200)}
    bought(ada)
    assert make.spendable(bob, NOON) == 100


def test_who_leaves_loses_unused_rewards_and_who_is_merged_takes_them_along() -> None:
    program = shop.club(stock=9)
    ada, bob, eve = (shop.member(program, name=name) for name in ("ada", "bob", "eve"))
    gone, moved = bought(ada), bought(bob)
    mine = bought(eve)

    lost = leave(ada, now=NOON)
    take_merge(bob.retailer, "bob", "eve", reference="crm", now=NOON)

    assert (lost.rewards, status(gone), check_voucher(ada.retailer, gone.code, now=NOON).status) == (
        1, "forfeited", "forfeited",
    )  # fmt: skip
    found = dict(RewardRedemption.objects.filter(membership=eve).values_list("pk", "reference"))
    assert found == {mine.redemption.pk: "r1", moved.redemption.pk: f"r1 ({bob.number})"}
    moved.redemption.refresh_from_db()
    assert code_of(moved.redemption) == moved.code
    assert cancel_reward(moved.redemption, now=NOON + MINUTE).points == 500
    assert make.spendable(eve, NOON + MINUTE) == 1_500
    assert VoucherHold.objects.count() == 0
    assert prove().differences == []


def test_a_reward_that_time_has_ended_is_not_lost_by_leaving_though_no_night_has_been() -> None:
    ada = shop.member(shop.club(valid_days=1))
    bought(ada)

    lost = [lost_by_leaving(ada, at=NOON + timedelta(days=days)).rewards for days in (1, 2)]

    assert (lost, leave(ada, now=NOON + timedelta(days=2)).rewards) == ([1, 0], 0)


@pytest.mark.parametrize(("day", "left"), [(1, 1_000), (3, 500)])
def test_an_order_brings_nothing_back_of_a_reward_that_had_ended_unused(day: int, left: int) -> None:
    ada = shop.member(shop.club(valid_days=1, stock=5))
    redeem_reward(ada, "five-off", reference="r1", now=NOON)
    bought = take_orders(ada.retailer, [make.order(ada, "30.00", at=NOON, redemptions=("r1",))], now=NOON)[0]

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=day))

    assert make.spendable(ada, NOON + timedelta(days=day)) == left
    assert RewardRedemption.objects.get().status == ("refunded" if left == 1_000 else "expired")
    assert shop.taken(ada.program) == (0 if left == 1_000 else 1)


@pytest.mark.parametrize("is_merged", [False, True])
def test_nothing_comes_back_of_a_reward_that_a_membership_used_which_has_ended(is_merged: bool) -> None:  # noqa: FBT001 - drawn
    program = shop.club(stock=5)
    bob = shop.member(program, name="bob")
    shop.member(program, name="ada")
    got = bought(bob)
    held = hold_voucher(program.retailer, check_voucher(program.retailer, got.code, now=NOON), reference="k", now=NOON)
    confirm_voucher(program.retailer, held.token, now=NOON)
    leave(bob, now=NOON + MINUTE)
    enrol(program, [(bob.customer_id, NOON + 2 * MINUTE)], source="web", now=NOON + 2 * MINUTE)
    if is_merged:
        take_merge(program.retailer, "bob", "ada", reference="crm", now=NOON + 3 * MINUTE)

    with pytest.raises(HasLeft if is_merged else RewardEnded):
        refund_reward(RewardRedemption.objects.get(), now=NOON + 4 * MINUTE)

    assert (shop.taken(program), status(got)) == (1, "used")


def test_a_hold_that_was_confirmed_is_not_confirmed_for_something_else() -> None:
    ada = shop.member(shop.club())
    hand = held(ada, bought(ada), "till-1", NOON)
    confirm_voucher(ada.retailer, hand.token, now=NOON, order="A1", amount=Decimal(3))

    for same in ({}, {"order": "A1"}, {"amount": Decimal("3.00")}, {"order": "A1", "amount": Decimal(3)}):
        again = confirm_voucher(ada.retailer, hand.token, now=NOON + MINUTE, **same)
        assert again.is_new is False
    for other in ({"order": "A2"}, {"amount": Decimal(5)}, {"order": "A1", "amount": Decimal("3.01")}):
        with pytest.raises(ConfirmedOtherwise, match=r"A1.*3\.00 EUR"):
            confirm_voucher(ada.retailer, hand.token, now=NOON + MINUTE, **other)

    redemption = RewardRedemption.objects.get()
    assert (redemption.order_number, redemption.spent, redemption.used_at) == ("A1", Decimal(3), NOON)


def test_a_hold_that_was_confirmed_for_no_order_is_not_confirmed_for_one() -> None:
    ada = shop.member(shop.club())
    hand = held(ada, bought(ada), "till-1", NOON)
    confirm_voucher(ada.retailer, hand.token, now=NOON)

    with pytest.raises(ConfirmedOtherwise):
        confirm_voucher(ada.retailer, hand.token, now=NOON + MINUTE, order="A2")

    assert RewardRedemption.objects.get().order_number == ""
