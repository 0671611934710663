"""What two customers' memberships come to when they turn out to be one person's."""

import pytest

from customers.merging import MergedElsewhere, SameCustomer
from customers.models import Customer, UndecidedFact
from loyalty.activity.account.households import household_of
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import TargetLeft
from loyalty.activity.account.session import HasLeft
from loyalty.activity.account.spending import reverse
from loyalty.activity.account.taking_over import OpenHold
from loyalty.activity.models import OrderDecision
from loyalty.activity.replaying import replay
from loyalty.memberships.models import Membership
from loyalty.points.liability import owed
from loyalty.points.models import Entry, Lot
from loyalty.points.proof import prove
from loyalty.tiers.models import Standing
from tests.cases.shop import NEGATIVE, STOP, Rule, Rung, Shop

pytestmark = pytest.mark.django_db

FIRST = Rule(code="first", kind="first_order", points="100", uses_multiplier=False)
YEAR = {"pending_days": 0, "expiry": "days", "expiry_count": 100}
AT = "2026-03-01 12:00"


def two(**given: object) -> Shop:
    """A shop of whose program both a and b are members."""
    shop = Shop(**given)  # type: ignore[arg-type] # as it is called
    for name in ("a", "b"):
        shop.member(name)
    return shop


def test_points_go_over_lot_by_lot_with_their_terms() -> None:
    shop = two(policy=YEAR)
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.order("o2", "b", "20", at="2026-02-10 12:00")
    shop.order("o3", "a", "7", at="2026-02-05 12:00")
    terms = ("amount", "earned_at", "active_at", "expires_at", "version", "rule", "order")
    before = list(Lot.objects.filter(wallet=shop.wallet("b")).order_by("earned_at").values_list(*terms))

    answer = shop.merge("b", "a", at=AT)

    assert shop.usable_through("a") == [("2026-05-12", 80), ("2026-05-16", 7), ("2026-05-21", 20)]
    came = Lot.objects.filter(wallet=shop.wallet("a"), from_lot__isnull=False).order_by("earned_at")
    assert list(came.values_list(*terms)) == before
    (member,) = answer.memberships
    assert (member.points, member.pending) == ({"points": 100}, {"points": 0})
    assert (member.number, member.merged_number) == (shop.membership("a").number, shop.membership("b").number)
    assert shop.balance("b") == 0
    assert prove().differences == []


def test_pending_points_become_active_with_the_one_who_stays() -> None:
    shop = two(policy={"pending_days": 14, "pending_event": "delivered"})
    shop.order("o1", "b", "80", at="2026-02-01 12:00")

    shop.merge("b", "a", at="2026-02-02 12:00")
    assert (shop.balance("a"), shop.pending("a")) == (0, 80)
    shop.deliver("o1", at="2026-02-03 12:00")
    shop.nights("2026-02-20")

    assert (shop.balance("a"), shop.pending("a")) == (80, 0)
    assert prove().differences == []


