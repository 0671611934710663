"""What is known of a campaign before it starts, the question where an arm has too few, and who is moved to a new version."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from customers.models import Customer
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.models import Campaign, Entry, MessageChannel, Outcome, Step
from loyalty.campaigns.publishing.audience import ELSEWHERE, _arms, audience_of
from loyalty.campaigns.publishing.managing import WrongCampaignState, draft_of, publish
from loyalty.campaigns.publishing.moving import move_entries
from loyalty.campaigns.publishing.outlook_words import lines_of
from loyalty.campaigns.publishing.ready_made import begin
from loyalty.campaigns.publishing.starting import FewPerArm, outlook_of, start
from loyalty.campaigns.rules.journeys import StepRule
from loyalty.campaigns.rules.progress import advance, moved
from loyalty.experiments.models import Experiment
from tests import make
from tests.campaigns.make_campaigns import ada, campaign, journey, says, says_by, waits
from tests.campaigns.test_journeys import TEN, World, at
from tests.experiments.make_experiments import running

pytestmark = pytest.mark.django_db
PARIS = ZoneInfo("Europe/Paris")
DAY = timedelta(days=1)
NOW = at("2026-11-27T11:00Z")


def broadcast(world: World, **given: Any) -> Any:
    return draft_of(journey(world.club, {"kind": "broadcast"}, says_by("email"), since=NOW - DAY, **given))


def test_a_draft_says_who_enters_who_does_not_and_whom_it_cannot_reach() -> None:
    world = World()
    ada(world.club, "bob", agrees=("sms",))
    ada(world.club, "eve", email="")
    ada(world.club, "joe")

    draft = broadcast(world)
    found = audience_of(draft.campaign, draft, now=NOW)

    assert (found.found, found.enters, found.not_entered, found.unreachable, found.reached) == (
        4, 3, {"no_consent": 1}, {"no_channel": 1}, 2,
    )  # fmt: skip
    assert (found.held_out, found.in_a_month, found.arms, found.smallest_arm) == (0, None, [], None)


def test_who_is_in_it_or_was_not_long_ago_does_not_enter_again() -> None:
    world = World()
    live = journey(world.club, {"kind": "lapsed", "days": 60}, says_by("email"), again_after_days=90)
    assert live.version is not None
    for name, entered_at in (("bob", NOW - 10 * DAY), ("eve", NOW - 100 * DAY)):
        member = ada(world.club, name)
        make.buys(member, "10", at=at("2026-05-01T10:00Z"))
        enter(
            live,
            live.version,
            [Candidate(member.customer_id, "lapse:2026-01-01", None)],
            entered_at=entered_at,
            now=entered_at,
        )
    Entry.objects.filter(customer__external_id="bob").update(ended_at=NOW, next_at=None, reason="completed")

    found = audience_of(live, live.version, now=NOW)

    assert (found.found, found.enters, found.not_entered) == (2, 0, {"active": 1, "again_after": 1})


def test_a_channel_that_is_not_set_up_reaches_nobody() -> None:
    world = World()
    MessageChannel.objects.all().delete()
    draft = broadcast(world)

    assert audience_of(draft.campaign, draft, now=NOW).unreachable == {"no_channel": 1}


def test_birthdays_and_carts_are_counted_over_a_month() -> None:
    world = World()
    for day in (date(1990, 11, 27), date(1990, 12, 1), date(1990, 12, 26), date(1990, 12, 27)):
        member = ada(world.club, f"m{day}")
        Customer.objects.filter(pk=member.customer_id).update(birth_date=day)
    for number in ("C1", "C2"):
        world.cart(number, NOW - 3 * DAY)
    world.cart("C3", NOW - 40 * DAY)
    birthdays = draft_of(journey(world.club, {"kind": "birthday"}, says_by("email")))
    carts = draft_of(journey(world.club, {"kind": "cart"}, waits("PT4H"), says_by("email")))

    found = [audience_of(each.campaign, each, now=NOW) for each in (birthdays, carts)]

    assert [(each.found, each.in_a_month) for each in found] == [(1, 3), (0, 2)]


def test_a_large_audience_is_estimated_from_an_even_part(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for number in range(1, 12):
        ada(world.club, f"m{number}")
    monkeypatch.setattr("loyalty.campaigns.publishing.audience.COUNTED", 4)
    draft = broadcast(world)

    found = audience_of(draft.campaign, draft, now=NOW)

    assert (found.found, found.counted, found.enters, found.reached) == (12, 4, 12, 12)


def experiment(world: World) -> Experiment:
    return running(world.owner, world.club, "holdout", at=NOW - 2 * DAY)


def test_an_arm_of_fewer_than_a_hundred_has_to_be_confirmed() -> None:
    world = World()
    draft = broadcast(world, experiment=experiment(world))

    with pytest.raises(FewPerArm, match="fewer than 100"):
        start(draft, author="sue", confirms_few=False, now=NOW)
    draft.refresh_from_db()
    assert draft.is_draft

    _, outlook = start(draft, author="sue", confirms_few=True, now=NOW)
    assert outlook.needs_confirmation
    assert outlook.audience.smallest_arm == 0


def test_arms_are_those_in_whom_customers_are_already_and_not_their_shares() -> None:
    world = World()
    for number in range(1, 10):
        ada(world.club, f"m{number}")
    held = running(world.owner, world.club, "holdout", at=NOW - 2 * DAY, salt="whoever it hits")
    draft = broadcast(world, experiment=held)

    found = audience_of(draft.campaign, draft, now=NOW)

    counted = Counter(held.assignments.values_list("variant__code", flat=True))
    assert {arm.name: arm.customers for arm in found.arms} == {name: counted[name] for name in ("in", "out")}
    assert found.held_out == sum(arm.customers for arm in found.arms if arm.is_control)
    assert (len(found.arms), sum(arm.is_control for arm in found.arms)) == (2, 1)


def test_who_is_in_no_arm_yet_will_be_by_its_share_and_who_is_held_out_of_everything_in_none() -> None:
    world = World()
    held = running(world.owner, world.club, "holdout", at=NOW - 2 * DAY)
    draft = broadcast(world, experiment=held)

    found = _arms(
        draft.campaign, Counter({"enters": 20, "variant:out": 7, "variant:in": 3, f"variant:{ELSEWHERE}": 2}), 40
    )

    assert [(arm.name, arm.customers) for arm in found] == [("out", 22), ("in", 14)]  # twice 7 + 8 / 2 and 3 + 8 / 2


def test_the_smallest_effect_is_what_analytics_says_of_so_many() -> None:
    world = World()
    held = experiment(world)
    for number in range(1, 9):
        buyer = ada(world.club, f"m{number}")
        for days in (1, 40, 80):
            make.buys(buyer, f"{10 * number}", at=NOW - days * DAY)
    draft = broadcast(world, experiment=held)

    outlook = outlook_of(draft, now=NOW)

    assert outlook.effect is not None
    assert "reason" not in outlook.effect, outlook.effect
    assert set(outlook.effect) == {"amount", "percent", "currency", "window_days", "words"}
    assert (outlook.effect["currency"], outlook.effect["amount"] > 0) == ("EUR", True)
    assert any(str(outlook.effect["words"]) in line for line in lines_of(outlook))


def test_without_orders_it_is_said_why_nobody_knows() -> None:
    world = World()
    outlook = outlook_of(broadcast(world, experiment=experiment(world)), now=NOW)

    assert outlook.effect is not None
    assert outlook.effect["reason"] == "too_little_to_plan_from"
    assert str(outlook.effect["words"]) in list(lines_of(outlook))


def rules(*steps: str) -> tuple[StepRule, ...]:
    """Return steps: a wait, or an address by which something is said."""
    return tuple(
        StepRule(place, "message", channels=(text,), expires_after="P3D") if text.isalpha() and text.islower()
        else StepRule(place, "wait", wait=text)
        for place, text in enumerate(steps)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "position", "after", "goes_on"),
    [
        (("P1D", "email", "P3D", "email"), 1, ("P2D", "email"), (0, 0)),  # has had nothing: from the beginning
        (
            ("P1D", "email", "P3D", "email"),
            3,
            ("P1D", "email", "P5D", "email"),
            (2, 1),
        ),  # waits five days from the first
        (("email", "P3D", "email"), 2, ("email", "P1D", "sms", "P3D", "email"), (1, 0)),  # hears what is new in between
        (("P1D", "email", "P3D", "email"), 3, ("P1D", "email"), (2, None)),  # has had all
        (("P1D", "email", "P3D", "email"), 3, ("email", "P1D", "email"), (1, 1)),
    ],
)
def test_who_is_moved_goes_on_behind_what_it_has_had(
    before: tuple[str, ...], position: int, after: tuple[str, ...], goes_on: tuple[int, int | None]
) -> None:
    found = moved(rules(*before), rules(*after), position=position, entered_at=TEN, about=None, variant="", zone=PARIS)

    to, days = goes_on
    assert (found.position, found.at) == (to, None if days is None else TEN + days * DAY)


def test_what_other_variants_heard_is_not_what_somebody_has_had() -> None:
    def of(variants: str, *steps: str) -> tuple[StepRule, ...]:
        return tuple(replace(step, variant=name.strip()) for step, name in zip(rules(*steps), variants, strict=True))

    before = of("ab  ", "email", "sms", "P3D", "email")
    after = of("a  ", "push", "P5D", "email")

    def goes_on(variant: str, position: int) -> tuple[int, datetime | None]:
        found = moved(before, after, position=position, entered_at=TEN, about=None, variant=variant, zone=PARIS)
        return found.position, found.at

    assert goes_on("a", 3) == (1, TEN)  # has had the mail, not the SMS: the mail that all get is still to come
    assert goes_on("b", 3) == (3, None)  # has had the SMS, and its variant says one thing now
    assert goes_on("b", 1) == (1, TEN)
    assert goes_on("", 3) == (1, TEN)


def test_what_comes_too_late_to_be_said_first_is_not_said_beside_the_next() -> None:
    steps = rules("P0D@09:00", "email", "-P14D@09:00", "sms", "-P3D@09:00", "push")
    entered = at("2026-11-26T23:00Z")  # midnight in Paris

    def said(about: date, now: datetime) -> tuple[list[str], list[str]]:
        progress = advance(steps, position=0, at=entered, about=about, variant="", zone=PARIS, now=now)
        return [each.step.channels[0] for each in progress.messages], [
            each.step.channels[0] for each in progress.superseded
        ]

    nine = at("2026-11-27T08:00Z")
    assert said(date(2026, 12, 27), nine) == (["email"], [])
    assert said(date(2026, 12, 7), nine) == (["sms"], ["email"])
    assert said(date(2026, 11, 29), nine) == (["push"], ["email", "sms"])
    assert said(date(2026, 12, 11), nine) == (["sms"], ["email"])  # just fourteen days before


def edited(live: Campaign, now: datetime, **changes: str) -> Campaign:
    """Return a campaign with a new version whose steps differ."""
    draft = draft_of(live)
    for place, wait in changes.items():
        Step.objects.filter(version=draft, position=int(place.removeprefix("at_"))).update(wait=wait)
    return publish(draft, author="sue", now=now)


def test_those_who_wait_are_moved_to_a_new_version_only_when_that_is_asked_for() -> None:
    world = World()
    live = journey(
        world.club,
        {"kind": "cart"},
        waits("PT4H"),
        says_by("email"),
        waits("P10D"),
        says_by("email", expires_after="P7D"),
    )
    old = live.version
    world.cart("C1", TEN)
    world.work(TEN + timedelta(hours=4))
    live = edited(live, TEN + DAY, at_2="P3D")
    entry = Entry.objects.get()
    assert entry.version == old

    found = move_entries(live, now=TEN + DAY)

    assert (found.version, found.moved, found.completed, found.at_once, found.stay) == (2, 1, 0, 0, 0)
    entry.refresh_from_db()
    assert entry.version == live.version
    world.work(TEN + 3 * DAY + timedelta(hours=3, minutes=59))
    assert len(world.box.taken) == 1
    world.work(TEN + 3 * DAY + timedelta(hours=4))
    assert len(world.box.taken) == 2
    assert list(Outcome.objects.order_by("pk").values_list("what", flat=True)) == [
        "planned", "sent", "moved", "planned", "completed", "sent",
    ]  # fmt: skip
    assert move_entries(live, now=TEN + 4 * DAY).moved == 0


def test_who_has_had_all_is_through_and_who_entered_by_something_else_stays() -> None:
    world = World()
    live = journey(world.club, {"kind": "cart"}, says_by("email"), waits("P10D"), says_by("email"))
    world.cart("C1", TEN)
    world.work(TEN)
    draft = draft_of(live)
    Step.objects.filter(version=draft, position__gte=1).delete()
    live = publish(draft, author="sue", now=TEN + DAY)

    assert move_entries(live, now=TEN + DAY).completed == 1
    assert Entry.objects.get().reason == "completed"

    other = journey(world.club, {"kind": "cart"}, waits("P1D"), says_by("email"))
    world.cart("C2", TEN + DAY)
    world.work(TEN + DAY)
    draft = draft_of(other)
    type(draft).objects.filter(pk=draft.pk).update(trigger={"kind": "enrolled"})
    draft.refresh_from_db()
    other = publish(draft, author="sue", now=TEN + DAY)
    found = move_entries(other, now=TEN + DAY)
    assert (found.moved, found.stay) == (0, 1)


def test_a_draft_moves_nobody() -> None:
    world = World()
    draft = begin(world.club, "welcome", now=NOW)

    with pytest.raises(WrongCampaignState):
        move_entries(draft.campaign, now=NOW)


class Tool:
    """A retailer's tool with its key."""

    def __init__(self, client: Client, world: World) -> None:
        self.client, self.headers = client, {"authorization": f"Api-Key {make.key(world.owner)}"}

    def get(self, address: str, status: int = 200) -> Any:
        answer: Any = self.client.get(f"/api/v1/{address}", headers=self.headers)
        assert answer.status_code == status, answer.content
        return answer.json() if "json" in answer["Content-Type"] else answer.content.decode()

    def post(self, address: str, body: Any, status: int = 200, kind: str = "application/json") -> Any:
        answer: Any = self.client.post(f"/api/v1/{address}", body, content_type=kind, headers=self.headers)
        assert answer.status_code == status, answer.content
        return answer.json()


