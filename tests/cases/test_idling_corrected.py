"""Points that expire on inactivity, and orders that a correction moves away: what never was keeps nothing alive."""

import pytest

from customers.core.errors import DomainError
from loyalty.activity.replaying import replay
from loyalty.points.models import Disproof
from loyalty.points.proof import prove
from loyalty.points.statement import Clock
from tests.cases.shop import Rule, Rung, Shop, line

pytestmark = pytest.mark.django_db

IDLE = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1}
FIRST, SECOND = "2026-02-01 12:00", "2026-02-25 12:00"
CORRECTED = "2026-03-10 12:00"


def shop_of_two(**given: object) -> Shop:
    """Return a shop where Ada bought for 100 on 1 February, which ends with 1 March, and for 10 on the 25th, with 25 March."""
    shop = Shop(policy=IDLE, **given)  # type: ignore[arg-type]
    shop.member("ada")
    shop.member("ben")
    shop.order("o1", "ada", "100", at=FIRST)
    shop.order("o2", "ada", "10", at=SECOND)
    return shop


def shop_of_ten(sku: str = "tea", **given: object) -> Shop:
    """Return the same shop, where the order of the 25th is of one product that can come back before it is corrected."""
    shop = Shop(policy=IDLE, **given)  # type: ignore[arg-type]
    shop.member("ada")
    shop.order("o1", "ada", "100", at=FIRST)
    shop.order("o2", "ada", line("10", sku=sku), at=SECOND)
    return shop


def is_right(shop: Shop) -> bool:
    return prove().differences == [] and replay(shop.program, now=shop.known.latest).deviations == []


@pytest.mark.parametrize("whose", ["ben", None], ids=["another customer's", "a guest's"])
@pytest.mark.parametrize("night", ["", "2026-03-10"])
def test_an_order_that_was_anothers_kept_nothing_alive(whose: str | None, night: str) -> None:
    shop = shop_of_two()
    if night:
        shop.nights(night)
    shop.hears_nothing_until(CORRECTED)
    assert shop.balance("ada") == 110

    shop.correct("o2", whose, "10", at=SECOND, now=CORRECTED)

    assert (shop.balance("ada"), shop.balance("ben")) == (0, 10 if whose else 0)
    assert is_right(shop)


def test_what_it_kept_ends_in_its_time_where_that_is_yet_to_come() -> None:
    shop = shop_of_two()

    shop.correct("o2", "ben", "10", at=SECOND, now="2026-02-26 12:00")
    assert shop.balance("ada") == 100

    shop.nights("2026-03-02")
    assert (shop.balance("ada"), shop.balance("ben")) == (0, 10)
    assert is_right(shop)


@pytest.mark.parametrize(
    ("to", "before_the_end", "last_day", "after"),
    [
        ("2026-02-20 12:00", 110, "2026-03-20", 0),  # 1 February to 20 March
        ("2026-02-27 12:00", 110, "2026-03-27", 0),
        ("2026-03-05 12:00", 10, "2026-04-05", 0),  # the first one had ended with 1 March
        ("2026-01-05 12:00", 0, "2026-03-09", 0),  # through 5 February, when Ada had bought again: through 1 March
    ],
)
def test_an_order_that_moves_keeps_alive_from_its_new_instant(
    to: str, before_the_end: int, last_day: str, after: int
) -> None:
    shop = shop_of_two()

    shop.correct("o2", "ada", "10", at=to, now=CORRECTED)

    assert shop.balance("ada") == before_the_end
    if before_the_end:
        shop.hears_nothing_until(f"{last_day} 23:00")
        assert shop.balance("ada") == before_the_end
        shop.nights(f"{last_day[:8]}{int(last_day[8:]) + 1:02}")
    assert shop.balance("ada") == after
    assert is_right(shop)


def test_an_order_that_moves_back_keeps_alive_again() -> None:
    shop = shop_of_two()

    shop.correct("o2", "ada", "10", at="2026-02-10 12:00", now="2026-02-26 12:00")
    shop.correct("o2", "ada", "10", at=SECOND, version=2, now="2026-02-26 13:00")
    shop.correct("o2", "ben", "10", at=SECOND, version=3, now="2026-02-26 14:00")
    shop.correct("o2", "ada", "10", at=SECOND, version=4, now="2026-02-26 15:00")

    shop.hears_nothing_until("2026-03-25 23:00")
    assert shop.balance("ada") == 110
    shop.nights("2026-03-26")
    assert shop.balance("ada") == 0
    assert is_right(shop)


