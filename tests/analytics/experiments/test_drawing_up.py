"""A report of depths becomes drafts of offers: those that pay, with a tenth kept without, and nothing of what is refused."""

from dataclasses import replace
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.experiments.depth_results import Given
from analytics.experiments.drawing_up import NothingToDrawUp, draw_up_offers, offers_of
from analytics.experiments.looking import look
from analytics.experiments.models import ExperimentLook
from analytics.uplift.depth_choosing import Cell, Choice, Decision
from analytics.uplift.results import Range, Reason
from customers.models import Retailer
from loyalty.access.models import StaffRole
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.documents import apply_document, say, to_document
from loyalty.campaigns.offering.managing import OfferHasFlaws, flaws_of, set_budget, start
from loyalty.configuration.drafts import open_draft, publish
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import plan
from loyalty.experiments.running import start as start_experiment
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import Reward, RewardBudget
from tests import make
from tests.analytics.experiments.depth_shops import ENDED, MARGIN, bought_before, cheaper, for_variant, trying
from tests.analytics.experiments.shops import DAY
from tests.analytics.experiments.test_depth_page import PAYS, chosen, kept
from tests.campaigns.make_offers import ask, reasons
from tests.rewards import shop as rewards

pytestmark = pytest.mark.django_db
LATER = ENDED + DAY


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(name="Port", margin_rate=MARGIN, language="en")


def choice(segment: str, depth: float, reason: Reason = PAYS, *, expected: float = 1.4) -> Choice:
    """Return what is said of a segment, with cells of which each earns as much, cautiously .4 x .674 less."""
    cells = [Cell(each, 2_000, 2_000, Range(1.5, 0.4, 0.7, 2.3), expected, 0.4, 0.99) for each in (2.0, 5.0)]
    return Choice(segment, depth, reason, cells, [])


def report(test: Experiment, *choices: Choice, **given: Any) -> ExperimentLook:
    """Return a final look by which segments of 1,000 have these depths, of which 2 costs .40 each, and 5 costs 1.20."""
    found = chosen(PAYS, decision=Decision(choices, []))
    plain: dict[str, Any] = {
        "customers": [1_000 for _ in choices],
        "given": [[Given(0.4, 0.2), Given(1.2, 0.24)] for _ in choices],
    }
    return kept(test, replace(found, **(plain | given)))


def nothing_is_made() -> bool:
    return (Offer.objects.count(), RewardBudget.objects.count(), Experiment.objects.count()) == (0, 0, 1)


def refused(seen: ExperimentLook, **given: Any) -> str:
    """Return why no offer is drawn up, and see that nothing was made."""
    with pytest.raises(NothingToDrawUp) as found:
        draw_up_offers(seen, author="Grace", now=LATER, **given)
    assert nothing_is_made()
    return str(found.value)


def test_each_segment_that_a_depth_pays_for_gets_a_draft_and_a_tenth_is_kept_without(owner: Retailer) -> None:
    test = trying(owner, count=6)
    seen = report(
        test, choice("vip", 2.0), choice("loyal_low_value", 0.0, Reason("nothing_earns", {"depth": 2.0})), choice("others", 5.0),
        choice("never_bought", 2.0),
    )  # fmt: skip

    made = draw_up_offers(seen, author="Grace", now=LATER)

    vip, others = made.offers
    assert [(each.code, each.rewards, each.segments, each.budget.limit, each.state) for each in made.offers] == [
        (f"depths-vip-{seen.pk}", ["two-off"], ["vip"], 400, "draft"),
        (f"depths-others-{seen.pk}", ["five-off"], ["vip_at_risk", "potential_loyal", "low_value_at_risk"], 1_200, "draft"),
    ]  # fmt: skip
    assert [(each.segment, each.why) for each in made.without] == [
        (
            "loyal_low_value",
            "Loyal of low value: no offer. No depth is expected to earn what it costs; the nearest to it is 2.00 EUR off.",
        ),
        (
            "never_bought",
            "Never bought: no offer can name these customers, who have no segment of those that offers know.",
        ),
    ]
    held = made.hold_out
    assert held is not None
    assert (held.code, held.state, held.form, held.window_days, held.unit, held.metric) == (
        f"depths-kept-{seen.pk}", "draft", "variants", test.window_days, test.unit, test.metric,
    )  # fmt: skip
    assert [(each.code, each.share_bp, each.is_control) for each in held.variants.in_order()] == [
        ("kept", 1_000, True), ("offered", 9_000, False),
    ]  # fmt: skip
    assert {(each.found_in_id, each.found_look, each.hold_out_id) for each in made.offers} == {
        (test.pk, seen.pk, held.pk)
    }
    assert [each.pk for each in offers_of(seen)] == [vip.pk, others.pk]
    assert (str(vip), vip.expected_margin) == ("Two-Off", None)


