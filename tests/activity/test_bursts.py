"""Reviews that come in bursts are held for a person; approved, they give what they would have given at their own time."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.facts import InteractionFact
from customers.models import Customer, Interaction, Retailer, UndecidedFact
from customers.recording import record_interactions
from loyalty.activity.account.approving import DecidedOtherwise, NothingWaits, review
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.merging import take_merge
from loyalty.activity.backlog import catch_up
from loyalty.activity.intake import take_interactions
from loyalty.activity.models import InteractionDecision, InteractionHold
from loyalty.activity.replaying import replay
from loyalty.memberships.models import Membership
from tests import make
from tests.activity.test_community import Shop
from tests.activity.test_interaction_limits import DAY, club

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BY_CUSTOMER, ON_PRODUCT = "many_by_customer", "many_on_product"


def writes(who: Membership, number: str, at: Any, *, sku: str = "", kind: str = "review", now: Any = None) -> str:
    """Let a member write a review; return why it is held, or how many points it gave."""
    fact = InteractionFact(number, who.customer.external_id, kind, at, sku=sku)
    (answer,) = take_interactions(who.program.retailer, [fact], now=now or at)
    assert bool(answer.held) != bool(answer.decisions)
    (points,) = [each.interaction.points for each in answer.decisions if each.interaction] or [0]
    return answer.held or str(points)


def held(owner: Retailer) -> dict[str, tuple[str, int]]:
    rows = InteractionHold.objects.filter(retailer=owner, decided_at=None).order_by("interaction__number")
    return {row.interaction.number: (row.reason, row.counted) for row in rows}


def burst(who: Membership, count: int, *, start: Any = DAY, every: timedelta = MINUTE, **given: Any) -> list[str]:
    return [writes(who, f"r{place}", start + place * every, **given) for place in range(count)]


def test_the_sixth_of_one_customer_within_ten_minutes_is_held_with_those_that_follow() -> None:
    ada = make.member(club(), "ada")

    assert burst(ada, 7) == ["50"] * 5 + [BY_CUSTOMER] * 2

    assert make.spendable(ada, DAY + HOUR) == 250
    assert held(ada.program.retailer) == {"r5": (BY_CUSTOMER, 6), "r6": (BY_CUSTOMER, 7)}
    assert not InteractionDecision.objects.filter(interaction__number__in=["r5", "r6"]).exists()


def test_slower_than_that_and_visits_are_no_burst() -> None:
    ada = make.member(club(), "ada")

    assert burst(ada, 20, every=2 * MINUTE) == ["50"] * 20
    assert [writes(ada, f"v{n}", DAY + 3 * HOUR, kind="visit") for n in range(9)] == ["0"] * 9


def test_photos_count_with_reviews_and_others_count_for_themselves() -> None:
    program = club()
    ada, bob = make.member(program, "ada"), make.member(program, "bob")
    burst(ada, 5)

    assert writes(bob, "b", DAY + 6 * MINUTE) == "50"
    assert writes(ada, "p", DAY + 6 * MINUTE, kind="photo") == BY_CUSTOMER


def test_out_of_order_it_is_a_burst_all_the_same() -> None:
    ada = make.member(club(), "ada")
    late = [
        writes(ada, f"r{place}", DAY + place * MINUTE, now=DAY + HOUR + place * MINUTE) for place in range(6, -1, -1)
    ]

    assert late == ["50"] * 5 + [BY_CUSTOMER] * 2


def test_one_call_and_an_import_hold_the_same_as_one_by_one() -> None:
    program = club()
    members = [make.member(program, name) for name in ("ada", "bob")]
    facts = {
        who.customer.external_id: [
            InteractionFact(f"{who.customer.external_id}{n}", who.customer.external_id, "review", DAY + n * MINUTE)
            for n in (3, 0, 6, 1, 5, 2, 4)
        ]
        for who in members
    }

    answers = take_interactions(program.retailer, facts["ada"], now=DAY + HOUR)
    record_interactions(program.retailer, facts["bob"], now=DAY + HOUR)
    catch_up(program.retailer, now=DAY + HOUR)

    assert [each.held for each in answers] == ["", "", BY_CUSTOMER, "", BY_CUSTOMER, "", ""]
    assert sorted(held(program.retailer)) == ["ada5", "ada6", "bob5", "bob6"]
    assert [make.spendable(each, DAY + HOUR) for each in members] == [250, 250]
    assert not UndecidedFact.objects.exists()


def test_the_sixth_new_customer_about_a_product_within_a_day_is_held() -> None:
    program = club()
    new = [make.member(program, f"n{place}", since=DAY - timedelta(days=2)) for place in range(7)]
    old = make.member(program, "old", since=DAY - timedelta(days=30))

    found = [writes(who, f"r{place}", DAY + place * HOUR, sku="X") for place, who in enumerate(new)]

    assert found == ["50"] * 5 + [ON_PRODUCT] * 2
    assert writes(old, "of-old", DAY + 7 * HOUR, sku="X") == "50"
    assert writes(new[0], "of-y", DAY + 7 * HOUR, sku="Y") == "50"
    assert writes(new[6], "later", DAY + timedelta(days=2), sku="X") == "50"
    assert held(program.retailer) == {"r5": (ON_PRODUCT, 6), "r6": (ON_PRODUCT, 7)}


def test_another_retailers_reviews_are_no_part_of_it() -> None:
    first, second = club(), club()
    for place in range(5):
        writes(make.member(first, f"n{place}", since=DAY), f"r{place}", DAY + HOUR, sku="X")

    assert writes(make.member(second, "n", since=DAY), "r", DAY + HOUR, sku="X") == "50"


def test_approved_it_gives_what_it_would_have_given_at_its_own_time() -> None:
    program = club(points={"pending_days": 0, "expiry": "days", "expiry_count": 30})
    ada = make.member(program, "ada")
    burst(ada, 6)

    assert review(program.retailer, "r5", is_approved=True, now=DAY + timedelta(days=10)) == 50

    lots = make.wallet_of(ada).lots.order_by("earned_at").values_list("earned_at", "active_at", "expires_at")
    assert lots[5][0] == DAY + 5 * MINUTE
    assert lots[5][1:] == (DAY + 5 * MINUTE, lots[4][2])
    assert make.spendable(ada, DAY + timedelta(days=10)) == 300
    assert replay(program, now=DAY + timedelta(days=10)).deviations == []


def test_limits_keep_its_place_while_it_is_held() -> None:
    program = club(once_per_product=True, day_limit=7)
    ada = make.member(program, "ada")
    for place in range(5):
        writes(ada, f"r{place}", DAY + place * MINUTE, sku=f"S{place}")
    assert writes(ada, "first-of-x", DAY + 5 * MINUTE, sku="X") == BY_CUSTOMER

    assert writes(ada, "second-of-x", DAY + HOUR, sku="X") == "0"
    assert writes(ada, "of-y", DAY + 2 * HOUR, sku="Y") == "50"  # the seventh of the day
    assert writes(ada, "of-z", DAY + 3 * HOUR, sku="Z") == "0"
    assert review(program.retailer, "first-of-x", is_approved=True, now=DAY + 4 * HOUR) == 50

    assert replay(program, now=DAY + 5 * HOUR).deviations == []


def test_what_would_have_given_nothing_gives_nothing_and_may_be_published() -> None:
    program = club(bought_within_days=365)
    ada = make.member(program, "ada")
    for place in range(5):
        writes(ada, f"r{place}", DAY + place * MINUTE, sku="X")
    assert writes(ada, "r5", DAY + 5 * MINUTE, sku="X") == BY_CUSTOMER

    assert review(program.retailer, "r5", is_approved=True, now=DAY + HOUR) == 0

    assert InteractionDecision.objects.get(interaction__number="r5").reason == "product_not_bought"
    assert review(program.retailer, "r5", is_approved=True, now=DAY + HOUR) == 0
    with pytest.raises(DecidedOtherwise):
        review(program.retailer, "r5", is_approved=False, now=DAY + HOUR)


def test_refused_it_gives_nothing_ever() -> None:
    program = club()
    ada = make.member(program, "ada")
    burst(ada, 6)

    assert review(program.retailer, "r5", is_approved=False, now=DAY + HOUR) == 0

    assert (make.spendable(ada, DAY + HOUR), held(program.retailer)) == (250, {})
    assert review(program.retailer, "r5", is_approved=False, now=DAY + HOUR) == 0
    with pytest.raises(DecidedOtherwise):
        review(program.retailer, "r5", is_approved=True, now=DAY + HOUR)
    take_merge(
        program.retailer, "ada", make.customer(program.retailer, "eve").external_id, reference="x", now=DAY + HOUR
    )
    catch_up(program.retailer, now=DAY + 2 * HOUR)
    assert not InteractionDecision.objects.filter(interaction__number="r5").exists()
    assert replay(program, now=DAY + 2 * HOUR).deviations == []


def test_where_a_rule_wants_an_approval_one_is_enough() -> None:
    program = club(needs_approval=True)
    ada = make.member(program, "ada")
    burst(ada, 6)

    assert review(program.retailer, "r5", is_approved=True, now=DAY + HOUR) == 50

    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (250, 50)
    with pytest.raises(NothingWaits):
        review(program.retailer, _plain(ada), is_approved=True, now=DAY + 3 * HOUR)


def _plain(who: Membership) -> str:
    writes(who, "visit", DAY + 2 * HOUR, kind="visit", now=DAY + 2 * HOUR)
    return "visit"


def test_who_is_a_member_later_is_not_rewarded_for_what_is_held_and_then_is() -> None:
    program = club()
    make.customer(program.retailer, "eve", since=DAY - timedelta(days=30))
    facts = [InteractionFact(f"r{n}", "eve", "review", DAY + n * MINUTE) for n in range(6)]
    take_interactions(program.retailer, facts, now=DAY + HOUR)
    eve = Customer.objects.get(external_id="eve")
    enrol(program, [(eve.pk, DAY - HOUR)], source="test", now=DAY + 2 * HOUR)
    member = Membership.objects.get(customer=eve)
    catch_up(program.retailer, now=DAY + 2 * HOUR)
    assert make.spendable(member, DAY + 2 * HOUR) == 250

    assert review(program.retailer, "r5", is_approved=True, now=DAY + 3 * HOUR) == 50
    assert Interaction.objects.get(number="r5").customer_id == eve.pk


def test_a_merge_takes_what_is_held_along() -> None:
    program = club()
    ada, eve = make.member(program, "ada"), make.member(program, "eve")
    burst(ada, 6)
    take_merge(program.retailer, "ada", "eve", reference="same", now=DAY + HOUR)
    catch_up(program.retailer, now=DAY + HOUR)
    assert make.spendable(eve, DAY + HOUR) == 250

    assert review(program.retailer, "r5", is_approved=True, now=DAY + 2 * HOUR) == 50
    assert make.spendable(eve, DAY + 2 * HOUR) == 300


def test_a_merge_holds_nothing_that_was_published_before() -> None:
    program = club()
    make.customer(program.retailer, "ada", since=DAY - timedelta(days=30))
    eve = make.member(program, "eve")
    burst(eve, 4)
    facts = [InteractionFact(f"a{n}", "ada", "review", DAY + n * MINUTE) for n in range(4)]
    assert [each.held for each in take_interactions(program.retailer, facts, now=DAY + HOUR)] == [""] * 4

    take_merge(program.retailer, "ada", "eve", reference="same", now=DAY + HOUR)
    catch_up(program.retailer, now=DAY + HOUR)

    assert held(program.retailer) == {}
    assert {row["published"] for row in Shop(program).shows()} == {True}
    assert make.spendable(eve, DAY + HOUR) == 400
    assert writes(eve, "ninth", DAY + 9 * MINUTE, now=DAY + 2 * HOUR) == BY_CUSTOMER


def test_what_nobody_has_looked_at_when_two_are_merged_is_looked_at_as_it_is_decided() -> None:
    program = club()
    ada, eve = make.member(program, "ada"), make.member(program, "eve")
    burst(eve, 4)
    facts = [InteractionFact(f"a{n}", ada.customer.external_id, "review", DAY + n * MINUTE) for n in range(2)]
    record_interactions(program.retailer, facts, now=DAY + HOUR)

    take_merge(program.retailer, "ada", "eve", reference="same", now=DAY + HOUR)
    catch_up(program.retailer, now=DAY + HOUR)

    assert held(program.retailer) == {"a1": (BY_CUSTOMER, 6)}
    assert make.spendable(eve, DAY + HOUR) == 250


def test_by_api_it_says_why_it_is_held_and_is_not_published() -> None:
    program = club()
    shop = Shop(program)
    burst(make.member(program, "ada"), 5)
    said = {"number": "r5", "customer": "ada", "kind": "review", "occurred_at": (DAY + 5 * MINUTE).isoformat()}

    def reported(**asked: str) -> dict[str, Any]:
        address = "/api/v1/interactions" + ("?dry_run=true" if asked else "")
        answer: dict[str, Any] = shop.client.post(address, said, "application/json", **shop.its).json()  # type: ignore[arg-type] # headers
        return {name: answer[name] for name in ("held", "effects", "status")}

    assert reported(dry_run="true") == {"held": BY_CUSTOMER, "effects": [], "status": "created"}
    assert held(program.retailer) == {}
    assert reported() == {"held": BY_CUSTOMER, "effects": [], "status": "created"}
    assert reported() == {"held": "", "effects": [], "status": "unchanged"}
    (row,) = shop.shows(number="r5")
    assert (row["published"], row["held"], row["reward"], row["points"]) == (False, BY_CUSTOMER, "waiting", 0)
    assert shop.decides("r5", "approve") == 50
    (row,) = shop.shows(number="r5")
    assert (row["published"], row["held"], row["reward"], row["points"]) == (True, "", "given", 50)


def test_refused_by_api_it_is_never_published() -> None:
    program = club()
    shop = Shop(program)
    burst(make.member(program, "ada"), 6)

    assert shop.decides("r5", "refuse") == 0

    assert shop.marks(number="r5") == (False, False, False, "refused", 0, "")


def test_staff_sees_why_and_decides_in_the_admin(client: Client) -> None:
    program = club()
    ada = make.member(program, "ada")
    burst(ada, 9, start=timezone.now() - HOUR)
    client.force_login(User.objects.create_superuser("eve"))
    address = reverse("admin:activity_interactionhold_changelist")

    def decide(number: str, **said: str) -> str:
        row = InteractionHold.objects.get(interaction__number=number)
        verb = reverse("admin:activity_interactionhold_review", args=[row.pk])
        asked = client.post(verb, said, headers={"accept-language": "en"})
        assert "With it the customer wrote" in asked.content.decode()
        signature = asked.context["signature"]
        return client.post(verb, {**said, "confirmed": signature}, follow=True).content.decode()

    page = client.get(address, headers={"accept-language": "en"})
    assert [row.interaction.number for row in page.context["cl"].result_list] == ["r8", "r7", "r6", "r5"]
    assert "With it the customer wrote 6 reviews and photos within 10 minutes." in page.content.decode()
    assert "It gives 50 points." in decide("r5", decision="approve", reason="a fan")
    assert "It is not published, and gives nothing." in decide("r6", decision="refuse", reason="copied")
    assert LogEntry.objects.filter(change_message__contains="copied").exists()
    left = [str(row.pk) for row in InteractionHold.objects.filter(decided_at=None)]
    client.post(address, {"action": "approve_all", "_selected_action": left})
    assert make.spendable(ada, timezone.now()) == 400
    assert [len(client.get(address, {"decision": word}).context["cl"].result_list) for word in ("open", "approved", "all")] == [
        0, 3, 4,
    ]  # fmt: skip
