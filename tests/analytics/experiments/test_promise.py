"""What a report promised of its offers beside what a tenth without them tells: worked by hand, and as it is read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from html import unescape
from math import sqrt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from analytics.experiments.depth_results import ALL
from analytics.experiments.drawing_up import DrawnUp, draw_up_offers
from analytics.experiments.looking import look, look_again
from analytics.experiments.models import ExperimentLook
from analytics.experiments.promise_page import promise_lines
from analytics.experiments.promise_results import PromiseResult, Promoted
from analytics.experiments.promise_words import REASONS, reason_text
from analytics.uplift.depth_audit import OfferSeen, compare
from analytics.uplift.results import Range, Reason
from analytics.uplift.sequence import half_width
from customers.facts import OrderFact
from customers.models import Retailer
from customers.recording import record_orders
from loyalty.campaigns.models import Offer, OfferGrant
from loyalty.campaigns.offering.managing import draw_up
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact, plan
from loyalty.experiments.running import start
from loyalty.memberships.models import Membership
from loyalty.rewards.models import Reward, RewardRedemption
from tests import make
from tests.analytics.experiments.depth_shops import MARGIN, segmented, trying
from tests.analytics.experiments.shops import DAY, line
from tests.analytics.experiments.test_drawing_up import LATER, choice, member_of_staff, report
from tests.experiments.make_experiments import even_salt

GIVEN = LATER + DAY  # the first offer: windows of 28 days begin
OVER = GIVEN + 29 * DAY


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(name="Port", margin_rate=MARGIN, language="en")


def held_back(made: DrawnUp, *, at: datetime = LATER) -> Experiment:
    """Start a hold-out of half and half, so that few customers are enough, and return it."""
    held = made.hold_out
    assert held is not None
    held.variants.update(share_bp=5_000)
    halves = [VariantFact(each.code, each.share_bp, is_control=each.is_control) for each in held.variants.in_order()]
    Experiment.objects.filter(pk=held.pk).update(salt=even_salt(held.retailer, halves, held.code))
    held.refresh_from_db()
    return start(plan(held, detectable={"effect_percent": "5"}, author="Grace", now=at), author="Grace", now=at)


def arms(held: Experiment) -> Mapping[str, Sequence[str]]:
    """Return the customers of each arm, by their names' numbers."""
    rows = held.assignments.values_list("variant__code", "customer__external_id")
    found: dict[str, list[str]] = {"kept": [], "offered": []}
    for code, name in rows:
        found[code].append(name)
    return {code: sorted(names, key=lambda name: int(name[1:])) for code, names in found.items()}


def gave(offer: Offer, names: Sequence[str], *, at: datetime = GIVEN) -> None:
    members = Membership.objects.filter(customer__external_id__in=names, program=offer.program)
    reward = Reward.objects.filter(code=offer.rewards[0], version__program=offer.program).first()
    assert reward is not None
    OfferGrant.objects.bulk_create(
        OfferGrant(
            retailer=offer.retailer, offer=offer, membership=each, customer_id=each.customer_id, occurrence=f"test:{at}",
            reward_key=reward.key, reserved=2, granted_at=at, expires_at=at + 14 * DAY,
        )
        for each in members
    )  # fmt: skip


def buy(owner: Retailer, names: Sequence[str], amount: str, *, at: datetime = GIVEN + 2 * DAY) -> None:
    facts = [OrderFact(f"{at:%m%d}-{name}", at, (line(amount),), customer=name) for name in names]
    record_orders(owner, facts, now=at + DAY)


def half_are_given_it(owner: Retailer, *, expected: float, count: int = 480) -> tuple[Experiment, ExperimentLook]:
    """Return a hold-out in which who is given the offer brings 10 more, and the report it is drawn up from."""
    seen = report(trying(owner, count=count), choice(ALL, 2.0, expected=expected))
    made = draw_up_offers(seen, author="Grace", now=LATER)
    held = held_back(made)
    names = arms(held)
    lucky = names["offered"][::2]
    gave(made.offers[0], lucky)
    buy(owner, [*names["kept"], *(set(names["offered"]) - set(lucky))], "20.00")
    buy(owner, lucky, "40.00")
    return held, seen


def told(seen: ExperimentLook) -> PromiseResult:
    assert seen.result.promise is not None
    return seen.result.promise