def test_returns_and_corrections_of_what_went_over_take_from_the_one_who_stays() -> None:
    shop = two(tiers=(Rung("bronze", "0"), Rung("silver", "90", "1")))
    shop.order("o1", "b", "80", "20", at="2026-02-01 12:00")
    shop.order("o2", "b", "50", at="2026-02-02 12:00")
    shop.order("o3", "a", "7", at="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)
    assert (shop.balance("a"), shop.tier("a"), shop.counted("a")) == (157, "silver", 157)

    shop.give_back("r1", "o1", at="2026-03-02 12:00", lines=[(2, "1")])
    assert (shop.balance("a"), shop.keeps("a", "o1")) == (137, 80)
    shop.correct("o2", "a", "60", at="2026-02-02 12:00", now="2026-03-03 12:00")
    assert shop.balance("a") == 147
    shop.give_back("r2", "o1", at="2026-03-04 12:00", lines=[(1, "1")])

    assert (shop.balance("a"), shop.tier("a"), shop.counted("a")) == (67, "bronze", 67)
    assert prove().differences == []


def test_what_has_expired_of_an_order_counts_as_taken_afterwards_too() -> None:
    shop = two(policy={"pending_days": 0, "expiry": "days", "expiry_count": 10})
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.nights("2026-02-20")
    shop.order("o2", "a", "50", at="2026-02-25 12:00")
    shop.merge("b", "a", at=AT)

    shop.give_back("r1", "o1", at="2026-03-02 12:00")

    assert (shop.balance("a"), shop.wallet("a").shortfall) == (50, 0)
    assert prove().differences == []


def test_what_is_owed_goes_over_and_is_repaid() -> None:
    shop = two(policy={"pending_days": 0} | NEGATIVE)
    shop.order("o1", "b", "100", at="2026-02-01 12:00")
    shop.redeem("b", 100, "x", at="2026-02-01 13:00")
    shop.give_back("r1", "o1", at="2026-02-02 12:00")
    shop.order("o2", "a", "150", at="2026-02-03 12:00")

    shop.merge("b", "a", at=AT)

    assert (shop.balance("a"), shop.owed("a"), shop.owed("b")) == (50, 0, 0)
    assert prove().differences == []


def test_what_was_missing_goes_over_and_is_settled_by_what_comes_back() -> None:
    shop = two(policy={"pending_days": 0} | STOP)
    shop.order("o1", "b", "100", at="2026-02-01 12:00")
    shop.redeem("b", 100, "x", at="2026-02-01 13:00")
    shop.give_back("r1", "o1", at="2026-02-02 12:00")
    shop.order("o2", "a", "30", at="2026-02-03 12:00")
    redemption = shop.redemptions["b", "x"]
    shop.merge("b", "a", at=AT)
    assert (shop.balance("a"), shop.wallet("a").shortfall, shop.wallet("b").shortfall) == (30, 100, 0)

    reverse(shop.membership("a"), redemption, now=shop.at("2026-03-02 12:00"))

    assert (shop.balance("a"), shop.wallet("a").shortfall) == (30, 0)
    assert prove().differences == []


def test_redemptions_are_undone_for_the_one_who_stays() -> None:
    shop = two(policy=YEAR)
    shop.order("o1", "b", "100", at="2026-02-01 12:00")
    shop.redeem("b", 60, "x", at="2026-02-01 13:00")
    shop.hold("b", 30, "h", at="2026-02-01 14:00")
    shop.confirm("b", "h", at="2026-02-01 14:05")
    shop.order("o2", "b", "50", at="2026-02-02 12:00", paid_with="30", redemptions=("h",))
    shop.merge("b", "a", at=AT)
    assert shop.balance("a") == 30

    receipt = reverse(shop.membership("a"), shop.redemptions["b", "x"], now=shop.at("2026-03-02 12:00"))
    again = reverse(shop.membership("a"), shop.redemptions["b", "x"], now=shop.at("2026-03-02 12:00"))
    assert (receipt.points, again.is_new, shop.balance("a")) == (60, False, 90)
    shop.give_back("r1", "o2", at="2026-03-03 12:00")

    assert shop.balance("a") == 100
    assert shop.usable_through("a") == [("2026-05-12", 100)]
    assert prove().differences == []


def test_a_lender_gets_back_what_it_lent_to_one_who_was_merged() -> None:
    shop = two()
    shop.member("c")
    shop.household("b", "c", at="2026-01-05 12:00")
    shop.order("o1", "c", "100", at="2026-02-01 12:00")
    shop.redeem("b", 60, "x", at="2026-02-01 13:00")
    shop.merge("b", "a", at=AT)

    reverse(shop.membership("a"), shop.redemptions["b", "x"], now=shop.at("2026-03-02 12:00"))

    assert (shop.balance("a"), shop.balance("c")) == (0, 100)
    assert prove().differences == []


@pytest.mark.parametrize("source", ["a", "b"])
def test_the_higher_tier_stays_with_what_both_have_done_and_without_a_second_gift(source: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100", gift=30), Rung("gold", "150", gift=50))
    shop = two(tiers=tiers)
    shop.order("o1", "a", "110", at="2026-02-01 12:00")
    shop.order("o2", "b", "20", at="2026-02-02 12:00")
    stays = "b" if source == "a" else "a"

    shop.merge(source, stays, at=AT)
    assert (shop.tier(stays), shop.counted(stays), shop.balance(stays)) == ("silver", 130, 160)
    shop.order("o3", stays, "20", at="2026-03-02 12:00")

    assert (shop.tier(stays), shop.balance(stays)) == ("gold", 230)


@pytest.mark.parametrize("is_corrected", [False, True])
def test_a_return_leaves_the_protection_that_came_with_a_merge(*, is_corrected: bool) -> None:
    shop = Shop(
        tiers=(Rung("bronze", "0"), Rung("gold", "140")),
        scheme={"window": "membership_year", "downgrade": "period_end"},
    )
    shop.member("a", since="2026-01-10 12:00")
    shop.member("b", since="2026-01-20 12:00")
    shop.order("o1", "b", "150", at="2026-01-21 12:00")
    shop.merge("b", "a", at=AT)
    before = Standing.objects.get(membership=shop.membership("a"))
    assert (shop.tier("a"), shop.protected_until("a")) == ("gold", "2027-01-19")

    shop.order("o2", "a", "200", at="2026-03-02 12:00")
    if is_corrected:
        shop.correct("o2", "a", "20", at="2026-03-02 12:00", now="2026-03-03 12:00")
    else:
        shop.give_back("r1", "o2", at="2026-03-03 12:00")

    after = Standing.objects.get(membership=shop.membership("a"))
    assert (after.tier, after.since, after.protected_until) == (before.tier, before.since, before.protected_until)
    shop.give_back("r2", "o1", at="2026-03-04 12:00")
    assert (shop.tier("a"), shop.protected_until("a")) == ("bronze", None)


SILVER_WITH_GIFT = (Rung("bronze", "0"), Rung("silver", "60", gift=5))


def test_a_gift_that_came_with_a_merge_goes_with_its_entry_and_not_before() -> None:
    shop = two(tiers=SILVER_WITH_GIFT, scheme={"window": "lifetime", "downgrade": "never"})
    shop.order("o1", "a", "7", at="2026-02-01 12:00")
    shop.order("o2", "b", "60", at="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)

    shop.give_back("r1", "o1", at="2026-03-02 12:00")
    assert (shop.balance("a"), shop.tier("a")) == (65, "silver")

    shop.give_back("r2", "o2", at="2026-03-03 12:00")
    assert (shop.balance("a"), shop.tier("a")) == (0, "bronze")
    assert prove().differences == []


def test_gifts_that_both_had_go_when_nothing_is_left_of_either_entry() -> None:
    shop = two(tiers=SILVER_WITH_GIFT, scheme={"window": "lifetime", "downgrade": "never"})
    shop.order("o1", "a", "70", at="2026-02-01 12:00")
    shop.order("o2", "b", "60", at="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)
    assert shop.balance("a") == 140

    shop.give_back("r2", "o2", at="2026-03-02 12:00")
    assert (shop.balance("a"), shop.tier("a")) == (75, "silver")

    shop.give_back("r1", "o1", at="2026-03-03 12:00")
    assert (shop.balance("a"), shop.tier("a")) == (0, "bronze")
    assert prove().differences == []


SCHEMES: tuple[dict[str, object], ...] = (
    {"window": "lifetime", "downgrade": "never"},
    {"window": "rolling", "downgrade": "at_once", "basis": "points"},
    {"window": "calendar_year", "downgrade": "period_end", "basis": "spend"},
    {"basis": "balance", "downgrade": "at_once"},
)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: f"{scheme.get('window', 'balance')}")
def test_members_that_are_made_and_merged_earn_no_gifts_by_buying_and_returning(scheme: dict[str, object]) -> None:
    shop = two(tiers=SILVER_WITH_GIFT, scheme=scheme)
    shop.order("o", "a", "60", at="2026-02-01 12:00")
    for name in ("b1", "b2", "b3"):
        shop.member(name)
        shop.order(f"o{name}", name, "60", at="2026-02-02 12:00")
        shop.merge(name, "a", at=AT)
        assert shop.balance("a") == 130

        shop.give_back(f"r{name}", f"o{name}", at="2026-03-02 12:00")
        assert (shop.balance("a"), shop.tier("a")) == (65, "silver")

    shop.give_back("r", "o", at="2026-03-03 12:00")
    assert (shop.balance("a"), shop.tier("a")) == (0, "bronze")
    assert prove().differences == []


def test_gifts_of_two_stay_as_long_as_both_have_what_their_tier_asks_for() -> None:
    shop = two(tiers=SILVER_WITH_GIFT, scheme={"window": "lifetime", "downgrade": "never"})
    shop.order("o1", "a", "70", at="2026-02-01 12:00")
    shop.order("o2", "b", "40", "10", "15", at="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)

    shop.give_back("r1", "o2", at="2026-03-02 12:00", lines=[(2, "1")])
    assert shop.balance("a") == 70 + 55 + 5 + 5  # both together have twice as much as silver asks for
    shop.give_back("r2", "o2", at="2026-03-03 12:00", lines=[(3, "1")])

    assert (shop.balance("a"), shop.tier("a")) == (70 + 40 + 5, "silver")


def test_a_gift_that_was_lost_and_spent_before_a_merge_is_owed_once() -> None:
    policy = {**NEGATIVE, "pending_days": 3}
    shop = two(tiers=SILVER_WITH_GIFT, scheme={"window": "lifetime", "downgrade": "never"}, policy=policy)
    shop.order("o1", "b", "60", at="2026-02-01 12:00")
    shop.redeem("b", 4, "r", at="2026-02-01 13:00")
    shop.give_back("r1", "o1", at="2026-02-01 14:00")
    shop.merge("b", "a", at="2026-02-01 15:00")
    assert shop.owed("a") == 4
    shop.order("o2", "a", "60", at="2026-02-01 16:00")
    assert (shop.owed("a"), shop.balance("a")) == (0, 1)

    shop.give_back("r2", "o2", at="2026-02-01 17:00")

    assert (shop.owed("a"), shop.balance("a")) == (4, 0)
    redeemed = shop.wallet("a").entries.get(cause="redeem:r")
    reverse(shop.membership("a"), redeemed.pk, now=shop.at("2026-02-01 18:00"))
    assert (shop.owed("a"), shop.balance("a")) == (0, 0)
    assert prove().differences == []


def test_two_that_come_to_a_tier_together_enter_it() -> None:
    shop = two(tiers=(Rung("bronze", "0"), Rung("silver", "100", gift=30)))
    shop.order("o1", "a", "60", at="2026-02-01 12:00")
    shop.order("o2", "b", "60", at="2026-02-02 12:00")

    shop.merge("b", "a", at=AT)

    assert (shop.tier("a"), shop.balance("a"), shop.ways("a")) == ("silver", 150, [("bronze", "silver")])


def test_the_earlier_order_of_both_is_the_first_and_no_bonus_is_given_again() -> None:
    shop = two(rules=(Rule(), FIRST))
    shop.order("o1", "b", "10", at="2026-02-01 12:00")
    shop.order("o2", "a", "20", at="2026-02-02 12:00")
    shop.merge("b", "a", at=AT)
    first = OrderDecision.objects.get(is_first=True, is_kept=True)
    assert (first.order.number, shop.balance("a")) == ("o1", 230)

    shop.give_back("r2", "o2", at="2026-03-02 12:00", lines=[(1, "0.5")])
    assert shop.balance("a") == 220
    shop.give_back("r1", "o1", at="2026-03-03 12:00")

    assert shop.balance("a") == 110
    assert OrderDecision.objects.get(is_first=True, is_kept=True).order.number == "o2"


def test_the_only_membership_moves_with_its_number() -> None:
    shop = Shop(policy=YEAR)
    shop.member("b")
    shop.register("a", since="2026-01-01 00:00")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.order("o2", "a", "20", at="2026-02-02 12:00")
    number = shop.membership("b").number

    answer = shop.merge("b", "a", at=AT)
    shop.decide_backlog()

    assert (shop.membership("a").number, answer.memberships[0].merged_number) == (number, "")
    assert shop.balance("a") == 100  # with what a had bought since b enrolled
    assert not Membership.objects.filter(customer__external_id="b").exists()


def test_orders_of_one_who_was_no_member_count_for_the_one_who_stays() -> None:
    shop = Shop(policy=YEAR)
    shop.member("a")
    shop.register("b", since="2026-01-01 00:00")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.order("o2", "b", "20", at="2025-12-01 12:00", now="2026-02-02 12:00")

    answer = shop.merge("b", "a", at=AT)
    assert answer.waiting == 1
    shop.decide_backlog()

    assert shop.balance("a") == 80


def test_orders_before_one_membership_and_within_the_other_count() -> None:
    shop = Shop(policy=YEAR)
    shop.member("a")
    shop.member("b", since="2026-02-10 12:00")
    shop.order("o1", "b", "80", at="2026-02-01 12:00", now="2026-02-11 12:00")
    assert shop.why("b", "o1").reason == "not_a_member_then"

    shop.merge("b", "a", at=AT)
    shop.decide_backlog()

    assert shop.balance("a") == 80


def test_what_waits_is_decided_for_the_one_who_stays() -> None:
    shop = two()
    shop.import_orders(shop.bought("o1", "b", "80", at="2026-02-01 12:00"), now="2026-02-01 12:00")

    shop.merge("b", "a", at=AT)
    shop.decide_backlog()

    assert (shop.balance("a"), shop.balance("b"), UndecidedFact.objects.count()) == (80, 0, 0)


def test_held_points_refuse_a_merge_until_the_hold_ends() -> None:
    shop = two()
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.hold("b", 30, "till 4", at="2026-02-02 12:00")

    with pytest.raises(OpenHold) as refused:
        shop.merge("b", "a", at="2026-02-02 12:01")
    assert refused.value.facts == {"reference": "till 4", "number": shop.membership("b").number}
    assert (shop.balance("a"), shop.balance("b")) == (0, 50)
    assert Customer.objects.get(external_id="b").merged_into is None

    shop.merge("b", "a", at="2026-02-02 13:00")  # it has timed out
    assert shop.balance("a") == 80


def test_the_same_merge_again_changes_nothing_and_another_one_is_refused() -> None:
    shop = two()
    shop.member("c")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.merge("b", "a", at=AT)
    entries = Entry.objects.count()

    assert shop.merge("b", "a").merged.is_new is False
    with pytest.raises(SameCustomer):
        shop.merge("a", "b")
    with pytest.raises(MergedElsewhere):
        shop.merge("b", "c")

    assert (shop.balance("a"), Entry.objects.count()) == (80, entries)


def test_merges_follow_each_other() -> None:
    shop = two()
    shop.member("c")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("b", 30, "x", at="2026-02-01 13:00")
    number = shop.membership("b").number
    shop.merge("b", "a", at="2026-02-02 12:00")

    shop.merge("a", "c", at=AT)
    found = Membership.objects.numbered(shop.retailer.pk, number).get()
    shop.give_back("r1", "o1", at="2026-03-02 12:00")

    assert (found, shop.balance("c")) == (shop.membership("c"), 0)
    assert shop.wallet("c").shortfall == 30
    assert prove().differences == []


def test_a_household_takes_the_one_who_stays() -> None:
    shop = two()
    shop.member("c")
    shop.household("b", "c", at="2026-01-05 12:00")

    shop.merge("b", "a", at=AT)

    assert household_of(shop.membership("a")) == [shop.membership("c")]
    assert household_of(shop.membership("b")) == []


def test_a_lender_who_was_merged_gets_back_what_it_lent_with_the_one_who_stays() -> None:
    shop = two(policy=YEAR)
    shop.member("c")
    shop.household("b", "c", at="2026-01-05 12:00")
    shop.order("o1", "b", "100", at="2026-02-01 12:00")
    shop.redeem("c", 60, "x", at="2026-02-01 13:00")
    shop.order("o2", "c", "60", at="2026-02-01 14:00", paid_with="60", redemptions=("x",))
    shop.merge("b", "a", at=AT)
    assert shop.balance("a") == 40

    shop.give_back("r1", "o2", at="2026-03-02 12:00")

    assert (shop.balance("a"), shop.balance("c")) == (100, 0)
    assert shop.usable_through("a") == [("2026-05-12", 100)]
    assert prove().differences == []


def test_two_of_one_household_become_one() -> None:
    shop = two()
    shop.household("a", "b", at="2026-01-05 12:00")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("a", 30, "x", at="2026-02-01 13:00")
    shop.merge("b", "a", at=AT)
    assert shop.balance("a") == 50

    shop.reverse("a", "x", at="2026-03-02 12:00")

    assert (shop.balance("a"), shop.balance("b")) == (80, 0)
    assert prove().differences == []


def test_one_who_has_left_brings_nothing_and_its_number_leads_on() -> None:
    shop = two()
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    leave(shop.membership("b"), now=shop.at("2026-02-02 12:00"))
    number = shop.membership("b").number

    shop.merge("b", "a", at=AT)
    shop.give_back("r1", "o1", at="2026-03-02 12:00")

    assert shop.balance("a") == 0
    assert Membership.objects.numbered(shop.retailer.pk, number).get() == shop.membership("a")


def with_an_earlier_membership_of_the_one_who_goes() -> Shop:
    """Return a shop with a, who is b as well; b bought first in a membership that has ended, then once more."""
    shop = two(rules=(Rule(), FIRST), policy=STOP)
    shop.order("o1", "b", "33", at="2026-02-01 12:00")
    leave(shop.membership("b"), now=shop.at("2026-02-02 12:00"))
    shop.member("b", since="2026-02-03 12:00", now="2026-02-03 12:00")
    shop.order("o2", "b", "3", at="2026-02-04 12:00")
    shop.merge("b", "a", at=AT)
    assert shop.balance("a") == 3
    return shop


def test_what_a_membership_bought_that_had_ended_takes_nothing_from_who_took_over() -> None:
    shop = with_an_earlier_membership_of_the_one_who_goes()

    shop.give_back("r1", "o1", at="2026-03-02 12:00")

    assert (shop.balance("a"), shop.counted("a")) == (3, 3)
    assert prove().differences == []


def test_a_correction_of_what_a_membership_bought_that_had_ended_gives_nothing_to_who_took_over() -> None:
    shop = with_an_earlier_membership_of_the_one_who_goes()

    shop.correct("o1", "a", "90", at="2026-02-01 12:00", now="2026-03-02 12:00")
    shop.order("o3", "a", "10", at="2026-03-03 12:00")

    assert (shop.balance("a"), shop.counted("a")) == (13, 13)
    assert prove().differences == []


def test_a_bonus_that_a_membership_had_before_it_ended_is_not_given_again() -> None:
    shop = two(rules=(Rule(), FIRST), policy=STOP)
    shop.order("o1", "a", "10", at="2026-02-01 10:00")
    for number in ("o2", "o3"):
        shop.order(number, "b", "33", at="2026-02-01 12:00")
    leave(shop.membership("b"), now=shop.at("2026-02-02 12:00"))
    shop.member("b", since="2026-02-03 12:00", now="2026-02-03 12:00")
    shop.order("o4", "b", "5", at="2026-02-04 12:00")
    shop.merge("b", "a", at=AT)

    shop.give_back("r1", "o1", at="2026-03-02 12:00")

    assert (shop.gave("a", "o4"), shop.balance("a")) == (5, 5)
    assert prove().differences == []


def test_one_who_stays_must_not_have_left() -> None:
    shop = two()
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    leave(shop.membership("a"), now=shop.at("2026-02-02 12:00"))

    with pytest.raises(TargetLeft):
        shop.merge("b", "a", at=AT)

    assert shop.balance("b") == 80


def test_nothing_is_spent_from_a_membership_that_was_merged() -> None:
    shop = two()
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.merge("b", "a", at=AT)

    with pytest.raises(HasLeft):
        shop.redeem("b", 10, "y", at="2026-03-02 12:00")


def test_several_wallets_and_two_programs_go_over() -> None:
    stars = Rule(code="s", wallet="stars", kind="per_item", points="3")
    shop = two(rules=(Rule(), stars), wallets={"stars": {"name": "Stars"}})
    other = Shop(beside=shop)
    other.member("b")
    shop.order("o1", "b", "80", at="2026-02-01 12:00")

    answer = shop.merge("b", "a", at=AT)

    assert (shop.balance("a"), shop.balance("a", wallet="stars"), other.balance("a")) == (80, 3, 80)
    assert len(answer.memberships) == 2
    assert prove().differences == []


def test_points_that_end_by_inactivity_live_by_what_both_did_last() -> None:
    shop = two(policy={"pending_days": 0, "expiry": "inactivity", "expiry_count": 1})
    shop.order("o1", "a", "10", at="2026-02-01 12:00")
    shop.order("o2", "b", "80", at="2026-02-20 12:00")

    shop.merge("b", "a", at="2026-02-21 12:00")
    shop.nights("2026-03-15")

    assert shop.balance("a") == 90


def test_a_reference_that_both_used_names_two_redemptions_still() -> None:
    shop = two()
    for name, number in (("a", "o1"), ("b", "o2")):
        shop.order(number, name, "80", at="2026-02-01 12:00")
        shop.redeem(name, 30, "x", at="2026-02-01 13:00")
    shop.merge("b", "a", at=AT)

    reverse(shop.membership("a"), shop.redemptions["b", "x"], now=shop.at("2026-03-02 12:00"))

    assert shop.balance("a") == 130
    assert prove().differences == []


def test_the_books_owe_the_same_after_a_merge() -> None:
    shop = two(policy=YEAR | {"point_value": "0.01"})
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("b", 30, "x", at="2026-02-02 12:00")
    shop.order("o2", "a", "20", at="2026-02-03 12:00")
    until = shop.at("2026-04-01 00:00")
    before = owed(shop.program, at=until)

    shop.merge("b", "a", at=AT)

    assert owed(shop.program, at=until) == before
    assert [each.available for each in before] == [70]


def test_a_birth_date_that_comes_with_a_merge_is_celebrated() -> None:
    shop = two(rules=(Rule(), Rule(code="day", kind="birthday", points="25")))
    Customer.objects.filter(external_id="b").update(birth_date="1990-03-05")

    shop.merge("b", "a", at=AT)
    shop.nights("2026-03-06")

    assert shop.balance("a") == 25


def test_the_past_of_one_who_was_two_comes_to_the_same_when_it_is_lived_again() -> None:
    shop = two(policy=YEAR)
    shop.order("o1", "b", "80", at="2026-02-01 12:00")
    shop.redeem("b", 30, "x", at="2026-02-02 12:00")
    shop.order("o2", "a", "20", at="2026-02-03 12:00")
    shop.merge("b", "a", at=AT)

    assert replay(shop.program, now=shop.known.latest).deviations == []


def test_points_on_inactivity_go_on_by_what_both_did() -> None:
    shop = Shop(policy={"pending_days": 0, "expiry": "inactivity", "expiry_count": 1})
    shop.member("ada")
    shop.member("ada2")
    shop.order("o1", "ada", "5.00", at="2026-01-05 12:00")
    shop.order("o2", "ada", "7.00", at="2026-03-10 12:00")
    shop.order("o3", "ada2", "100.00", at="2026-01-20 12:00")
    shop.order("o4", "ada2", "10.00", at="2026-02-15 12:00")
    shop.order("o5", "ada2", "10.00", at="2026-03-12 12:00")

    shop.merge("ada2", "ada", at="2026-03-15 12:00")

    assert (shop.balance("ada"), shop.usable_through("ada")) == (127, [("2026-04-12", 127)])


def test_what_the_one_who_goes_bought_before_the_other_one_came_back_is_theirs() -> None:
    shop = two(policy=STOP)
    shop.order("o1", "b", "40", at="2026-02-01 12:00")
    leave(shop.membership("a"), now=shop.at("2026-02-02 12:00"))
    shop.member("a", since="2026-02-03 12:00", now="2026-02-03 12:00")
    shop.merge("b", "a", at=AT)

    shop.correct("o1", "a", "30", at="2026-02-01 12:00", now="2026-03-02 12:00")
    assert (shop.balance("a"), shop.counted("a")) == (30, 30)

    shop.give_back("r1", "o1", at="2026-03-03 12:00")
    assert (shop.balance("a"), shop.counted("a")) == (0, 0)
    assert prove().differences == []


def test_what_was_undone_before_a_merge_is_undone_already() -> None:
    shop = two()
    shop.order("o1", "b", "50", at="2026-02-01 12:00")
    shop.redeem("b", 20, "r", at="2026-02-02 12:00")
    shop.reverse("b", "r", at="2026-02-03 12:00")
    shop.merge("b", "a", at=AT)

    again = reverse(shop.membership("a"), shop.redemptions["b", "r"], now=shop.at("2026-03-02 12:00"))

    assert (again.is_new, again.points, shop.balance("a")) == (False, 20, 50)


IDLE = {"pending_days": 0, "expiry": "inactivity", "expiry_count": 1}


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_late_order_joins_what_the_one_who_went_did_before_and_after_it(*, is_merged: bool) -> None:
    shop = two(policy=IDLE)
    shop.order("o1", "b", "100", at="2026-01-05 12:00")
    shop.order("o2", "b", "7", at="2026-02-20 12:00")
    shop.nights("2026-02-25")
    who = "a" if is_merged else "b"
    if is_merged:
        shop.merge("b", "a", at="2026-02-26 12:00")
    assert shop.balance(who) == 7

    shop.order("late", who, "1", at="2026-01-30 12:00", now="2026-02-27 12:00")

    assert shop.usable_through(who) == [("2026-03-20", 108)]
    assert prove().differences == []


@pytest.mark.parametrize("is_merged", [False, True])
def test_what_the_one_who_goes_did_long_ago_takes_no_points_that_a_late_order_brings_back(*, is_merged: bool) -> None:
    shop = two(policy=IDLE)
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.order("o2", "a", "7", at="2026-02-20 12:00")
    shop.order("o3", "b", "5", at="2026-01-30 12:00")
    shop.order("o4", "b", "3", at="2026-03-05 12:00")
    shop.nights("2026-03-10")
    if is_merged:
        shop.merge("b", "a", at="2026-03-10 12:00")
    assert shop.balance("a") == 7 + 3 * is_merged

    shop.order("late", "a", "1", at="2026-01-31 12:00", now="2026-03-11 12:00")

    assert shop.balance("a") == 108 + 8 * is_merged  # the 5 ended between, too
    assert prove().differences == []


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_late_order_brings_back_what_had_ended_while_the_one_who_went_was_still_active(*, is_merged: bool) -> None:
    shop = two(policy=IDLE)
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.order("o2", "b", "7", at="2026-01-30 12:00")
    shop.nights("2026-02-10")
    if is_merged:
        shop.merge("b", "a", at="2026-02-10 12:00")
    assert shop.balance("a") == 7 * is_merged  # the 100 ended with 5 February

    shop.order("late", "a", "1", at="2026-01-25 12:00", now="2026-02-11 12:00")

    assert shop.balance("a") == 101 + 7 * is_merged
    assert prove().differences == []


@pytest.mark.parametrize("merges", [(), ("a",), ("a", "c")])
def test_a_late_order_brings_back_what_had_ended_before_it_went_over(merges: tuple[str, ...]) -> None:
    shop = two(policy=IDLE)
    shop.member("c")
    shop.order("o1", "b", "100", at="2026-01-05 12:00")
    shop.order("o2", "b", "12", at="2026-02-08 12:00")
    shop.order("o3", "a", "5", at="2026-01-20 12:00")
    shop.order("o4", "c", "3", at="2026-01-21 12:00")
    shop.nights("2026-02-10")
    who = "b"
    for into in merges:
        shop.merge(who, into, at="2026-02-10 12:00")
        who = into
    others = {"b": 0, "a": 5, "c": 5 + 3}[who]
    assert shop.balance(who) == 12 + others  # the 100 ended with 5 February

    shop.order("late", who, "1", at="2026-01-30 12:00", now="2026-02-12 12:00")

    assert shop.balance(who) == 113 + others
    assert prove().differences == []


def test_an_order_that_says_nothing_of_when_points_ended_brings_none_back() -> None:
    shop = two(policy=IDLE)
    shop.order("o1", "a", "100", at="2026-01-05 12:00")
    shop.order("o2", "b", "7", at="2026-01-30 12:00")
    shop.nights("2026-02-10")
    shop.merge("b", "a", at="2026-02-10 12:00")

    shop.order("o3", "a", "1", at="2026-02-08 12:00", now="2026-02-11 12:00")

    assert shop.balance("a") == 8
    assert prove().differences == []


def test_no_time_is_carried_out_before_it_has_come_when_merges_follow_each_other() -> None:
    shop = two(policy=IDLE)
    shop.member("c")
    shop.order("o1", "b", "100", at="2026-01-05 12:00")
    shop.order("o2", "b", "12", at="2026-02-08 12:00")
    shop.order("o3", "a", "5", at="2026-01-20 12:00")
    shop.nights("2026-02-10")
    shop.merge("b", "a", at="2026-02-10 12:00")
    shop.merge("a", "c", at="2026-02-10 13:00")

    shop.order("o4", "c", "1", at="2026-02-11 12:00")
    shop.nights("2026-02-12")

    assert (shop.balance("c"), shop.usable_through("c")) == (18, [("2026-03-11", 18)])
    assert "expire" not in shop.kinds("c")


@pytest.mark.parametrize("at", ["2026-02-20 11:59", "2026-02-20 12:01", "2026-02-28 12:00"])
def test_a_late_order_of_before_a_merge_is_decided_by_the_tier_of_who_bought(at: str) -> None:
    """b is silver since the 20th, and a since then with it: but until they were one, a had no tier that multiplies."""
    shop = two(tiers=(Rung("bronze", "0"), Rung("silver", "60", times="2")))
    shop.order("o1", "b", "60.00", at="2026-02-20 12:00")
    shop.merge("b", "a", at=AT)

    shop.order("o2", "a", "40.00", at=at, now="2026-03-02 12:00")
    shop.order("o3", "a", "40.00", at="2026-03-02 12:01")

    assert (shop.gave("a", "o2"), shop.gave("a", "o3"), shop.tier("a")) == (40, 80, "silver")
    assert prove().differences == []
