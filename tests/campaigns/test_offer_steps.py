"""Campaigns that give an offer: it is given before it is spoken of, once, and who does not get it is told nothing of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from customers.core.ids import new_id
from customers.models import Customer
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.nights import find_on
from loyalty.campaigns.models import (
    Campaign,
    CampaignVersion,
    Entry,
    Message,
    OfferGrant,
    OfferRefusal,
    Outcome,
    Step,
    StepText,
)
from loyalty.campaigns.offering.granting import Ask, grant_offer
from loyalty.campaigns.offering.managing import withdraw_offer
from loyalty.campaigns.offering.steps import decided_for
from loyalty.campaigns.offering.taking import decline_offer, take_offer
from loyalty.campaigns.publishing.audience import audience_of
from loyalty.campaigns.publishing.managing import CampaignHasFlaws, draft_of, publish
from loyalty.campaigns.publishing.moving import move_entries
from loyalty.campaigns.publishing.previewing import preview
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_campaigns import Box, ada, journey, says_by, send_all, shop, waits
from tests.campaigns.make_offers import TEN_OFF, budget, club, offer
from tests.make import START
from tests.rewards import shop as rewards
from tests.segments.profiles import known_as

pytestmark = pytest.mark.django_db
BIRTHDAY = {"kind": "birthday", "days_before": 0}
TEN = datetime.fromisoformat("2026-11-27T09:00Z")


def birthday(program: Program, *steps: dict[str, Any], text: str = "", **given: Any) -> Campaign:
    """Return a live journey of a birthday, whose messages say something."""
    row = Campaign.objects.create(
        retailer=program.retailer, program=program, code=make.number("journey"), name="Journey", kind="journey",
        created_at=START,
    )  # fmt: skip
    version = CampaignVersion.objects.create(
        campaign=row, retailer=program.retailer, number=1, kind="marketing", trigger=BIRTHDAY, **given
    )
    for position, each in enumerate(steps):
        step = Step.objects.create(version=version, retailer=program.retailer, position=position, **each)
        for channel in each.get("channels", ()):
            for language in ("en", "fr"):
                StepText.objects.create(
                    step=step, retailer=program.retailer, channel=channel, language=language, subject="Hi",
                    body=text or "Hello",
                )  # fmt: skip
    return publish(version, author="sue", now=START)


def gives(spring: Any, **given: Any) -> dict[str, Any]:
    return {"kind": "offer", "offer": spring} | given


def born(program: Program, name: str, **given: Any) -> Any:
    who = ada(program, name, **given)
    who.customer.birth_date = datetime.fromisoformat("1990-11-27").date()
    who.customer.save(update_fields=["birth_date"])
    return who


def go(program: Program, *campaigns: Campaign, at: datetime = TEN) -> None:
    for each in campaigns:
        find_on(Campaign.objects.get(pk=each.pk), at.date(), now=at)
    while advance_due(program.retailer, now=at):
        pass


def test_an_offer_is_given_before_it_is_spoken_of_and_the_text_names_it() -> None:
    program = club(owner=shop())
    spring = offer(program, valid_days=3, name_fr="Dix de moins", at=TEN)
    text = "{{ offer }} until {{ offer_until|date:'Y-m-d' }}"
    row = birthday(program, gives(spring), says_by("email"), text=text)
    who, french = born(program, "ada"), born(program, "bob", language="fr")
    box = Box()

    go(program, row)
    go(program, row)  # a night that runs again gives nothing more
    send_all(program.retailer, TEN, box)

    assert sorted(each.text.split("\n")[0] for each in box.taken) == [
        "Dix de moins until 2026-11-30",
        "Ten off until 2026-11-30",
    ]
    assert budget(spring) == (20, 0)
    entry = Entry.objects.get(customer=who.customer_id)
    assert (
        OfferGrant.objects.get(customer=who.customer_id).occurrence
        == f"entry:{entry.pk}:{Step.objects.get(kind='offer').pk}"
    )
    outcomes = Outcome.objects.filter(customer=french.customer_id).order_by("pk").values_list("what", "reason", "rule")
    assert ("granted", "", spring.code) in outcomes


def test_who_does_not_get_it_gets_no_later_step_unless_the_step_says_so() -> None:
    program = club(owner=shop())
    vips = offer(program, segments=["vip"], at=TEN)
    ending = birthday(program, gives(vips), says_by("email"))
    going_on = birthday(
        program, gives(vips, ends_without=False), says_by("email"), text="Hi{% if offer %}: {{ offer }}{% endif %}"
    )
    who = born(program, "ada")
    box = Box()

    go(program, ending, going_on)
    send_all(program.retailer, TEN, box)

    assert [each.text.split("\n")[0] for each in box.taken] == ["Hi"]
    assert list(Message.objects.values_list("campaign__code", flat=True)) == [going_on.code]
    assert list(Entry.objects.order_by("campaign").values_list("reason", flat=True)) == ["completed", "completed"]
    told = Outcome.objects.filter(customer=who.customer_id, what="not_granted").values_list("reason", "rule")
    assert list(told) == [("no_profiling", vips.code)] * 2


@pytest.mark.parametrize(
    ("steps", "unreachable", "reached"),
    [
        ("vips email", {"no_offer": 3}, 1),  # Ada alone is a VIP who agrees
        ("vips? email", {"no_channel": 1}, 3),
        ("email vips", {"no_channel": 1}, 3),
        ("one wait email", {"no_channel": 1, "no_offer": 2}, 1),  # its budget has room for two
        ("one vips email", {"no_offer": 3}, 1),
    ],
)
def test_who_would_not_get_the_offer_is_not_counted_among_those_whom_the_first_message_reaches(
    steps: str, unreachable: dict[str, int], reached: int
) -> None:
    program = club(owner=shop())
    vips, one = offer(program, segments=["vip"], at=TEN), offer(program, budget="20", at=TEN)
    keys = sorted(new_id() for _ in range(4))
    for key, name in zip(keys, ("ada", "bob", "eve", "joe"), strict=True):
        Customer.objects.create(pk=key, retailer=program.retailer, external_id=name, identified_at=START)
        who = born(program, name, email="" if name == "bob" else f"{name}@example.com")
        known_as(who, segment="vip", agreed=name == "ada")
    kinds = {
        "vips": gives(vips), "vips?": gives(vips, ends_without=False), "one": gives(one), "wait": waits("P1D"),
        "email": says_by("email"),
    }  # fmt: skip
    draft = draft_of(birthday(program, *(kinds[each] for each in steps.split())))

    found = audience_of(draft.campaign, draft, now=TEN)

    assert (found.found, found.enters, found.unreachable, found.reached) == (4, 4, unreachable, reached)
    assert (OfferGrant.objects.count(), OfferRefusal.objects.count(), budget(one)) == (0, 0, (0, 0))


@pytest.mark.parametrize(
    ("steps", "reached"),
    [
        ("one other email", 0),  # of one slot: who holds one is given no other
        ("one? other email", 0),
        ("one other? email", 2),
        ("paused paused email", 0),  # again only after a month
        ("vips? other email", 0),  # who is no VIP gets another one of its slot at once
    ],
)
def test_what_steps_before_would_give_counts_for_what_a_step_is_foreseen_to_give(steps: str, reached: int) -> None:
    program = club(owner=shop())
    one, other = offer(program, slot="spring", at=TEN), offer(program, slot="spring", at=TEN)
    vips = offer(program, slot="spring", segments=["vip"], at=TEN)
    paused = offer(program, again_after_days=30, at=TEN)
    for name in ("ada", "bob"):
        born(program, name)
    kinds = {
        "one": gives(one), "one?": gives(one, ends_without=False), "other": gives(other), "paused": gives(paused),
        "other?": gives(other, ends_without=False), "vips?": gives(vips, ends_without=False), "email": says_by("email"),
    }  # fmt: skip
    live = birthday(program, *(kinds[each] for each in steps.split()))
    box = Box()

    assert live.version is not None
    found = audience_of(live, live.version, now=TEN)
    go(program, live)
    send_all(program.retailer, TEN, box)

    unreachable = {"no_offer": 2 - reached} if reached < 2 else {}
    assert (found.enters, found.unreachable, found.reached, len(box.taken)) == (2, unreachable, reached, reached)


def test_who_is_moved_gets_the_offer_that_stands_where_another_one_stood() -> None:
    program = club(owner=shop())
    first, second = (offer(program, at=TEN) for _ in range(2))
    hour = waits("PT1H")
    row = birthday(program, hour, hour, gives(first), waits("P5D"), gives(first, ends_without=False))
    born(program, "ada")
    go(program, row)
    draft = draft_of(row)
    draft.steps.all().delete()
    for position, each in enumerate((gives(first), waits("P1D"), gives(second))):
        Step.objects.create(version=draft, retailer=program.retailer, position=position, **each)
    publish(draft, author="sue", now=TEN)

    move_entries(Campaign.objects.get(pk=row.pk), now=TEN)
    go(program, at=TEN + timedelta(days=2))

    assert list(OfferGrant.objects.order_by("granted_at").values_list("offer", flat=True)) == [first.pk, second.pk]


def test_who_is_moved_hears_what_stands_where_it_heard_something_else() -> None:
    program = club(owner=shop())
    hour, box = waits("PT1H"), Box()
    row = birthday(program, hour, hour, says_by("email"), waits("P5D"), says_by("email"), text="old")
    born(program, "ada")
    go(program, row)
    draft = draft_of(row)
    first, last = draft.steps.filter(kind="message").order_by("position")
    draft.steps.filter(kind="wait").delete()
    Step.objects.filter(pk=first.pk).update(position=0)
    Step.objects.filter(pk=last.pk).update(position=2)
    Step.objects.create(version=draft, retailer=program.retailer, position=1, **waits("P1D"))
    StepText.objects.filter(step=last).update(body="new")
    publish(draft, author="sue", now=TEN)

    move_entries(Campaign.objects.get(pk=row.pk), now=TEN)
    go(program, at=TEN + timedelta(days=2))
    send_all(program.retailer, TEN + timedelta(days=2), box)

    assert [each.text.split("\n")[0] for each in box.taken] == ["old", "new"]


def test_what_is_no_step_of_an_entry_does_not_stand_in_its_way() -> None:
    program = club(owner=shop())
    spring = offer(program, at=TEN)
    row = birthday(program, waits("P1D"), gives(spring), waits("P1D"))
    who, other = born(program, "ada"), born(program, "bob")
    go(program, row)
    entry = Entry.objects.get(customer=who.customer_id)
    for odd in ("", "abc", "7x", "9" * 30):
        grant_offer(spring, [Ask(who.customer_id, f"entry:{entry.pk}:{odd}")], now=TEN)

    go(program, at=TEN + timedelta(days=2))

    assert OfferGrant.objects.filter(customer=other.customer_id).count() == 1
    step = Step.objects.get(kind="offer").pk
    assert set(decided_for({entry.pk: who.customer_id}, now=TEN)[entry.pk]) == {step}


def test_two_campaigns_of_one_night_with_offers_of_one_slot_give_one() -> None:
    program = club(owner=shop())
    small, big = (offer(program, slot="spring", priority=place, at=TEN) for place in (10, 20))
    first, second = (birthday(program, gives(each), says_by("email")) for each in (small, big))
    born(program, "ada")

    go(program, first, second)

    grant = OfferGrant.objects.get()
    assert (grant.offer, grant.chosen_over) == (big, [small.code])
    assert (budget(small), budget(big)) == ((0, 0), (10, 0))
    assert Message.objects.count() == 1
    assert Outcome.objects.get(what="not_granted").reason == "slot_taken"


def test_an_offer_behind_a_wait_is_given_when_the_wait_is_over() -> None:
    program = club(owner=shop())
    spring = offer(program, at=TEN)
    row = birthday(program, says_by("email"), waits("P1D"), gives(spring), says_by("email"))
    born(program, "ada")

    go(program, row)
    assert (budget(spring), Message.objects.count()) == ((0, 0), 1)
    go(program, at=TEN + timedelta(days=1))

    assert (budget(spring), Message.objects.count()) == ((10, 0), 2)


def test_who_ordered_before_it_gets_none() -> None:
    program = club(owner=shop())
    spring = offer(program, at=TEN)
    row = birthday(program, waits("P1D"), gives(spring), says_by("email"), exits=[{"fact": "order", "goal": True}])
    who = born(program, "ada")
    go(program, row)
    make.buys(who, "10.00", at=TEN + timedelta(hours=1))

    go(program, at=TEN + timedelta(days=1))

    assert (budget(spring), OfferGrant.objects.count()) == ((0, 0), 0)
    assert Entry.objects.get().reason == "ordered"


def test_an_offer_that_is_not_given_and_one_of_another_program_stand_in_the_way() -> None:
    owner = shop()
    program, other = club(owner=owner), club(owner=owner)
    draft, foreign = offer(program, is_live=False), offer(other)

    for wrong, code in ((draft, "offer_not_live"), (foreign, "other_program")):
        with pytest.raises(CampaignHasFlaws) as refusal:
            birthday(program, gives(wrong), says_by("email"))
        assert [each.code for each in refusal.value.flaws] == [code]
    with pytest.raises(CampaignHasFlaws):
        journey(program, {"kind": "cart"}, waits("P1D"))


def test_the_text_of_a_step_without_an_offer_cannot_name_one() -> None:
    program = club(owner=shop())

    with pytest.raises(CampaignHasFlaws) as refusal:
        birthday(program, says_by("email"), text="{{ offer }}")

    assert {each.code for each in refusal.value.flaws} == {"value_unknown"}


def test_texts_name_the_offer_that_was_given_last_whichever_step_was_written_first() -> None:
    program = club(owner=shop())
    first, second = (offer(program, name=name, at=TEN) for name in ("First", "Second"))
    row = birthday(program, gives(first), gives(second), says_by("email"), text="{{ offer }}")
    draft = draft_of(row)
    for offered, position in ((first, 9), (second, 0), (first, 1)):  # moved in the draft: second, then first
        draft.steps.filter(offer=offered).update(position=position)
    publish(draft, author="sue", now=TEN)
    born(program, "ada")
    box = Box()

    go(program, row)
    send_all(program.retailer, TEN, box)

    assert [each.text.split("\n")[0] for each in box.taken] == ["First"]


@pytest.mark.parametrize("by", ["retailer", "member"])
def test_an_offer_that_was_taken_back_is_not_promised_any_more(by: str) -> None:
    program = club(owner=shop())
    spring = offer(program, valid_days=30, at=TEN)
    row = birthday(program, gives(spring), waits("P7D"), says_by("email"), text="{{ offer }} waits for you")
    mere = birthday(program, gives(spring), waits("P7D"), says_by("email"), text="How are you?")
    careful = birthday(
        program, gives(spring, ends_without=False), waits("P7D"), says_by("email"),
        text="Hi{% if offer %}: {{ offer }}{% endif %}",
    )  # fmt: skip
    born(program, "ada")
    box = Box()
    go(program, row, mere, careful)

    if by == "retailer":
        withdraw_offer(spring, now=TEN + timedelta(days=1))
    for grant in OfferGrant.objects.all() if by == "member" else ():
        decline_offer(grant, now=TEN + timedelta(days=1))
    go(program, at=TEN + timedelta(days=7))
    send_all(program.retailer, TEN + timedelta(days=7), box)

    assert sorted(each.text.split("\n")[0] for each in box.taken) == ["Hi", "How are you?"]
    dropped = Message.objects.get(campaign=row)
    assert (dropped.state, dropped.reason, dropped.rule) == ("dropped", "exited", "no_longer_true")
    assert Message.objects.filter(state="accepted").count() == 2


def test_an_offer_that_is_taken_back_while_its_message_waits_is_not_promised() -> None:
    program = club(owner=shop())
    spring = offer(program, valid_days=30, at=TEN)
    row = birthday(program, gives(spring), says_by("email"), text="{{ offer }} waits for you")
    careful = birthday(
        program, gives(spring, ends_without=False), says_by("email"), text="Hi{% if offer %}: {{ offer }}{% endif %}"
    )
    born(program, "ada")
    box = Box()
    go(program, row, careful)

    withdraw_offer(spring, now=TEN)
    send_all(program.retailer, TEN, box)

    assert [each.text.split("\n")[0] for each in box.taken] == ["Hi"]
    assert Message.objects.get(campaign=row).state == "dropped"


@pytest.mark.parametrize(("hours", "said"), [(38, ["Hi: Ten off", "Ten off waits for you"]), (39, ["Hi"])])
def test_an_offer_whose_day_is_over_when_its_message_has_waited_is_not_promised(hours: int, said: list[str]) -> None:
    """It ends with the midnight after the 28th in Paris, 38 hours after ten in the morning of the 27th."""
    program = club(owner=shop())
    spring = offer(program, valid_days=1, at=TEN)
    row = birthday(program, gives(spring), says_by("email", expires_after="P5D"), text="{{ offer }} waits for you")
    careful = birthday(
        program, gives(spring, ends_without=False), says_by("email", expires_after="P5D"),
        text="Hi{% if offer %}: {{ offer }}{% endif %}",
    )  # fmt: skip
    born(program, "ada")
    box = Box()
    go(program, row, careful)

    send_all(program.retailer, TEN + timedelta(hours=hours, minutes=-1), box)

    assert sorted(each.text.split("\n")[0] for each in box.taken) == said
    rule = Message.objects.filter(campaign=row).values_list("state", "rule").get()
    assert rule == (("accepted", "") if hours == 38 else ("dropped", "no_longer_true"))


def test_an_offer_whose_reward_is_withdrawn_is_not_promised_whether_or_not_the_night_has_run() -> None:
    program = club({**TEN_OFF, "on_withdrawal": "give_back"}, {**TEN_OFF, "code": "other"}, owner=shop())
    spring = offer(program, valid_days=30, at=TEN)
    row = birthday(program, gives(spring), waits("P7D"), says_by("email"), text="{{ offer }} waits for you")
    careful = birthday(
        program, gives(spring, ends_without=False), waits("P7D"), says_by("email"),
        text="Hi{% if offer %}: {{ offer }}{% endif %}",
    )  # fmt: skip
    born(program, "ada")
    box = Box()
    go(program, row, careful)
    for grant in OfferGrant.objects.all():
        take_offer(grant, now=TEN)

    rewards.follow(program, TEN + timedelta(days=6), without="ten-off")
    go(program, at=TEN + timedelta(days=7))
    send_all(program.retailer, TEN + timedelta(days=7), box)

    assert [each.text.split("\n")[0] for each in box.taken] == ["Hi"]
    assert Message.objects.get(campaign=row).rule == "no_longer_true"


def test_an_offer_that_a_member_has_is_promised_until_its_day_is_over() -> None:
    program = club(owner=shop())
    spring = offer(program, valid_days=30, at=TEN)
    row = birthday(program, gives(spring), waits("P7D"), says_by("email"), text="{{ offer }} waits for you")
    born(program, "ada")
    box = Box()
    go(program, row)

    withdraw_offer(offer(program, at=TEN), now=TEN)  # another one
    go(program, at=TEN + timedelta(days=7))
    send_all(program.retailer, TEN + timedelta(days=7), box)

    assert [each.text.split("\n")[0] for each in box.taken] == ["Ten off waits for you"]


def test_a_message_of_which_nothing_is_left_does_not_go() -> None:
    program = club(owner=shop())
    vips = offer(program, segments=["vip"], at=TEN)
    row = birthday(
        program, gives(vips, ends_without=False), says_by("email"), text="{% if offer %}Take {{ offer }}{% endif %}"
    )
    born(program, "ada")
    box = Box()

    go(program, row)
    send_all(program.retailer, TEN, box)

    assert box.taken == []
    assert Message.objects.values_list("state", "reason").get() == ("failed", "no_text")


def test_a_preview_names_the_offer_of_the_step_before_as_who_got_it_reads_it() -> None:
    program = club(owner=shop())
    first, second = (offer(program, name=name, name_fr=french, at=TEN) for name, french in (("One", "Un"), ("Two", "")))
    row = birthday(
        program, says_by("email"), gives(first), says_by("email"), gives(second), says_by("email"),
    )  # fmt: skip
    who = born(program, "ada")
    draft = draft_of(row)
    StepText.objects.filter(step__version=draft).update(
        body="Hi{% if offer %} {{ offer }} {{ offer_until|date:'Y' }}{% endif %}"
    )
    early, middle, late = draft.steps.filter(kind="message").order_by("position")

    def said(step: Step, language: str) -> str:
        return preview(step, who, "email", language, now=TEN).body

    assert [said(each, "en") for each in (early, middle, late)] == ["Hi", "Hi One 2026", "Hi Two 2026"]
    assert [said(each, "fr") for each in (early, middle, late)] == ["Hi", "Hi Un 2026", "Hi Two 2026"]