def test_offers_are_weighed_by_who_was_given_them() -> None:
    found = compare(
        [
            OfferSeen(Range(2.0, 0.5, 0, 0), customers=900, given=450, effect=0.6, error=0.2, units=1_000),
            OfferSeen(Range(1.0, 0.2, 0, 0), customers=1_800, given=900, effect=0.3, error=0.1, units=2_000),
        ]
    )

    # (450 x 2 + 900 x 1) / 1,350, and (900 x .6 + 1,800 x .3) / 1,350: what all of them do, by who was given one.
    assert found.promised.value == pytest.approx(1_800 / 1_350)
    assert found.promised.error == pytest.approx(sqrt(225**2 + 180**2) / 1_350)
    assert found.realised.value == pytest.approx(0.8)
    assert found.realised.error == pytest.approx(sqrt(180**2 + 180**2) / 1_350)
    assert found.realised.high - 0.8 == pytest.approx(half_width(found.realised.error, 3_000))
    assert found.kept == pytest.approx(0.6)
    assert found.verdict == "open"


@pytest.mark.parametrize(("effect", "verdict"), [(-1.0, "less"), (1.5, "open"), (5.0, "more")])
def test_less_and_more_are_what_chance_does_not_explain(effect: float, verdict: str) -> None:
    found = compare([OfferSeen(Range(2.0, 0.2, 1.6, 2.4), 5_000, 5_000, effect, 0.2, 6_000)])

    assert found.verdict == verdict


def test_of_a_promise_of_nothing_no_share_is_kept() -> None:
    assert compare([OfferSeen(Range(0.0, 0.2, -0.4, 0.4), 500, 500, 1.0, 0.2, 600)]).kept is None


@pytest.mark.django_db
def test_what_half_of_them_were_given_is_told_for_each_who_was(owner: Retailer) -> None:
    held, seen = half_are_given_it(owner, expected=20.0)

    found = told(look(held, now=OVER))

    (offer,) = found.offers
    sizes = {code: len(names) for code, names in arms(held).items()}
    given = len(arms(held)["offered"][::2])
    assert (offer.code, offer.segment, offer.depth) == (f"depths-all-{seen.pk}", "all", 2.0)
    assert (offer.customers, offer.control, offer.given) == (sizes["offered"], sizes["kept"], given)
    assert offer.kept == found.whole
    assert found.whole is not None
    # 20 more of revenue is 10 of margin for each who was given it, whoever else was meant: half a promise of 20.
    assert found.whole.promised.value == 20.0
    assert found.whole.realised.value == pytest.approx(10.0)
    share, customers = given / sizes["offered"], sizes["offered"]
    error = sqrt(100 * share * (1 - share) * customers / (customers - 1) / customers) / share
    assert found.whole.realised.error == pytest.approx(error)
    assert found.whole.realised.low == pytest.approx(10 - half_width(error, sum(sizes.values())))
    assert found.whole.share == pytest.approx(0.5)
    assert found.whole.verdict == "less"
    assert found.whole.total.value == pytest.approx(10.0 * given)
    assert (found.report, found.tried, found.others, found.refusals) == (seen.pk, "depths", [], [])
    assert found.promoted == [
        Promoted("kept", is_control=True, orders=sizes["kept"], promoted=0),
        Promoted("offered", is_control=False, orders=customers, promoted=0),
    ]
    assert datetime.fromisoformat(found.since) == GIVEN


@pytest.mark.django_db
def test_windows_follow_each_other_and_the_look_can_be_made_again_to_the_digit(owner: Retailer) -> None:
    held, _seen = half_are_given_it(owner, expected=20.0)
    names = arms(held)
    offer = Offer.objects.get()
    second = GIVEN + 30 * DAY
    gave(offer, names["offered"], at=second)
    buy(owner, names["kept"], "20.00", at=second + DAY)
    buy(owner, names["offered"], "24.00", at=second + DAY)

    seen = look(held, now=GIVEN + 60 * DAY)

    found = told(seen)
    assert [(each.number, each.given) for each in found.windows] == [
        (1, len(names["offered"][::2])), (2, len(names["offered"]))
    ]  # fmt: skip
    first, later = (each.kept for each in found.windows)
    assert first == found.whole
    assert later is not None
    assert later.realised.value == pytest.approx(2.0)  # 4 more of revenue
    again = look_again(seen)
    assert (again.same_data, again.same_numbers) == (True, True)
    assert PromiseResult.from_json(found.as_json()) == found


