"""The last reward, the last of a pool and one voucher, asked for by many at once."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from queue import Empty, Queue
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers.core.errors import DomainError
from customers.facts import ReturnFact, ReturnLineFact
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.intake import take_orders, take_returns
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.supplying import fulfil_reward, pay_out
from loyalty.activity.rewards.tills import check_voucher, confirm_voucher, hold_voucher, release_voucher
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.rewards.models import CauseEntry, Reward, RewardCode, RewardCounter, RewardRedemption, VoucherHold
from tests import make
from tests.make import NOON
from tests.races.interleaving import interleaved
from tests.rewards import shop

pytestmark = pytest.mark.usefixtures("committed_db")
AT_ONCE = 20


def outcomes(works: list[Callable[[], object]]) -> Counter[str]:
    """Do all works, so many at once as the server has room for, and count what each answered: ok, or the code of a refusal."""
    waiting: Queue[Callable[[], object]] = Queue()
    for work in works:
        waiting.put(work)
    barrier, found = Barrier(min(AT_ONCE, len(works))), Counter[str]()

    def run() -> None:
        barrier.wait()
        try:
            while True:
                work = waiting.get_nowait()
                try:
                    work()
                    found["ok"] += 1
                except DomainError as refused:
                    found[refused.code] += 1
        except Empty:
            connection.close()

    threads = [Thread(target=run) for _ in range(barrier.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def redeems(who: Membership, reference: str = "r1") -> Callable[[], object]:
    return partial(redeem_reward, who, "five-off", reference=reference, now=NOON)


def balances(members: list[Membership]) -> list[int]:
    return sorted(Wallet.objects.filter(membership__in=members, code="points").values_list("available", flat=True))


def test_of_a_hundred_who_want_the_last_one_one_gets_it_and_the_others_keep_their_points() -> None:
    program = shop.club(stock=1)
    members = [shop.member(program) for _ in range(100)]

    found = outcomes([redeems(who) for who in members])

    assert found == {"ok": 1, "sold_out": 99}
    assert balances(members) == [500] + [1_000] * 99
    assert (shop.taken(program), RewardRedemption.objects.count(), RewardCode.objects.count()) == (1, 1, 1)


def test_of_a_hundred_who_want_the_last_three_codes_of_a_pool_three_get_one_each() -> None:
    program = shop.club(codes="pool")
    import_codes(
        program, Reward.objects.get().key, make.codes("AAA-1", "AAA-2", "AAA-3"), file_name="codes.csv", now=NOON
    )
    members = [shop.member(program) for _ in range(100)]

    found = outcomes([redeems(who) for who in members])

    assert found == {"ok": 3, "sold_out": 97}
    assert balances(members) == [500] * 3 + [1_000] * 97
    assert RewardCode.objects.values("redemption").distinct().count() == 3


def test_two_files_with_the_same_codes_in_another_order_are_taken_one_behind_the_other() -> None:
    program = shop.club(codes="pool")
    key = Reward.objects.get().key

    def imports(codes: list[str]) -> Callable[[], object]:
        return partial(import_codes, program, key, make.codes(*codes), file_name="codes.csv", now=NOON)

    first, second = interleaved(
        imports(["AAA-1", "AAA-2"]), imports(["AAA-2", "AAA-1", "AAA-3"]), after="INSERT INTO rewards_rewardcode"
    )

    assert [(getattr(each, "new", None), getattr(each, "known", None)) for each in (first, second)] == [(2, 0), (1, 2)]


def test_of_redeeming_and_leaving_at_once_the_points_are_gone_once() -> None:
    ada = shop.member(shop.club(stock=3))

    got, lost = interleaved(redeems(ada), lambda: leave(ada, now=NOON), after="FOR NO KEY UPDATE")

    assert getattr(got, "is_new", False)
    assert getattr(lost, "left_at", None) == NOON
    assert (RewardRedemption.objects.get().status, balances([ada])) == ("forfeited", [0])
    assert outcomes([redeems(ada, "r2")]) == {"membership_ended": 1}


def test_a_members_limit_and_points_hold_when_it_asks_twenty_times_at_once() -> None:
    ada = shop.member(shop.club(member_limit=2), 100_000)

    found = outcomes([redeems(ada, f"r{turn}") for turn in range(20)])

    assert found == {"ok": 2, "limit_reached": 18}
    assert balances([ada]) == [99_000]


def test_the_same_request_twenty_times_at_once_is_one_reward() -> None:
    ada = shop.member(shop.club(stock=10), 100_000)

    found = outcomes([redeems(ada) for _ in range(20)])

    assert (found, balances([ada]), RewardCounter.objects.get().taken) == ({"ok": 20}, [99_500], 1)


def test_the_budget_of_a_match_is_used_to_the_last_cent_and_no_further() -> None:
    program = shop.club(
        code="five-off", points=100, kind="donation", points_per_unit=100, match_percent=100, match_budget=Decimal(33)
    )
    members = [shop.member(program) for _ in range(20)]

    outcomes([partial(redeem_reward, who, "five-off", reference="d", points=500, now=NOON) for who in members])

    entries = [entry.amount for entry in CauseEntry.objects.filter(kind="match")]
    assert (sum(entries), RewardCounter.objects.get().matched) == (33, 33)


def test_of_twenty_tills_one_holds_a_voucher() -> None:
    ada = shop.member(shop.club())
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    voucher = check_voucher(ada.retailer, got.code, now=NOON)

    found = outcomes(
        [partial(hold_voucher, ada.retailer, voucher, reference=f"till-{turn}", now=NOON) for turn in range(20)]
    )

    assert found == {"ok": 1, "voucher_held": 19}
    assert VoucherHold.objects.count() == 1


def test_a_voucher_is_used_or_cancelled_and_never_both() -> None:
    ada = shop.member(shop.club())
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    token = hold_voucher(
        ada.retailer, check_voucher(ada.retailer, got.code, now=NOON), reference="t", now=NOON, life=timedelta(0)
    ).token
    at = NOON + timedelta(minutes=2)

    confirmed, cancelled = interleaved(
        lambda: confirm_voucher(ada.retailer, token, now=at),
        lambda: cancel_reward(got.redemption, now=at),
        after="FOR NO KEY UPDATE",
    )

    assert getattr(confirmed, "hold", None) is not None
    assert getattr(cancelled, "code", "") == "not_cancellable"
    assert balances([ada]) == [500]


@pytest.mark.parametrize("what", ["confirm", "release", "fulfil", "cancel"])
def test_whoever_touches_a_reward_while_its_member_is_merged_is_told_to_ask_again(what: str) -> None:
    draft = make.version()
    shop.reward(draft)
    shop.reward(draft, "mug", 100, kind="product", sku="MUG")
    program = make.published(draft)
    ada, bob = shop.member(program, name="ada"), shop.member(program, name="bob")
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    mug = redeem_reward(ada, "mug", reference="r2", now=NOON).redemption
    voucher = check_voucher(ada.retailer, got.code, now=NOON)
    token = hold_voucher(ada.retailer, voucher, reference="t", now=NOON).token
    works: dict[str, Callable[[], object]] = {
        "confirm": lambda: confirm_voucher(ada.retailer, token, now=NOON),
        "release": lambda: release_voucher(ada.retailer, token, now=NOON),
        "fulfil": lambda: fulfil_reward(mug, RewardRedemption.Status.FULFILLED, now=NOON),
        "cancel": lambda: cancel_reward(mug, now=NOON),
    }

    merged, touched = interleaved(
        lambda: take_merge(ada.retailer, "ada", "bob", reference="crm", now=NOON),
        works[what],
        after="SELECT id FROM memberships_membership WHERE id",
    )
    mug.refresh_from_db()

    assert getattr(merged, "customer", "") == "bob"
    assert getattr(touched, "code", "") == "merged_meanwhile"
    works[what]()
    assert RewardRedemption.objects.filter(membership=bob).count() == 2


def test_a_code_ends_by_the_night_or_is_used_before_and_never_both() -> None:
    program = shop.club(valid_days=0, on_expiry="give_back")
    ada = shop.member(program)
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)
    end = make.on("2026-06-16")
    at = end - timedelta(seconds=1)
    voucher = check_voucher(ada.retailer, got.code, now=at)

    _night, held = interleaved(
        lambda: run_nights(program, until=end.date(), now=end),
        lambda: hold_voucher(ada.retailer, voucher, reference="t", now=at),
        after="FOR NO KEY UPDATE",
    )

    assert (getattr(held, "code", ""), balances([ada])) == ("voucher_over", [1_000])


def test_two_refunds_at_once_give_back_once() -> None:
    program = shop.club(stock=5)
    ada = shop.member(program)
    got = redeem_reward(ada, "five-off", reference="r1", now=NOON)

    outcomes([partial(refund_reward, got.redemption, now=NOON) for _ in range(20)])

    assert (balances([ada]), shop.taken(program)) == ([1_000], 0)


@pytest.mark.parametrize("is_paid_first", [True, False])
def test_a_donation_is_paid_out_or_comes_back_with_its_order_and_never_both(*, is_paid_first: bool) -> None:
    program = shop.club(code="forest", points=100, kind="donation", points_per_unit=100)
    ada, bob = shop.member(program), shop.member(program)
    key = redeem_reward(ada, "forest", reference="d", points=300, now=NOON).redemption.reward_key
    redeem_reward(bob, "forest", reference="d", points=100, now=NOON)
    take_orders(ada.retailer, [make.order(ada, "10.00", at=NOON, name="A-1", redemptions=("d",))], now=NOON)
    gone = ReturnFact("R-1", "A-1", NOON, (ReturnLineFact(Decimal(1), 1),))

    def pays() -> object:
        return pay_out(program, key, document="T-1", now=NOON)

    def returns() -> object:
        return take_returns(ada.retailer, [gone], now=NOON)

    works = (pays, returns) if is_paid_first else (returns, pays)
    answers = interleaved(*works, after="rewards_rewardcounter c")

    paid, returned = answers if is_paid_first else reversed(answers)
    assert returned[0].outcome.error is None  # type: ignore[index] # the answers of a batch of one
    assert paid.amount == (-4 if is_paid_first else -1)  # type: ignore[attr-defined] # the entry
    assert RewardRedemption.objects.get(membership=ada).status == ("fulfilled" if is_paid_first else "refunded")
    assert sum(entry.amount for entry in CauseEntry.objects.all()) == 0
    assert balances([ada, bob]) == ([700, 900] if is_paid_first else [900, 1_000])


def test_two_who_each_want_what_comes_back_of_the_other_do_not_wait_crosswise() -> None:
    draft = make.version()
    shop.reward(draft, "back", 100, stock=2, valid_days=0, on_expiry="give_back")
    shop.reward(draft, "five-off", 100, stock=2, valid_days=0, on_expiry="give_back")
    program = make.published(draft)
    ada, bob = shop.member(program), shop.member(program)
    for who, code in ((ada, "back"), (bob, "five-off")):
        redeem_reward(who, code, reference="r0", now=NOON)
    later = NOON + timedelta(days=1)  # both have ended, and no night has run

    first, second = interleaved(
        lambda: redeem_reward(ada, "five-off", reference="r1", now=later),
        lambda: redeem_reward(bob, "back", reference="r1", now=later),
        after="rewards_rewardcounter c",
    )

    assert [type(each).__name__ for each in (first, second)] == ["RewardReceipt", "RewardReceipt"]
    assert balances([ada, bob]) == [900, 900]