def test_a_tool_takes_a_ready_made_journey_to_members(client: Client) -> None:
    world = World()
    tool = Tool(client, world)

    names = [each["name"] for each in tool.get("campaign-templates")]
    assert names[:3] == ["welcome", "first-purchase", "abandoned-cart"]
    made = tool.post("campaign-templates/birthday", {"program": world.club.slug}, 201)
    assert made.pop("revision")
    assert made == {"code": "birthday", "version": 1, "changes": [], "findings": []}
    text = tool.get("campaigns/birthday/document?as=yaml")
    assert tool.post("campaign-documents/check", text, kind="application/yaml") == {"publishable": True, "findings": []}
    changed = tool.get("campaigns/birthday/document") | {"priority": 30}
    planned = tool.post("campaign-documents/plan", changed)
    assert planned["changes"] == [{"path": "priority", "before": 25, "after": 30}]
    assert planned["outlook"]["audience"]["found"] == 0
    assert Campaign.objects.get().priority == 25
    applied = tool.post("campaign-documents/apply", changed)
    assert (applied["version"], Campaign.objects.get().priority) == (1, 30)
    assert tool.get("campaigns/birthday/start")["needs_confirmation"] is False
    assert tool.post("campaigns/birthday/start?dry_run=true", {})["campaign"]["state"] == "live"
    assert Campaign.objects.get().state == "draft"
    assert tool.post("campaigns/birthday/start", {})["campaign"]["state"] == "live"
    assert tool.post("campaigns/birthday/move?dry_run=true", {})["moved"] == 0
    assert tool.get("campaign-documents/schema")["$id"] == "urn:loyalty:campaign:1"