@pytest.mark.django_db
def test_each_segment_has_its_own_promise_and_others_have_none(owner: Retailer) -> None:
    test = trying(owner, count=900)
    segmented(owner, lambda place: ("vip", "loyal_low_value", "potential_loyal")[place % 3])
    seen = report(test, choice("vip", 2.0, expected=20.0), choice("loyal_low_value", 5.0, expected=4.0))
    made = draw_up_offers(seen, author="Grace", now=LATER)
    held = held_back(made)
    names = arms(held)
    vip, loyal = ([name for name in names["offered"] if int(name[1:]) % 3 == place] for place in (0, 1))
    gave(made.offers[0], vip)
    gave(made.offers[1], loyal[:20])
    buy(owner, vip, "40.00")
    buy(owner, [*names["kept"], *(set(names["offered"]) - set(vip))], "20.00")

    found = told(look(held, now=OVER))

    first, other = found.offers
    assert (first.segment, first.customers, first.given) == ("vip", len(vip), len(vip))
    assert first.kept is not None
    assert first.kept.realised.value == pytest.approx(10.0)
    assert (other.segment, other.depth, other.customers, other.given) == ("loyal_low_value", 5.0, len(loyal), 20)
    assert (other.kept, other.reason) == (None, Reason("few_given", {"customers": 20, "asked": 100}))
    assert found.whole == first.kept  # of those that can be told


@pytest.mark.django_db
def test_what_cannot_be_compared_is_not(owner: Retailer) -> None:
    seen = report(trying(owner, count=400), choice("vip", 2.0, expected=20.0))
    made = draw_up_offers(seen, author="Grace", now=LATER)
    (offer,), held = made.offers, made.hold_out
    assert held is not None
    held = held_back(made)
    assert look(held, now=LATER + 40 * DAY).result.promise is None  # nobody was given it
    gave(offer, arms(held)["offered"], at=LATER + 41 * DAY)

    early = told(look(held, now=LATER + 50 * DAY))
    unknown = told(look(held, now=LATER + 80 * DAY))

    assert early.refusals == [Reason("no_window_yet", {"days": 28})]
    assert unknown.refusals == [Reason("segments_unknown")]
    assert (early.offers, early.whole, unknown.whole) == ([], None, None)


@pytest.mark.django_db
def test_another_window_than_the_reports_is_no_promise(owner: Retailer) -> None:
    seen = report(trying(owner, count=400), choice(ALL, 2.0))
    made = draw_up_offers(seen, author="Grace", now=LATER)
    Experiment.objects.filter(code=f"depths-kept-{seen.pk}").update(window_days=14)
    held = held_back(made)
    gave(made.offers[0], arms(held)["offered"])

    assert told(look(held, now=OVER)).refusals == [Reason("other_window", {"days": 14, "asked": 28})]


@pytest.mark.django_db
def test_what_the_hold_out_holds_back_besides_is_named(owner: Retailer) -> None:
    held, _seen = half_are_given_it(owner, expected=10.0)
    offer = Offer.objects.get()
    by_hand = Offer(
        retailer=owner, program=offer.program, code="by-hand", name="By hand", rewards=offer.rewards, hold_out=held
    )
    other = draw_up(by_hand, limit=Decimal(10), now=GIVEN)
    gave(other, arms(held)["offered"][:1])

    seen = look(held, now=OVER)

    assert told(seen).others == ["by-hand"]
    assert promise_lines(seen)[1].startswith("It holds back by-hand as well, of which no report promised anything")


@pytest.mark.django_db
def test_it_is_told_how_many_orders_were_on_promotion(owner: Retailer) -> None:
    held, _seen = half_are_given_it(owner, expected=10.0)
    names, at = arms(held), GIVEN + 3 * DAY
    with_code = OrderFact("code", at, (line("5.00"),), customer=names["offered"][0], promotion_code="SPRING")
    reduced = OrderFact("less", at, (line("5.00", discount=Decimal(1)),), customer=names["kept"][0])
    too_old = OrderFact("old", GIVEN - DAY, (line("5.00"),), customer=names["kept"][0], promotion_code="OLD")
    record_orders(owner, [with_code, reduced, too_old], now=at + DAY)
    reward = Reward.objects.get(code="two-off")
    member = Membership.objects.get(customer__external_id=names["offered"][1])
    RewardRedemption.objects.create(
        retailer=owner, program=reward.version.program, membership=member, reward=reward, reward_key=reward.key, reference="r",
        wallet="points", points=0, price_rule="list", amount=2, status="used", redeemed_at=at, recorded_at=at, used_at=at,
        order_number=f"{GIVEN + 2 * DAY:%m%d}-{names['offered'][1]}",
    )  # fmt: skip

    seen = look(held, now=OVER)

    assert [(each.code, each.orders - len(names[each.code]), each.promoted) for each in told(seen).promoted] == [
        ("kept", 1, 1), ("offered", 1, 2),
    ]  # fmt: skip
    offered, kept = (100 * count / (len(names[code]) + 1) for code, count in (("offered", 2), ("kept", 1)))
    assert promise_lines(seen)[-1].startswith(
        f"Of the orders of the last six months {offered:.1f}\N{NO-BREAK SPACE}% were on promotion, "
        f"and {kept:.1f}\N{NO-BREAK SPACE}% of those of customers who"
    )


