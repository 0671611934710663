"""A correction that lets an order keep something whose payment was undone: it says so, and pays nothing by itself."""

import pytest

from customers.facts import CorrectionFact, LineFact
from loyalty.activity.correcting import PaymentUndone, take_correction
from loyalty.points.proof import prove
from tests import make
from tests.cases.shop import Shop
from tests.cases.test_corrections import picture

pytestmark = pytest.mark.django_db

ON = "2026-02-01 12:00"


def bread(quantity: str = "1") -> LineFact:
    return make.line(f"{80 * int(quantity)}", quantity=quantity, sku="bread")


def returned_whole() -> Shop:
    """A shop where a paid 60 of 80 with points, and brought all of it back."""
    shop = Shop()
    for who in ("a", "b"):
        shop.member(who)
    shop.order("o0", "a", "100", at="2026-01-20 12:00")
    shop.redeem("a", 60, "x", at="2026-02-01 11:00")
    shop.order("o1", "a", bread(), at=ON, paid_with="60", redemptions=("x",))
    shop.give_back("r1", "o1", at="2026-02-03 12:00")
    assert (shop.balance("a"), shop.keeps("a", "o1")) == (100, 0)
    return shop


@pytest.mark.parametrize("who", ["a", "b", None])
def test_one_that_names_what_was_undone_is_refused_and_changes_nothing(who: str | None) -> None:
    shop = returned_whole()
    before = picture(shop, "a", "b")

    with pytest.raises(PaymentUndone) as refused:
        shop.correct("o1", who, bread("2"), at=ON, paid_with="60", redemptions=("x",), now="2026-02-05 12:00")

    assert refused.value.facts == {"number": "o1", "reference": "x"}
    assert picture(shop, "a", "b") == before


def test_it_is_refused_when_it_is_only_tried_out_as_well() -> None:
    shop = returned_whole()
    fact = CorrectionFact(shop.bought("o1", "a", bread("2"), at=ON, paid_with="60", redemptions=("x",)), 1)

    with pytest.raises(PaymentUndone):
        take_correction(shop.retailer, fact, now=shop.at("2026-02-05 12:00"), dry_run=True)


def test_one_that_was_paid_with_money_after_all_is_taken() -> None:
    shop = returned_whole()

    shop.correct("o1", "a", bread("2"), at=ON, now="2026-02-05 12:00")

    assert (shop.balance("a"), shop.keeps("a", "o1")) == (180, 80)
    assert prove().differences == []


def test_one_that_was_paid_again_names_the_new_redemption_and_comes_back_with_it() -> None:
    shop = returned_whole()
    shop.redeem("a", 60, "y", at="2026-02-05 11:00")

    shop.correct("o1", "a", bread("2"), at=ON, paid_with="60", redemptions=("y",), now="2026-02-05 12:00")
    assert shop.balance("a") == 40 + shop.keeps("a", "o1")
    shop.give_back("r2", "o1", at="2026-02-06 12:00", lines=[(1, "1")])

    assert (shop.balance("a"), shop.keeps("a", "o1")) == (100, 0)
    assert prove().differences == []


def test_one_that_keeps_nothing_still_is_taken() -> None:
    shop = returned_whole()

    shop.correct(
        "o1", "a", make.line("90", sku="bread"), at=ON, paid_with="60", redemptions=("x",), now="2026-02-05 12:00"
    )

    assert (shop.balance("a"), shop.keeps("a", "o1")) == (100, 0)


def test_one_whose_payer_was_merged_is_refused_too() -> None:
    shop = returned_whole()
    shop.merge("a", "b", at="2026-02-04 12:00")

    with pytest.raises(PaymentUndone):
        shop.correct("o1", "b", bread("2"), at=ON, paid_with="60", redemptions=("x",), now="2026-02-05 12:00")


def test_what_was_undone_by_hand_says_nothing_of_what_is_kept() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o0", "a", "100", at="2026-01-20 12:00")
    shop.redeem("a", 60, "x", at="2026-02-01 11:00")
    shop.order("o1", "a", bread(), at=ON, paid_with="60", redemptions=("x",))
    shop.reverse("a", "x", at="2026-02-02 12:00")

    shop.correct("o1", "a", bread("2"), at=ON, paid_with="60", redemptions=("x",), now="2026-02-05 12:00")

    assert prove().differences == []


def test_a_second_correction_cannot_name_it_either() -> None:
    shop = returned_whole()
    shop.correct("o1", "a", bread("2"), at=ON, now="2026-02-05 12:00")

    with pytest.raises(PaymentUndone):
        shop.correct(
            "o1", "a", bread("2"), at=ON, version=2, paid_with="60", redemptions=("x",), now="2026-02-05 13:00"
        )


def test_an_order_of_two_that_one_redemption_paid_is_refused_too() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o0", "a", "100", at="2026-01-20 12:00")
    shop.redeem("a", 60, "x", at="2026-02-01 11:00")
    for number in ("o1", "o2"):
        shop.order(number, "a", bread(), at=ON, paid_with="30", redemptions=("x",))
        shop.give_back(f"r{number}", number, at="2026-02-03 12:00")
    shop.decide_backlog()

    with pytest.raises(PaymentUndone):
        shop.correct("o1", "a", bread("2"), at=ON, paid_with="30", redemptions=("x",), now="2026-02-05 12:00")


def test_an_order_that_was_never_paid_by_what_it_names_is_corrected_all_the_same() -> None:
    shop = returned_whole()
    shop.order("o2", "a", bread(), at="2026-02-04 12:00", paid_with="60", redemptions=("x",))

    shop.correct(
        "o2", "a", bread("2"), at="2026-02-04 12:00", paid_with="60", redemptions=("x",), now="2026-02-05 12:00"
    )

    assert prove().differences == []