def test_the_same_report_again_makes_nothing_new(owner: Retailer) -> None:
    seen = report(trying(owner, count=6), choice("vip", 2.0))

    first = draw_up_offers(seen, author="Grace", now=LATER)
    again = draw_up_offers(seen, budget=Decimal(9), author="Alan", now=LATER)

    assert (first.is_new, again.is_new) == (True, False)
    assert [each.pk for each in again.offers] == [each.pk for each in first.offers]
    assert again.hold_out == first.hold_out
    assert (Offer.objects.count(), RewardBudget.objects.get().limit, Experiment.objects.count()) == (1, 400, 2)


def test_all_customers_together_are_no_segment_and_nobody_is_asked_for_a_profile(owner: Retailer) -> None:
    seen = report(trying(owner, count=6), choice("all", 5.0))

    (offer,) = draw_up_offers(seen, author="Grace", now=LATER).offers

    assert (offer.segments, offer.rewards) == ([], ["five-off"])


def test_a_budget_goes_to_what_brings_most_and_what_it_does_not_reach_has_no_offer(owner: Retailer) -> None:
    seen = report(
        trying(owner, count=6), choice("vip", 5.0), choice("loyal_low_value", 2.0), choice("never_bought", 2.0)
    )  # fmt: skip

    made = draw_up_offers(seen, budget=Decimal(1_000), author="Grace", now=LATER)

    # 2 off brings (1.4 - .27) / .4 more for each unit of its cost than 5 off: its 1,000 customers come first.
    assert [(each.segments, each.budget.limit) for each in made.offers] == [(["vip"], 600), (["loyal_low_value"], 400)]
    assert [each.segment for each in made.without] == ["never_bought"]  # it takes nothing of the budget


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("1", "Vip: its part of the budget is less than one such offer reserves."),
        ("0.01", "the budget does not reach"),
        ("0", "the budget does not reach"),
        ("-5", "the budget does not reach"),
    ],
)
def test_a_budget_that_pays_for_nobody_makes_nothing(owner: Retailer, budget: str, words: str) -> None:
    seen = report(trying(owner, count=6), choice("vip", 2.0))

    assert words.lower() in refused(seen, budget=Decimal(budget)).lower()


def test_what_is_not_worth_its_cost_judged_cautiously_has_no_offer(owner: Retailer) -> None:
    seen = report(trying(owner, count=6), choice("vip", 2.0, expected=0.2))  # its lower quartile is below 0

    assert "is not worth its cost, judged cautiously" in refused(seen)


def test_a_report_that_is_refused_makes_nothing_and_says_what_would_lift_it(owner: Retailer) -> None:
    test = trying(owner, count=600)
    bought_before(owner, 600)

    words = refused(look(test, now=ENDED))

    assert words.startswith("No offer is drawn up. The smallest arm has ")
    assert "1,000 are needed" in words


def test_a_report_before_the_end_makes_nothing(owner: Retailer) -> None:
    test = trying(owner, count=6)
    seen = look(test, now=ENDED - 30 * DAY)
    found = chosen(PAYS, decision=Decision([choice("vip", 2.0)], []))
    copied = {each.name: getattr(seen, each.name) for each in seen._meta.fields if each.name not in {"id", "numbers"}}
    early = ExperimentLook.objects.create(**copied, numbers=seen.numbers | {"depths": found.as_json()})

    assert "has not come to its planned end" in refused(early)