@pytest.mark.django_db
def test_people_read_it_beside_the_report_and_beside_the_hold_out(owner: Retailer) -> None:
    seen = report(trying(owner, count=400), choice(ALL, 2.0, expected=20.0))
    made = draw_up_offers(seen, author="Grace", now=LATER)
    client = member_of_staff(owner, "analyst")
    of_report = reverse("admin:analytics_experimentlook_change", args=[seen.pk])

    before = unescape(client.get(of_report).content.decode())

    assert "What was promised, what is kept" in before
    assert f"The hold-out “depths-kept-{seen.pk}” has not started: nobody is kept without the offers yet." in before
    assert "20.00 EUR" in before
    held = held_back(made)
    gave(made.offers[0], arms(held)["offered"])
    buy(owner, arms(held)["kept"], "20.00")
    buy(owner, arms(held)["offered"], "40.00")
    kept = look(held, now=OVER)
    for address in (of_report, reverse("admin:analytics_experimentlook_change", args=[kept.pk])):
        page = unescape(client.get(address).content.decode())
        assert (
            "Each customer who is given an offer was to bring 20.00 EUR more in 28 days, after all costs. Beside those who are "
            "kept without, it is 10.00 EUR (10.00 EUR … 10.00 EUR). Kept is 50\N{NO-BREAK SPACE}% of the promise."
            in page
        )
        assert "That is less than was promised, by more than chance explains" in page
        assert "The offers pay." in page
    stranger = member_of_staff(make.retailer(), "owner")
    assert stranger.get(of_report).status_code == 404


@pytest.mark.django_db
def test_systems_read_it_too(owner: Retailer, client: Client) -> None:
    test = trying(owner, count=400)
    address = f"/api/v1/analytics/experiments/{test.code}/depths/kept"
    its = {"Authorization": f"Api-Key {make.key(owner, 'analytics:read')}"}
    assert client.get(address, headers=its).status_code == 404
    seen = report(test, choice(ALL, 2.0, expected=20.0))
    made = draw_up_offers(seen, author="Grace", now=LATER)

    waiting = client.get(address, headers=its).json()

    assert (waiting["look"], waiting["since"], waiting["whole"], waiting["hold_out"]) == (
        None, None, None, f"depths-kept-{seen.pk}",
    )  # fmt: skip
    assert [(each["code"], each["promised"]["value"], each["kept"]) for each in waiting["offers"]] == [
        (f"depths-all-{seen.pk}", 20.0, None)
    ]
    assert "has not started" in waiting["texts"][0]
    held = held_back(made)
    gave(made.offers[0], arms(held)["offered"])
    buy(owner, arms(held)["kept"], "20.00")
    buy(owner, arms(held)["offered"], "40.00")
    kept = look(held, now=OVER)
    said = client.get(address, headers=its).json()
    assert (said["report"], said["look"], said["currency"], said["window_days"]) == (seen.pk, kept.pk, "EUR", 28)
    assert (said["whole"]["promised"]["value"], said["whole"]["realised"]["value"]) == (20.0, 10.0)
    assert (said["whole"]["share"], said["whole"]["verdict"]) == (0.5, "less")
    assert [(each["number"], each["given"]) for each in said["windows"]] == [(1, len(arms(held)["offered"]))]
    (offer,) = said["offers"]
    assert (offer["segment"], offer["depth"], offer["reason"]) == ("all", 2.0, None)
    theirs = {"Authorization": f"Api-Key {make.key(make.retailer(), 'analytics:read')}"}
    assert client.get(address, headers=theirs).status_code == 404
    others = {"Authorization": f"Api-Key {make.key(owner, 'members:read')}"}
    assert client.get(address, headers=others).status_code == 403


VALUES: Mapping[str, Mapping[str, Any]] = {
    "other_window": {"days": 14, "asked": 28}, "other_currency": {"currency": "EUR"}, "no_window_yet": {"days": 28},
    "few_kept": {"customers": 12, "asked": 100}, "few_given": {"customers": 12, "asked": 100},
}  # fmt: skip


@pytest.mark.parametrize("code", list(REASONS))
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_reason_is_worded_with_its_values(code: str, language: str) -> None:
    with translation.override(language):
        text = reason_text(Reason(code, VALUES.get(code, {})))

    assert "%(" not in text
    assert text.endswith(".")