def test_a_tool_makes_no_second_campaign_of_a_code(client: Client) -> None:
    world = World()
    tool, mine = Tool(client, world), {"program": world.club.slug, "code": "mine"}
    tool.post("campaign-templates/birthday", mine, 201)

    assert tool.post("campaign-templates/welcome", mine, 409)["code"] == "campaign_exists"
    assert Campaign.objects.get().name == "Birthday"


def test_a_tool_is_told_what_is_wrong_and_where(client: Client) -> None:
    world = World()
    tool = Tool(client, world)
    document = tool.get(f"campaign-templates/welcome?program={world.club.slug}") | {"colour": "red"}

    found = tool.post("campaign-documents/check", document)
    assert (found["publishable"], [each["place"] for each in found["findings"]]) == (False, ["/"])
    assert tool.post("campaign-documents/apply", document, 422)["code"] == "invalid_document"
    assert tool.post("campaign-templates/wellcome", {"program": world.club.slug}, 404)["code"] == "no_such_ready_made"
    tool.get("campaigns/nothing/document", 404)
    campaign(world.club)
    code = Campaign.objects.get().code
    tool.get(f"campaigns/{code}/document?number=7", 404)


def test_a_draft_that_cannot_be_published_has_no_outlook(client: Client) -> None:
    world = World()
    tool = Tool(client, world)
    draft = draft_of(journey(world.club, {"kind": "cart"}, waits("PT4H"), says_by("email")))
    type(draft).objects.filter(pk=draft.pk).update(trigger={"kind": "moonrise"})

    assert tool.get(f"campaigns/{draft.campaign.code}/start", 422)["code"] == "campaign_has_flaws"
    assert tool.post(f"campaigns/{draft.campaign.code}/start", {}, 422)["code"] == "campaign_has_flaws"


def test_a_tool_confirms_few(client: Client) -> None:
    world = World()
    tool = Tool(client, world)
    draft = broadcast(world, experiment=experiment(world))
    says(world.member.customer, "email", at=make.START)

    refused = tool.post(f"campaigns/{draft.campaign.code}/start", {}, 409)
    assert refused["code"] == "few_per_arm"
    started = tool.post(f"campaigns/{draft.campaign.code}/start", {"confirms_few": True})
    assert started["outlook"]["needs_confirmation"] is True