def test_an_older_report_another_currency_and_no_depths_make_nothing(owner: Retailer) -> None:
    test = trying(owner, count=6)
    older, newer = report(test, choice("vip", 2.0)), report(test, choice("vip", 5.0))
    assert "There is a newer report of this experiment" in refused(older)
    Retailer.objects.filter(pk=owner.pk).update(currency="CHF")
    newer.retailer.refresh_from_db()
    assert "The report is in EUR, and amounts are in CHF now." in refused(newer)
    plain = {name: value for name, value in newer.numbers.items() if name != "depths"}
    copied = {each.name: getattr(newer, each.name) for each in newer._meta.fields if each.name not in {"id", "numbers"}}
    assert "tells of no depths" in refused(ExperimentLook.objects.create(**copied, numbers=plain))


def test_prices_in_points_are_no_offers(owner: Retailer) -> None:
    seen = report(trying(owner, cheaper, count=6), choice("vip", 100.0), kind="price", list_price=600)

    assert "It tries prices in points, and offers take none." in refused(seen)


def test_what_was_tried_for_points_is_no_offer(owner: Retailer) -> None:
    def for_points(draft: ProgramVersion) -> None:
        for code, value in (("two", 2), ("five", 5)):
            rewards.reward(
                draft, f"{code}-off", 100, kind="amount_off", value=Decimal(value), codes="generated",
                arms=for_variant(code),
            )  # fmt: skip

    seen = report(trying(owner, for_points, count=6), choice("vip", 2.0))

    assert "was tried for points, and an offer takes none" in refused(seen)


def renewed(test: Experiment, **changed: Any) -> None:
    """Publish a version in which the rewards that were tried are for all."""
    assert test.program is not None
    draft = open_draft(test.program, author="Grace", now=ENDED)
    Reward.objects.filter(version=draft).update(arms={}, **changed)
    publish(draft, effective_from=ENDED, now=ENDED)


def test_a_reward_that_takes_off_something_else_by_now_is_not_what_was_tried(owner: Retailer) -> None:
    test = trying(owner, count=6)
    seen = report(test, choice("vip", 2.0))
    renewed(test, value=Decimal(3))

    assert "takes off something else now than when it was tried" in refused(seen)


def test_a_draft_starts_once_its_reward_is_for_all_and_its_hold_out_runs_and_its_control_gets_none(
    owner: Retailer,
) -> None:
    test = trying(owner, count=300)  # so many that some are in a tenth of them, whatever their ids
    made = draw_up_offers(report(test, choice("all", 2.0)), author="Grace", now=LATER)
    (offer,), held = made.offers, made.hold_out
    assert held is not None
    assert test.program is not None
    assert [(each.code, each.place) for each in flaws_of(offer, now=LATER)] == [
        ("hold_out_not_running", "hold_out"), ("only_for_variants", "rewards/0"),
    ]  # fmt: skip
    with pytest.raises(OfferHasFlaws):
        start(offer, now=LATER)
    renewed(test)
    set_budget(offer, Decimal(1_000))  # for all of them at once; it was for as many as are expected to use it
    start_experiment(
        plan(held, detectable={"effect_percent": "5"}, author="Grace", now=LATER), author="Grace", now=LATER
    )

    live = start(offer, now=LATER)

    members = list(test.program.memberships.select_related("customer").order_by("pk"))
    control = set(held.assignments.filter(variant__is_control=True).values_list("customer", flat=True))
    found = reasons(ask(live, *members, at=LATER))
    assert 0 < len(control) < len(members)
    assert {who.customer_id for who, why in zip(members, found, strict=True) if why == "held_out"} == control
    assert set(found) == {"", "held_out"}
    assert say(owner, to_document(live), now=LATER).changes == []
    assert to_document(live)["hold_out"] == held.code


def test_a_hold_out_in_a_document_is_one_of_the_programs_own_experiments(owner: Retailer) -> None:
    test = trying(owner, count=6)
    made = draw_up_offers(report(test, choice("vip", 2.0)), author="Grace", now=LATER)
    other = make.retailer()

    said = to_document(made.offers[0]) | {"code": "other"}
    assert apply_document(owner, said, now=LATER).hold_out == made.hold_out
    for wrong in ("nothing", *other.experiments.values_list("code", flat=True)):
        with pytest.raises(Exception, match="There is no experiment “nothing” of variants of this program"):
            apply_document(owner, said | {"hold_out": wrong}, now=LATER)


