"""Who had not bought yet, who of them came and what they cost, in one shop that is counted by hand."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.experiments.costs import digest_of
from analytics.experiments.looking import look, look_again
from analytics.experiments.models import ExperimentLook
from analytics.experiments.reading import read
from analytics.experiments.results import ArmWon
from customers.facts import OrderFact, ReturnFact, ReturnLineFact
from customers.models import Customer, Retailer
from customers.recording import record_orders, record_returns
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.spending import confirm, hold
from loyalty.experiments.models import Assignment, Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.memberships.models import Membership
from loyalty.rewards.models import Reward, RewardRedemption
from tests import make
from tests.analytics.experiments.depth_shops import ENDED, MARGIN, variants_of
from tests.analytics.experiments.shops import DAY, line
from tests.experiments.make_experiments import running
from tests.make import START
from tests.rewards import shop as rewards

pytestmark = pytest.mark.django_db
HALVES = (VariantFact("kept", 5_000, is_control=True), VariantFact("welcome", 5_000))
MANY = 400
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OLD = 40  # who bought before


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(margin_rate=MARGIN, language="en")


def welcoming(owner: Retailer, **given: Any) -> Experiment:
    """Return an experiment on members, of whom the first forty bought before; its reward is five off."""
    draft = make.version(owner, points={"point_value": Decimal("0.01"), "redeemed_share": Decimal(1)})
    rewards.reward(draft, "five-off", 0, kind="amount_off", value=Decimal(5), codes="generated")
    club = make.published(draft, since=START - 9 * DAY)
    Customer.objects.bulk_create(
        Customer(retailer=owner, external_id=f"c{place}", identified_at=START - 100 * DAY) for place in range(MANY)
    )
    found = Customer.objects.filter(retailer=owner).order_by("pk").values_list("pk", flat=True)
    enrol(club, [(pk, START - DAY) for pk in found], source="test", now=START - DAY)
    buy(owner, "b", range(OLD), -5)
    plain: dict[str, Any] = {
        "layer": "variant", "form": "variants", "variants": HALVES, "metric": "margin", "window_days": 28,
        "duration_days": 120,
    }  # fmt: skip
    return running(owner, club, "welcome", **(plain | given))


def buy(owner: Retailer, prefix: str, places: Any, day: int) -> None:
    """Let customers buy for 40 on a day after the start."""
    at = START + day * DAY
    facts = [OrderFact(f"{prefix}{place}", at, (line("40.00"),), customer=f"c{place}") for place in places]
    record_orders(owner, facts, now=max(at, START) + DAY)


def redeem(test: Experiment, places: Any, **given: Any) -> None:
    reward = Reward.objects.get(version__program=test.program)
    members = Membership.objects.filter(
        program=test.program_id, customer__external_id__in=[f"c{each}" for each in places]
    )
    plain: dict[str, Any] = {
        "wallet": "points", "points": 0, "price_rule": "list", "amount": reward.value, "status": "used",
        "redeemed_at": START + 2 * DAY, "recorded_at": START + 2 * DAY, "used_at": START + 3 * DAY,
    }  # fmt: skip
    RewardRedemption.objects.bulk_create(
        RewardRedemption(
            retailer=test.retailer, program=test.program, membership=each, reward=reward, reward_key=reward.key,
            reference=make.number("r"), **(plain | given),
        )
        for each in members
    )  # fmt: skip


def places_of(test: Experiment, code: str) -> list[int]:
    return sorted(int(name[1:]) for name, variant in variants_of(test).items() if variant == code)


def test_those_who_had_not_bought_are_counted_with_who_came_and_what_they_cost(owner: Retailer) -> None:
    test = welcoming(owner)
    treated, control = places_of(test, "welcome"), places_of(test, "kept")
    new, new_control = ([each for each in arm if each >= OLD] for arm in (treated, control))
    buy(owner, "o", range(OLD), 3)  # who bought before does again, and is nobody won
    buy(owner, "w", new[:60], 3)
    buy(owner, "k", new_control[:20], 3)
    buy(owner, "l", new[60:90], 40)  # after the window
    buy(owner, "m", new[90:92], 4)  # all of it comes back
    returns = [ReturnFact(f"r{each}", f"m{each}", START + 5 * DAY, (ReturnLineFact(Decimal(1), position=1),))
               for each in new[90:92]]  # fmt: skip
    record_returns(owner, returns, now=START + 6 * DAY)
    redeem(test, new[:30])
    redeem(test, [each for each in treated if each < OLD])  # what they cost is not what winning cost
    redeem(test, new[30:33], ended_at=START + 9 * DAY, status="expired", used_at=None)

    seen = look(test, now=ENDED)

    assert seen.result.won == [
        ArmWon("kept", len(new_control), 20, 0.0, 0.0, 0.0, 0), ArmWon("welcome", len(new), 60, 150.0, 0.0, 0.0, 0),
    ]  # fmt: skip
    again = look_again(seen)
    assert (again.same_data, again.same_numbers) == (True, True)


def test_a_look_from_before_this_was_counted_is_made_again_without_it(owner: Retailer) -> None:
    test = welcoming(owner)
    variants = list(test.variants.in_order())
    found = read(test, variants, known_at=ENDED)
    with_it = look(test, now=ENDED)
    costs = digest_of(found.digest, with_it.result.costs)
    told = {name: said for name, said in with_it.numbers.items() if name != "won"}
    copied = {each.name: getattr(with_it, each.name) for each in with_it._meta.fields if each.name != "id"}
    before = ExperimentLook.objects.create(**copied | {"numbers": told, "data_digest": costs})

    again = look_again(before)

    assert (again.same_data, again.same_numbers, "won" in with_it.numbers) == (True, True, True)


def test_a_look_before_the_end_counts_nobody(owner: Retailer) -> None:
    test = welcoming(owner)

    assert look(test, now=ENDED - 60 * DAY).result.won == []


def test_where_all_had_bought_there_is_nobody_to_win(owner: Retailer) -> None:
    test = welcoming(owner)
    buy(owner, "e", range(OLD, MANY), -3)

    assert look(test, now=ENDED).result.won == []


def _one_of(test: Experiment) -> Membership:
    """Return a member of the treated who had not bought yet."""
    place = next(each for each in places_of(test, "welcome") if each >= OLD)
    return Membership.objects.get(program=test.program_id, customer__external_id=f"c{place}")


def _ends_at(test: Experiment, who: Membership) -> datetime:
    """Return the instant at which the window of a member ends."""
    return Assignment.objects.get(experiment=test, customer=who.customer_id).exposed_at + 28 * DAY


def test_points_that_a_till_holds_as_the_window_ends_are_owed_still(owner: Retailer) -> None:
    test = welcoming(owner)
    ada = _one_of(test)
    adjust(ada, 900, reference="gift", reason="a start", author="test", now=START + DAY)
    end = _ends_at(test, ada)
    held, _left = hold(ada, 300, reference="till-7", now=end - MINUTE)
    confirm(held.pk, now=end + MINUTE)

    kept, welcome = look(test, now=ENDED).result.won

    assert (kept.points, welcome.points) == (0.0, 9.0)


def test_what_was_held_before_the_window_and_is_redeemed_in_it_is_owed_no_more(owner: Retailer) -> None:
    test = welcoming(owner)
    ada = _one_of(test)
    start = _ends_at(test, ada) - 28 * DAY
    adjust(ada, 900, reference="gift", reason="a start", author="test", now=start - HOUR)
    held, _left = hold(ada, 300, reference="till-7", now=start - MINUTE)
    confirm(held.pk, now=start + MINUTE)

    _kept, welcome = look(test, now=ENDED).result.won

    assert welcome.points == -3.0


@pytest.mark.parametrize(("minutes", "paid", "owed"), [(-1, 3.0, 6.0), (1, 0.0, 9.0)])
def test_what_a_hold_paid_is_counted_once_on_the_side_on_which_its_order_was_placed(
    owner: Retailer, minutes: int, paid: float, owed: float
) -> None:
    test = welcoming(owner)
    ada = _one_of(test)
    adjust(ada, 900, reference="gift", reason="a start", author="test", now=START + DAY)
    end = _ends_at(test, ada)
    held, _left = hold(ada, 300, reference="till-7", now=end - 2 * MINUTE)
    order = OrderFact(
        "paid", end + minutes * MINUTE, (line("40.00"),), customer=ada.customer.external_id,
        paid_with_points=Decimal(3), redemptions=("till-7",),
    )  # fmt: skip
    record_orders(owner, [order], now=end + 2 * MINUTE)
    confirm(held.pk, now=end + 3 * MINUTE)

    _kept, welcome = look(test, now=ENDED).result.won

    assert (welcome.paid, welcome.points) == (paid, owed)


def test_what_has_no_cost_and_points_without_a_worth_leave_the_cost_unknown(owner: Retailer) -> None:
    test = welcoming(owner)
    (first, *_rest) = [each for each in places_of(test, "welcome") if each >= OLD]
    redeem(test, [first], amount=None)

    kept, welcome = look(test, now=ENDED).result.won

    assert (kept.unknown, kept.cost, welcome.unknown, welcome.cost) == (0, 0.0, 1, None)