def test_an_order_whose_lines_alone_are_corrected_goes_on_keeping_alive() -> None:
    shop = shop_of_two()

    shop.correct("o2", "ada", "7", at=SECOND, now=CORRECTED)

    assert shop.balance("ada") == 107
    assert not Disproof.objects.exists()
    assert is_right(shop)


def test_an_order_that_came_back_was_there_and_goes_on_keeping_alive() -> None:
    shop = shop_of_two()

    shop.give_back("r1", "o2", at="2026-02-26 12:00")

    shop.hears_nothing_until("2026-03-25 23:00")
    assert shop.balance("ada") == 100


def test_what_was_bought_since_has_its_own_time() -> None:
    """Without the order of 25 February there is a gap from 2 to 20 March, in which the first points ended."""
    shop = shop_of_two()
    shop.order("o3", "ada", "5", at="2026-03-20 12:00")

    shop.correct("o2", "ben", "10", at=SECOND, now="2026-04-01 12:00")

    assert shop.balance("ada") == 5
    assert is_right(shop)
    shop.nights("2026-04-21")
    assert shop.balance("ada") == 0


def test_what_was_spent_by_what_never_was_stays_spent() -> None:
    shop = shop_of_two()
    shop.redeem("ada", 60, "p1", at="2026-03-05 12:00")

    shop.correct("o2", "ben", "10", at=SECOND, now=CORRECTED)

    assert shop.balance("ada") == 0
    with pytest.raises(DomainError):
        shop.redeem("ada", 1, "p2", at="2026-03-10 13:00")
    assert prove().differences == []


def test_another_order_of_the_same_instant_keeps_alive_what_it_does() -> None:
    shop = shop_of_two()
    shop.order("o3", "ada", "3", at=SECOND)

    shop.correct("o2", "ben", "10", at=SECOND, now=CORRECTED)

    assert shop.balance("ada") == 103
    assert is_right(shop)


def test_a_gift_that_goes_with_the_order_kept_nothing_alive_either() -> None:
    shop = shop_of_two(tiers=[Rung("silver", "105", gift=50)], rules=[Rule()])
    assert shop.balance("ada") == 160

    shop.correct("o2", "ben", "10", at=SECOND, now=CORRECTED)

    assert (shop.balance("ada"), shop.ways("ada")) == (0, [(None, "silver"), ("silver", None)])
    assert is_right(shop)


def test_a_late_order_that_joins_what_is_left_brings_it_back() -> None:
    shop = shop_of_two()
    shop.correct("o2", "ben", "10", at=SECOND, now=CORRECTED)
    assert shop.balance("ada") == 0

    shop.order("o3", "ada", "3", at="2026-02-28 12:00", now="2026-03-10 13:00")

    assert shop.balance("ada") == 103
    assert is_right(shop)


def test_by_what_was_recorded_then_the_order_was_hers() -> None:
    shop = shop_of_two()
    shop.hears_nothing_until("2026-03-05 12:00")

    shop.correct("o2", "ben", "10", at=SECOND, now=CORRECTED)

    assert shop.as_of("ada", "2026-03-05 12:00", Clock.RECORDED) == 110
    assert shop.as_of("ada", CORRECTED, Clock.RECORDED) == 0
    assert [
        (each.entry.order.number, each.cause.split(":")[0]) for each in Disproof.objects.all() if each.entry.order
    ] == [("o2", "correct")]


def test_an_order_that_came_back_and_moves_keeps_alive_from_its_new_instant() -> None:
    """It was placed on the 20th: what it kept lives through 20 March, though nothing of it is left to earn."""
    shop = shop_of_ten()
    shop.give_back("r1", "o2", at="2026-02-26 12:00")

    shop.correct("o2", "ada", line("10", sku="tea"), at="2026-02-20 12:00", now="2026-02-27 12:00")

    shop.hears_nothing_until("2026-03-20 23:00")
    assert shop.balance("ada") == 100
    shop.nights("2026-03-21")
    assert shop.balance("ada") == 0
    assert is_right(shop)


