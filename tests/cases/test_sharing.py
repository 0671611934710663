"""What members share goes back to whom it came from; one reference is one request."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from customers.core.errors import DomainError, Kind
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.account.session import InsufficientPoints
from loyalty.points.proof import prove
from tests.cases.shop import NEGATIVE, STOP, Shop, Shortfall

pytestmark = pytest.mark.django_db


def at_home(zone: str = "Europe/Paris", /, **points: int) -> Shop:
    """Members of one household, each with so many points, earned a day after one another."""
    shop = Shop(zone, policy={"may_transfer": True})
    for day, (name, amount) in enumerate(points.items(), start=1):
        shop.member(name)
        if amount:
            shop.order(f"start-{name}", name, f"{amount}.00", at=f"2026-03-{day:02} 12:00")
    shop.household(*points, at="2026-03-20 12:00")
    return shop


def balances(shop: Shop, *names: str) -> list[int]:
    return [shop.balance(name) for name in names]


# 12. What a member of a household gave goes back to that member


Between = Callable[[Shop], None]


def nothing(shop: Shop) -> None:
    """Let nothing happen between a hold or redemption and its end."""


def released(shop: Shop, between: Between) -> None:
    shop.hold("ada", 80, "till", at="2026-04-01 12:00")
    between(shop)
    shop.release("ada", "till", at="2026-04-01 12:05")


def timed_out(shop: Shop, between: Between) -> None:
    shop.hold("ada", 80, "till", at="2026-04-01 12:00")
    between(shop)
    shop.time_out(at="2026-04-01 12:15")


def redeemed_and_undone(shop: Shop, between: Between) -> None:
    shop.redeem("ada", 80, "tent", at="2026-04-01 12:00")
    between(shop)
    shop.reverse("ada", "tent", at="2026-04-01 12:05")


def confirmed_and_undone(shop: Shop, between: Between) -> None:
    shop.hold("ada", 80, "till", at="2026-04-01 12:00")
    shop.confirm("ada", "till", at="2026-04-01 12:05")
    between(shop)
    shop.reverse("ada", "till", at="2026-04-01 12:10")


UNDONE = pytest.mark.parametrize("undo", [released, timed_out, redeemed_and_undone, confirmed_and_undone])


@UNDONE
@pytest.mark.parametrize(
    "points", [{"ada": 50, "bob": 50}, {"ada": 10, "bob": 40, "eve": 35}, {"ada": 0, "bob": 90}, {"ada": 80, "bob": 7}]
)
def test_what_is_undone_leaves_each_member_of_a_household_with_its_own(
    undo: Callable[[Shop, Between], None], points: dict[str, int]
) -> None:
    shop = at_home(**points)

    undo(shop, nothing)

    assert {name: shop.balance(name) for name in points} == points


@UNDONE
def test_what_is_undone_goes_back_to_who_has_left_the_household_meanwhile(
    undo: Callable[[Shop, Between], None],
) -> None:
    shop = at_home("America/New_York", ada=30, bob=70)
    undo(shop, lambda shop: shop.leaves_household("bob"))

    assert balances(shop, "ada", "bob") == [30, 70]


@UNDONE
@pytest.mark.parametrize("has_left", [False, True])
def test_what_was_lent_comes_back_to_whom_the_lender_was_merged_unless_it_had_lost_all_meanwhile(
    undo: Callable[[Shop, Between], None],
    has_left: bool,  # noqa: FBT001 - drawn
) -> None:
    shop = at_home(ada=30, bob=70)

    def between(shop: Shop) -> None:
        lender, at = shop.membership("bob"), shop.known.latest
        if has_left:
            leave(lender, now=at + timedelta(seconds=1))
            enrol(
                shop.program,
                [(lender.customer_id, at + timedelta(seconds=2))],
                source="web",
                now=at + timedelta(seconds=2),
            )
        take_merge(shop.retailer, "bob", "ada", reference="crm", now=at + timedelta(seconds=3))

    undo(shop, between)

    # Bob lent 50 of his 70; who leaves loses all that it has, and what comes back to it.
    assert shop.balance("ada") == (30 if has_left else 100)


def test_of_a_hold_that_is_confirmed_in_part_the_rest_goes_back_to_whom_it_came_from() -> None:
    shop = at_home(ada=50, bob=50)

    shop.hold("ada", 80, "till", at="2026-04-01 12:00")
    shop.confirm("ada", "till", points=30, at="2026-04-01 12:05")

    # Held in the order of spending, the oldest first: Ada's 50, then 30 of Bob's. The first 30 are redeemed.
    assert balances(shop, "ada", "bob") == [20, 50]


def test_of_a_hold_that_is_confirmed_for_more_than_the_member_had_the_rest_goes_back_too() -> None:
    shop = at_home(ada=50, bob=40, eve=30)

    shop.hold("ada", 110, "till", at="2026-04-01 12:00")
    shop.confirm("ada", "till", points=70, at="2026-04-01 12:05")

    # Ada's 50 and 20 of Bob's are redeemed; 20 go back to Bob and 20 to Eve.
    assert balances(shop, "ada", "bob", "eve") == [0, 20, 30]


def test_what_is_undone_of_an_order_that_came_back_goes_back_to_whom_it_came_from() -> None:
    shop = at_home(ada=50, bob=50)
    shop.redeem("ada", 80, "tent", at="2026-04-01 12:00")
    shop.order("o1", "ada", "8.00", paid_with="8.00", redemptions=["tent"], at="2026-04-01 12:00")

    shop.give_back("r1", "o1", at="2026-04-02 12:00")

    assert balances(shop, "ada", "bob") == [50, 50]


def test_what_goes_back_keeps_its_expiry_and_comes_back_expired_where_it_has() -> None:
    shop = Shop(policy={"expiry": "days", "expiry_count": 10})
    for name, amount, day in (("ada", "50.00", 5), ("bob", "30.00", 1), ("eve", "20.00", 4)):
        shop.member(name)
        shop.order(f"start-{name}", name, amount, at=f"2026-03-{day:02} 12:00")
    shop.household("ada", "bob", "eve", at="2026-03-05 12:00")
    shop.redeem("ada", 100, "tent", at="2026-03-06 12:00")

    shop.reverse("ada", "tent", at="2026-03-12 12:00")  # Bob's could be spent through the 11th

    assert balances(shop, "ada", "bob", "eve") == [50, 0, 20]
    assert [shop.usable_through(name) for name in ("ada", "bob", "eve")] == [
        [("2026-03-15", 50)],
        [],
        [("2026-03-14", 20)],
    ]


@pytest.mark.parametrize("end", ["release", "time out"])
def test_after_a_hold_has_ended_the_household_pays_under_its_reference_too(end: str) -> None:
    shop = at_home(ada=90, bob=60)
    shop.hold("ada", 60, "cart1", at="2026-04-01 12:00")
    if end == "release":
        shop.release("ada", "cart1", at="2026-04-01 12:05")
    else:
        shop.time_out(at="2026-04-01 12:15")

    shop.redeem("ada", 100, "cart1", at="2026-04-01 12:20")

    assert balances(shop, "ada", "bob") == [0, 50]


def test_a_household_pays_once_under_one_reference() -> None:
    shop = at_home(ada=90, bob=60)

    first = shop.redeem("ada", 100, "cart1", at="2026-04-01 12:00")
    again = shop.redeem("ada", 100, "cart1", at="2026-04-01 12:01")

    assert (first, again, balances(shop, "ada", "bob")) == (True, False, [0, 50])


def test_more_than_a_household_has_is_refused_and_changes_nothing() -> None:
    shop = at_home(ada=90, bob=60)

    with pytest.raises(InsufficientPoints) as refused:
        shop.redeem("ada", 151, "cart1", at="2026-04-01 12:00")

    assert (refused.value.facts["available"], balances(shop, "ada", "bob")) == (150, [90, 60])


# 13. One reference is one request


def ada_bob_and_eve(zone: str = "Europe/Paris") -> Shop:
    shop = Shop(zone, policy={"may_transfer": True})
    for name in ("ada", "bob", "eve"):
        shop.member(name)
    shop.order("o1", "ada", "200.00", at="2026-03-01 12:00")
    return shop


def is_a_conflict(work: Callable[[], object]) -> bool:
    with pytest.raises(DomainError) as refused:
        work()
    return refused.value.kind is Kind.CONFLICT


@pytest.mark.parametrize(("first", "other"), [(100, -100), (-100, 100), (100, 99), (-60, -61)])
def test_an_adjustment_under_a_known_reference_with_another_sign_or_amount_is_a_conflict(
    first: int, other: int
) -> None:
    shop = ada_bob_and_eve()
    shop.adjust("ada", first, "ref1", at="2026-03-02 12:00")

    assert is_a_conflict(lambda: shop.adjust("ada", other, "ref1", at="2026-03-02 12:01"))

    shop.adjust("ada", first, "ref1", at="2026-03-02 12:02")  # the same again changes nothing
    assert shop.balance("ada") == 200 + first


def test_a_transfer_under_a_known_reference_to_somebody_else_is_a_conflict() -> None:
    shop = ada_bob_and_eve("Pacific/Auckland")
    shop.transfer("ada", "bob", 40, "gift", at="2026-03-02 12:00")

    assert is_a_conflict(lambda: shop.transfer("ada", "eve", 40, "gift", at="2026-03-02 12:01"))
    assert is_a_conflict(lambda: shop.transfer("ada", "bob", 41, "gift", at="2026-03-02 12:02"))

    shop.transfer("ada", "bob", 40, "gift", at="2026-03-02 12:03")
    assert balances(shop, "ada", "bob", "eve") == [160, 40, 0]


def test_two_members_may_use_one_reference() -> None:
    shop = ada_bob_and_eve()
    shop.transfer("ada", "bob", 40, "gift", at="2026-03-02 12:00")

    shop.transfer("bob", "eve", 40, "gift", at="2026-03-02 12:01")

    assert balances(shop, "ada", "bob", "eve") == [160, 0, 40]


@pytest.mark.parametrize("points", [70, 71])
def test_the_reference_of_a_redemption_that_was_undone_is_used_up(points: int) -> None:
    shop = ada_bob_and_eve()
    shop.redeem("ada", 70, "tent", at="2026-03-02 12:00")
    shop.reverse("ada", "tent", at="2026-03-02 12:05")

    assert is_a_conflict(lambda: shop.redeem("ada", points, "tent", at="2026-03-02 12:10"))

    assert shop.balance("ada") == 200
    shop.redeem("ada", 70, "tent again", at="2026-03-02 12:15")
    assert shop.balance("ada") == 130


def test_the_reference_of_a_redemption_that_a_return_undid_is_used_up() -> None:
    shop = ada_bob_and_eve("America/New_York")
    shop.redeem("ada", 70, "tent", at="2026-03-02 12:00")
    shop.order("o2", "ada", "7.00", paid_with="7.00", redemptions=["tent"], at="2026-03-02 12:00")
    shop.give_back("r1", "o2", at="2026-03-03 12:00")

    assert is_a_conflict(lambda: shop.redeem("ada", 70, "tent", at="2026-03-04 12:00"))

    assert shop.balance("ada") == 200


@pytest.mark.parametrize("end", ["release", "time out"])
def test_the_reference_of_a_hold_that_has_ended_holds_nothing_again(end: str) -> None:
    shop = ada_bob_and_eve()
    shop.hold("ada", 70, "cart1", at="2026-03-02 12:00")
    if end == "release":
        shop.release("ada", "cart1", at="2026-03-02 12:05")
    else:
        shop.time_out(at="2026-03-02 12:15")

    assert is_a_conflict(lambda: shop.hold("ada", 70, "cart1", at="2026-03-02 12:20"))

    assert (shop.balance("ada"), shop.holdings("ada").held) == (200, 0)


def test_an_open_hold_under_its_reference_is_one() -> None:
    shop = ada_bob_and_eve()

    for minute in (0, 1, 2):
        shop.hold("ada", 70, "cart1", at=f"2026-03-02 12:0{minute}")

    assert is_a_conflict(lambda: shop.hold("ada", 71, "cart1", at="2026-03-02 12:05"))
    assert (shop.balance("ada"), shop.holdings("ada").held) == (130, 70)


@pytest.mark.parametrize("policy", [STOP, NEGATIVE], ids=["stop_at_zero", "allow_negative"])
def test_what_was_lent_of_an_order_that_came_back_is_nobodys_debt_when_it_comes_back_expired(policy: Shortfall) -> None:
    shop = Shop(policy={"expiry": "days", "expiry_count": 5} | policy)
    shop.member("ada")
    shop.member("bob")
    shop.household("ada", "bob", at="2026-03-01 00:00")
    shop.order("o1", "bob", "50.00", at="2026-03-01 12:00")
    shop.redeem("ada", 50, "r1", at="2026-03-02 12:00")
    shop.give_back("back", "o1", at="2026-03-03 12:00")

    shop.reverse("ada", "r1", at="2026-03-10 12:00")

    assert [(shop.balance(who), shop.owed(who)) for who in ("ada", "bob")] == [(0, 0), (0, 0)]


# 13. Points that went to another member and came back are still their order's


def there_and_back() -> Shop:
    """Ada has 50 points of an order that went to Bob and came back, and 30 of another one."""
    shop = Shop(policy={"may_transfer": True} | STOP)
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("o1", "ada", "50.00", at="2026-03-01 12:00")
    shop.transfer("ada", "bob", 50, "t1", at="2026-03-02 12:00")
    shop.transfer("bob", "ada", 50, "t2", at="2026-03-03 12:00")
    shop.order("o2", "ada", "30.00", at="2026-03-04 12:00")
    return shop


def test_what_came_back_and_is_held_goes_when_its_hold_ends() -> None:
    shop = there_and_back()
    shop.hold("ada", 50, "h", at="2026-03-05 12:00", minutes=60)

    shop.give_back("r1", "o1", at="2026-03-05 12:10")
    assert (shop.balance("ada"), shop.holdings("ada").held) == (30, 50)

    shop.release("ada", "h", at="2026-03-05 12:20")
    assert (shop.balance("ada"), shop.holdings("ada").held) == (30, 0)
    assert prove().differences == []


def test_what_came_back_and_was_redeemed_replaces_what_others_gave() -> None:
    shop = there_and_back()
    shop.redeem("ada", 50, "r", at="2026-03-05 12:00")

    shop.give_back("r1", "o1", at="2026-03-05 12:10")
    assert (shop.balance("ada"), shop.wallet("ada").shortfall) == (0, 20)

    shop.reverse("ada", "r", at="2026-03-05 12:20")
    assert (shop.balance("ada"), shop.wallet("ada").shortfall) == (30, 0)
    assert prove().differences == []


def test_what_another_member_was_given_stays_with_it_when_the_order_comes_back() -> None:
    shop = there_and_back()
    shop.transfer("ada", "bob", 20, "t3", at="2026-03-05 12:00")

    shop.give_back("r1", "o1", at="2026-03-05 12:10")

    assert balances(shop, "ada", "bob") == [10, 20]
    assert prove().differences == []