def test_a_system_draws_them_up_by_the_newest_look(owner: Retailer, client: Client) -> None:
    test = trying(owner, count=6)
    seen = report(test, choice("vip", 2.0), choice("never_bought", 2.0))
    address = f"/api/v1/analytics/experiments/{test.code}/depths"
    its = {"Authorization": f"Api-Key {make.key(owner)}"}

    def send(body: dict[str, Any], path: str = f"{address}/offers", **headers: Any) -> Any:
        return client.post(path, body, content_type="application/json", headers=headers or its)

    assert send({"budget": "many"}).json()["errors"][0]["pointer"] == "/budget"
    tried = send({}, f"{address}/offers?dry_run=true")
    assert (tried.status_code, tried.json()["dry_run"], Offer.objects.count()) == (200, True, 0)
    made = send({"budget": "300"})
    assert made.status_code == 201
    assert made.json() == {
        "look": seen.pk, "currency": "EUR", "hold_out": f"depths-kept-{seen.pk}",
        "offers": [{"code": f"depths-vip-{seen.pk}", "segments": ["vip"], "rewards": ["two-off"], "budget": "300.00"}],
        "without": [{"segment": "never_bought", "text": made.json()["without"][0]["text"]}],
    }  # fmt: skip
    assert send({}).status_code == 200
    assert client.get(address, headers=its).json()["offers"] == [f"depths-vip-{seen.pk}"]
    shown = client.get(f"/api/v1/offers/depths-vip-{seen.pk}", headers=its).json()
    assert (shown["found_in"], shown["found_look"], shown["hold_out"], shown["state"]) == (
        "depths", seen.pk, f"depths-kept-{seen.pk}", "draft",
    )  # fmt: skip
    reads = {"Authorization": f"Api-Key {make.key(owner, 'analytics:read')}"}
    assert send({}, **reads).status_code == 403
    theirs = {"Authorization": f"Api-Key {make.key(make.retailer())}"}
    assert send({}, **theirs).status_code == 404


def test_a_system_is_told_why_a_report_makes_nothing(owner: Retailer, client: Client) -> None:
    test = trying(owner, count=600)
    bought_before(owner, 600)
    its = {"Authorization": f"Api-Key {make.key(owner)}"}
    address = f"/api/v1/analytics/experiments/{test.code}/depths/offers"
    assert client.post(address, {}, content_type="application/json", headers=its).status_code == 404
    look(test, now=ENDED)

    answer = client.post(address, {}, content_type="application/json", headers=its)

    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_draw_up")
    assert "The smallest arm has" in answer.json()["detail"]


def member_of_staff(owner: Retailer, role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True)
    StaffRole.objects.create(user=user, retailer=owner, role=role)
    client = Client()
    client.force_login(user)
    return client


def test_staff_draw_them_up_on_the_page_of_the_report(owner: Retailer) -> None:
    test = trying(owner, count=6)
    seen = report(test, choice("vip", 2.0), choice("never_bought", 2.0))
    page = reverse("admin:analytics_experimentlook_change", args=[seen.pk])
    act = reverse("admin:analytics_experimentlook_draw_up", args=[seen.pk])
    manager, analyst = member_of_staff(owner, "manager"), member_of_staff(owner, "analyst")
    assert "Draw up offers" in manager.get(page).content.decode()
    assert "Draw up offers" not in analyst.get(page).content.decode()
    assert (analyst.post(act).status_code, manager.get(act).status_code) == (403, 405)
    wrong: Any = manager.post(act, {"budget": "many"}, follow=True)
    assert ("An amount above 0 is expected" in wrong.content.decode(), nothing_is_made()) == (True, True)

    answer: Any = manager.post(act, {"budget": ""}, follow=True)

    text = unescape(answer.content.decode())
    offer = Offer.objects.get()
    assert f"Drawn up: {offer.code}. Look at them, and start them; nothing is given before." in text
    assert f"Plan and start the hold-out “depths-kept-{seen.pk}” first" in text
    assert "Never bought: no offer can name these customers" in text
    assert reverse("admin:campaigns_offer_change", args=[offer.pk]) in text
    own = unescape(manager.get(reverse("admin:campaigns_offer_change", args=[offer.pk])).content.decode())
    assert f'href="{page}"' in own
    assert "does not run: plan and start it first" in own
    stranger = member_of_staff(make.retailer(), "owner")
    assert stranger.post(act).status_code == 404