def test_an_order_that_came_back_and_earned_nothing_until_it_was_corrected_keeps_alive() -> None:
    shop = Shop(policy=IDLE)
    shop.member("ada")
    shop.order("o1", "ada", "100", at=FIRST)
    shop.order("o2", "ada", line("0.40", sku="tea"), at=SECOND)
    shop.give_back("r1", "o2", at="2026-02-26 12:00")

    shop.correct("o2", "ada", line("10", sku="tea"), at=SECOND, now="2026-02-26 13:00")

    shop.hears_nothing_until("2026-03-25 23:00")
    assert shop.balance("ada") == 100
    assert is_right(shop)


@pytest.mark.parametrize("night", ["", "2026-03-10"])
def test_an_order_that_earns_nothing_any_more_keeps_nothing_alive(night: str) -> None:
    shop = shop_of_ten()
    if night:
        shop.nights(night)

    shop.correct("o2", "ada", line("0.40", sku="tea"), at=SECOND, now=CORRECTED)

    assert shop.balance("ada") == 0
    assert is_right(shop)


def test_and_in_each_wallet_by_what_it_earns_there() -> None:
    """Miles are earned by travel alone: without it on the 25th those of 1 February end with 1 March."""
    travels = [Rule(), Rule(code="miles", points="2", wallet="miles", categories=("travel",))]
    shop = Shop(policy=IDLE, rules=travels, wallets={"miles": IDLE})
    shop.member("ada")
    shop.order("o1", "ada", line("10", category="travel"), at=FIRST)
    shop.order("o2", "ada", line("10", category="travel"), line("10", category="food"), at=SECOND)

    shop.correct("o2", "ada", line("10", category="food"), at=SECOND, now=CORRECTED)

    assert (shop.balance("ada"), shop.balance("ada", wallet="miles")) == (20, 0)
    assert is_right(shop)


def test_a_gift_that_goes_with_what_a_line_says_kept_nothing_alive_either() -> None:
    shop = shop_of_ten(tiers=[Rung("silver", "105", gift=50)])

    shop.correct("o2", "ada", line("0.40", sku="tea"), at=SECOND, now="2026-02-26 12:00")

    shop.nights("2026-03-02")
    assert shop.balance("ada") == 0
    assert is_right(shop)


@pytest.mark.parametrize(
    ("amount", "at"),
    [("0.40", SECOND), ("10", "2026-01-02 12:00")],
    ids=["earned nothing", "was placed long before"],
)
def test_an_order_that_turns_out_to_have_kept_alive_brings_back_what_had_ended(amount: str, at: str) -> None:
    shop = Shop(policy=IDLE)
    shop.member("ada")
    shop.order("o1", "ada", "100", at=FIRST)
    shop.order("o2", "ada", amount, at=at, now=SECOND)
    shop.nights("2026-03-05")
    assert shop.balance("ada") == 0

    shop.correct("o2", "ada", "10", at=SECOND, now=CORRECTED)

    assert shop.balance("ada") == 110
    shop.hears_nothing_until("2026-03-25 23:00")
    assert shop.balance("ada") == 110
    shop.nights("2026-03-26")
    assert shop.balance("ada") == 0
    assert is_right(shop)


@pytest.mark.parametrize(("amount", "at"), [("0.40", SECOND), ("10", "2026-01-10 12:00")])
def test_a_correction_that_is_undone_brings_back_what_it_ended(amount: str, at: str) -> None:
    shop = shop_of_ten()
    shop.correct("o2", "ada", line(amount, sku="tea"), at=at, now=CORRECTED)
    assert shop.balance("ada") == 0

    shop.correct("o2", "ada", line("10", sku="tea"), at=SECOND, version=2, now="2026-03-10 13:00")

    assert shop.balance("ada") == 110
    assert is_right(shop)


@pytest.mark.parametrize(("whose", "at"), [("ben", SECOND), (None, SECOND), ("ada", "2026-01-10 12:00")])
def test_an_order_may_go_and_come_back_as_often_as_corrections_say(whose: str | None, at: str) -> None:
    shop = shop_of_two()

    for times in range(3):
        shop.correct("o2", whose, "10", at=at, version=2 * times + 1, now=f"2026-03-10 12:{2 * times:02}")
        assert shop.balance("ada") == 0
        shop.correct("o2", "ada", "10", at=SECOND, version=2 * times + 2, now=f"2026-03-10 12:{2 * times + 1:02}")
        assert shop.balance("ada") == 110

    assert is_right(shop)
