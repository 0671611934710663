"""Who enters by each trigger, on which night, once; and whose entry ends because the fact is not true any more."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from customers.core.calendar import midnight
from customers.models import Insight
from loyalty.activity.intake import Answer
from loyalty.activity.nightly import run_nights
from loyalty.campaigns.journeys.learning import on_events
from loyalty.campaigns.journeys.nights import find_on
from loyalty.campaigns.models import Campaign, Entry, Message, Outcome
from loyalty.campaigns.publishing.managing import CampaignHasFlaws
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.plans.account.joining import cancel
from loyalty.points.statement import forecast
from loyalty.programs.models import Program
from tests import make
from tests.campaigns import make_campaigns
from tests.campaigns.make_campaigns import Box, ada, journey, says, says_by, shop, waits
from tests.campaigns.test_journeys import World, at
from tests.plans.make_plans import joined, pays, program

pytestmark = pytest.mark.django_db
TIERS = [("silver", "100", "1"), ("gold", "500", "1")]
YEARLY = {"window": "calendar_year", "downgrade": "period_end"}


class Club(World):
    """A world whose program is built as a test wants it."""

    def __init__(self, build: Callable[..., Program] = make.program, **given: Any) -> None:
        self.owner = shop()
        self.club = build(owner=self.owner, **given)
        self.member = ada(self.club)
        self.box = Box()

    def buys(
        self, amount: str, when: str, *, recorded: str = "", who: Membership | None = None, name: str = ""
    ) -> Answer[Any]:
        now = at(recorded) if recorded else None
        return make.buys(who or self.member, amount, at=at(when), recorded=now, name=name)


def enters(campaign: Campaign, *days: date, late_by: int = 0) -> list[date]:
    """Let nights look for members, some days late; return those on which anybody entered."""
    found = []
    for day in days:
        now = datetime.combine(day + timedelta(days=late_by), datetime.min.time(), make.START.tzinfo) + timedelta(
            hours=1
        )
        if find_on(campaign, day, now=now):
            found.append(day)
    return found


def days_from(first: date, number: int) -> list[date]:
    return [first + timedelta(days=each) for each in range(number)]


def occurrences() -> list[tuple[str, str]]:
    return list(Entry.objects.order_by("entered_at", "occurrence").values_list("occurrence", "reason"))


def test_the_first_order_is_thanked_for_once_whichever_turns_out_to_have_been_it() -> None:
    world = Club()
    campaign = journey(world.club, {"kind": "first_order"}, says_by("email"), exits=[{"fact": "order", "goal": True}])
    world.buys("10", "2026-06-10T10:00Z")

    assert enters(campaign, date(2026, 6, 10), date(2026, 6, 11), date(2026, 6, 11)) == [date(2026, 6, 11)]
    world.buys("10", "2026-06-08T10:00Z", recorded="2026-06-12T10:00Z")  # told late: it was the first
    world.buys("10", "2026-06-12T10:00Z")

    assert enters(campaign, *days_from(date(2026, 6, 12), 4)) == []
    assert occurrences() == [("first_order", "")]


def test_an_order_that_came_back_as_a_whole_was_no_first_one() -> None:
    world = Club()
    campaign = journey(world.club, {"kind": "first_order"}, says_by("email"))
    first = world.buys("10", "2026-06-10T10:00Z")
    make.returns(world.member, first, (1, "1"), at=at("2026-06-10T15:00Z"))
    assert enters(campaign, date(2026, 6, 11)) == []

    world.buys("10", "2026-06-14T10:00Z")

    assert enters(campaign, *days_from(date(2026, 6, 12), 5)) == [date(2026, 6, 15)]
    assert Entry.objects.get().about_date == date(2026, 6, 14)


def test_an_order_that_came_back_as_a_whole_was_not_the_last_one() -> None:
    world = Club()
    lapsed = journey(
        world.club, {"kind": "lapsed", "days": 60}, says_by("email"), waits("P30D"), says_by("email"),
        exits=[{"fact": "order", "goal": True}],
    )  # fmt: skip
    make.buys(world.member, "10", "20", at=at("2026-05-01T10:00Z"))
    back = make.buys(world.member, "10", "20", at=at("2026-05-20T10:00Z"))
    make.returns(world.member, back, (1, "1"), (2, "1"), at=at("2026-05-25T10:00Z"))
    world.work(at("2026-05-25T10:00Z"))

    assert enters(lapsed, *days_from(date(2026, 6, 28), 4)) == [date(2026, 6, 30)]
    world.work(at("2026-07-01T10:00Z"))
    world.work(at("2026-07-31T10:00Z"))

    assert (occurrences(), len(world.box.taken)) == ([("lapse:2026-05-01", "completed")], 2)


@pytest.mark.parametrize(("parts", "entries"), [
    ([(1, "1"), (2, "1")], [("lapse:2026-05-01", "")]), ([(1, "1")], [("lapse:2026-05-01", "ordered")]),
])  # fmt: skip
def test_a_win_back_goes_on_where_what_was_bought_comes_back_before_anybody_looked(
    parts: list[tuple[int, str]], entries: list[tuple[str, str]]
) -> None:
    world = Club()
    lapsed = journey(
        world.club, {"kind": "lapsed", "days": 60}, says_by("email"), waits("P30D"), says_by("email"),
        exits=[{"fact": "order", "goal": True}],
    )  # fmt: skip
    world.buys("10", "2026-05-01T10:00Z")
    enters(lapsed, date(2026, 6, 30))
    world.work(at("2026-06-30T10:00Z"))

    back = make.buys(world.member, "10", "20", at=at("2026-07-05T10:00Z"))
    make.returns(world.member, back, *parts, at=at("2026-07-05T10:01Z"))
    world.work(at("2026-07-05T10:02Z"))

    assert (occurrences(), len(world.box.taken)) == (entries, 1)
    assert (Entry.objects.get().reached_goal_at is None) == (len(parts) == 2)


def test_who_brings_back_the_order_by_which_it_was_missed_is_not_missed_once_more() -> None:
    world = Club()
    lapsed = journey(world.club, {"kind": "lapsed", "days": 60}, says_by("email"))
    world.buys("10", "2026-04-20T10:00Z")
    last = world.buys("10", "2026-05-02T10:00Z")
    assert enters(lapsed, *days_from(date(2026, 6, 28), 6)) == [date(2026, 7, 1)]
    world.work(at("2026-07-01T10:00Z"))

    make.returns(world.member, last, (1, "1"), at=at("2026-07-05T10:00Z"))

    assert enters(lapsed, *days_from(date(2026, 7, 5), 3)) == []
    assert occurrences() == [("lapse:2026-05-02", "completed")]


def test_who_bought_and_brought_back_since_it_was_missed_is_missed_once() -> None:
    world = Club()
    lapsed = journey(world.club, {"kind": "lapsed", "days": 60}, says_by("email"))
    world.buys("10", "2026-04-20T10:00Z")
    last = world.buys("10", "2026-05-02T10:00Z")
    assert enters(lapsed, *days_from(date(2026, 6, 28), 6)) == [date(2026, 7, 1)]
    world.work(at("2026-07-01T10:00Z"))

    since = world.buys("10", "2026-07-05T10:00Z")
    for order in (last, since):
        make.returns(world.member, order, (1, "1"), at=at("2026-07-06T10:00Z"))

    assert enters(lapsed, *days_from(date(2026, 7, 7), 3)) == []
    assert occurrences() == [("lapse:2026-05-02", "completed")]


@pytest.mark.parametrize(("trigger", "computed", "occurrence"), [
    ({"kind": "vip_at_risk"}, {"segment": "vip_at_risk"}, "vip_risk:2026-03-10"),
    ({"kind": "life_stage", "stage": "lapsing"}, {"life_stage": "overdue"}, "stage:lapsing:2026-03-10"),
])  # fmt: skip
def test_who_brings_back_the_order_by_which_it_was_at_risk_is_not_at_risk_once_more(
    trigger: dict[str, Any], computed: dict[str, str], occurrence: str
) -> None:
    world = Club()
    says(world.member.customer, "profiling", at=make.START)
    campaign = journey(world.club, trigger, says_by("email"), uses_profile=True)
    world.buys("10", "2026-03-01T10:00Z")
    last = world.buys("10", "2026-03-10T10:00Z")
    insight(world.member, as_of=date(2026, 6, 9), **computed)
    assert enters(campaign, date(2026, 6, 10)) == [date(2026, 6, 10)]
    world.work(at("2026-06-10T10:00Z"))

    make.returns(world.member, last, (1, "1"), at=at("2026-06-12T10:00Z"))

    assert enters(campaign, *days_from(date(2026, 6, 13), 3)) == []
    assert occurrences() == [(occurrence, "completed")]


def test_an_order_that_came_back_as_a_whole_is_not_the_last_one_of_who_is_at_risk() -> None:
    world = Club()
    says(world.member.customer, "profiling", at=make.START)
    campaign = journey(world.club, {"kind": "vip_at_risk"}, says_by("email"), uses_profile=True)
    world.buys("10", "2026-03-10T10:00Z")
    insight(world.member, as_of=date(2026, 6, 9), segment="vip_at_risk")
    back = world.buys("10", "2026-06-09T15:00Z")
    assert enters(campaign, date(2026, 6, 10)) == []

    make.returns(world.member, back, (1, "1"), at=at("2026-06-10T10:00Z"))

    assert enters(campaign, date(2026, 6, 11)) == [date(2026, 6, 11)]
    assert occurrences() == [("vip_risk:2026-03-10", "")]


def test_a_return_that_undoes_the_first_order_ends_its_entry_at_once_and_for_good() -> None:
    world = Club()
    campaign = journey(world.club, {"kind": "first_order"}, waits("P3D"), says_by("email"))
    first = make.buys(world.member, "10", "20", at=at("2026-06-10T10:00Z"))
    enters(campaign, date(2026, 6, 11))

    make.returns(world.member, first, (1, "1"), at=at("2026-06-12T10:00Z"))
    world.work(at("2026-06-12T10:00Z"))
    assert occurrences() == [("first_order", "")]  # a part of it stayed

    make.returns(world.member, first, (2, "1"), at=at("2026-06-12T11:00Z"))
    world.work(at("2026-06-12T11:00Z"))
    world.buys("10", "2026-06-13T10:00Z")

    assert enters(campaign, date(2026, 6, 14)) == []
    assert (occurrences(), world.box.taken) == ([("first_order", "no_longer_true")], [])
    assert list(Outcome.objects.filter(what="exited").values_list("reason", flat=True)) == ["no_longer_true"]


def test_nights_that_were_missed_find_first_orders_of_their_own_days() -> None:
    world = Club()
    campaign = journey(world.club, {"kind": "first_order", "days": 1}, says_by("email"), late_up_to_days=1)
    bob = ada(world.club, "bob")
    world.buys("10", "2026-06-10T10:00Z")
    world.buys("10", "2026-06-12T10:00Z", who=bob)
    now = at("2026-06-13T01:00Z")

    for day in days_from(date(2026, 6, 11), 3):
        find_on(campaign, day, now=now)

    assert list(Entry.objects.order_by("about_date").values_list("about_date", "reason")) == [
        (date(2026, 6, 10), "late"),
        (date(2026, 6, 12), ""),
    ]


def test_who_joined_on_a_leap_day_has_an_anniversary_each_year_but_not_in_the_first() -> None:
    world = Club()
    leap = ada(world.club, "leap")
    Membership.objects.filter(pk=leap.pk).update(enrolled_at=at("2024-02-29T12:00Z"))
    campaign = journey(world.club, {"kind": "anniversary", "days_before": 1}, waits("-P0D@09:00"), says_by("email"))
    days = [date(2024, 2, 28), date(2027, 2, 26), date(2027, 2, 27), date(2027, 2, 28)]

    assert enters(campaign, *days) == [date(2027, 2, 27)]
    world.work(at("2027-02-28T08:00Z"))
    assert enters(campaign, date(2028, 2, 27), date(2028, 2, 28)) == [date(2028, 2, 28)]

    entry = Entry.objects.get(occurrence="anniversary:2027")
    assert entry.about_date == date(2027, 2, 28)
    assert Message.objects.get(entry=entry).values == {"anniversary_on": "2027-02-28", "years": 3}


@pytest.mark.parametrize("window", ["calendar_year", "membership_year", "rolling", "lifetime"])
def test_a_tier_within_reach_is_told_once_in_a_period_with_what_is_missing(window: str) -> None:
    world = Club(tiers=TIERS, scheme={"window": window, "downgrade": "at_once"})
    campaign = journey(world.club, {"kind": "tier_within_reach"}, says_by("email"), kind="program")
    says(world.member.customer, "program", at=make.START)
    world.buys("410", "2026-06-10T10:00Z")

    assert enters(campaign, *days_from(date(2026, 6, 10), 5)) == [date(2026, 6, 11)]
    world.work(at("2026-06-11T02:00Z"))

    message = Message.objects.get()
    assert message.values == {
        "next_tier": {"en": "Gold", "fr": "Gold"},
        "tier_missing": {"en": "90.00\xa0EUR", "fr": "90,00\xa0EUR"} | {"fr": message.values["tier_missing"]["fr"]},
    }
    assert message.values["tier_missing"]["fr"].startswith("90,00")
    assert Entry.objects.get().occurrence.startswith("tier:gold:2026-0")


def test_an_order_that_brings_the_tier_ends_the_entry_by_what_the_outbox_tells() -> None:
    world = Club(tiers=TIERS, scheme=YEARLY)
    campaign = journey(world.club, {"kind": "tier_within_reach"}, waits("P2D"), says_by("email"), kind="program")
    says(world.member.customer, "program", at=make.START)
    world.buys("410", "2026-06-10T10:00Z")
    enters(campaign, date(2026, 6, 11))

    world.buys("100", "2026-06-11T10:00Z")
    on_events(list(Event.objects.filter(type="tier.changed")))

    assert occurrences() == [("tier:gold:2026-01-01", "no_longer_true")]


def test_who_fell_meanwhile_is_not_told_that_a_tier_is_near() -> None:
    world = Club(tiers=TIERS, scheme=YEARLY)
    campaign = journey(world.club, {"kind": "tier_within_reach"}, waits("P2D"), says_by("email"), kind="program")
    says(world.member.customer, "program", at=make.START)
    bought = world.buys("410", "2026-06-10T10:00Z")
    enters(campaign, date(2026, 6, 11))

    make.returns(world.member, bought, (1, "1"), at=at("2026-06-12T10:00Z"))
    world.work(at("2026-06-13T10:00Z"))

    assert (occurrences(), world.box.taken) == ([("tier:gold:2026-01-01", "no_longer_true")], [])
    assert enters(campaign, date(2026, 6, 12), late_by=1) == []  # a night that was missed finds what is true now


def test_a_tier_at_risk_is_told_before_its_period_ends_and_not_where_enough_counts_by_then() -> None:
    world = Club(tiers=TIERS, scheme=YEARLY)
    bob = ada(world.club, "bob")
    trigger = {"kind": "tier_at_risk", "days": 30}
    campaign = journey(world.club, trigger, waits("-P14D@09:00"), says_by("email"), kind="program")
    for who in (world.member, bob):
        says(who.customer, "program", at=make.START)
        world.buys("150", "2026-06-10T10:00Z", who=who)
    assert enters(campaign, date(2026, 12, 5)) == []  # kept until the end of this year, and for it enough was bought

    run_nights(world.club, until=date(2027, 1, 2), now=at("2027-01-02T01:00Z"))  # kept for another year
    world.buys("100", "2027-03-10T10:00Z", who=bob)
    world.buys("60", "2027-03-10T10:00Z")

    assert enters(campaign, date(2027, 12, 1), date(2027, 12, 2), date(2027, 12, 3)) == [date(2027, 12, 2)]
    assert occurrences() == [("tier_risk:silver:2028-01-01", "")]
    world.work(at("2027-12-17T08:00Z"))
    message = Message.objects.get()
    assert (message.values["tier_missing"]["en"], message.values["keeps_through"]) == ("40.00\xa0EUR", "2027-12-31")
    assert message.planned_at == at("2027-12-17T08:00Z")


def test_what_was_bought_in_time_ends_the_warning_of_a_tier_at_risk() -> None:
    world = Club(tiers=TIERS, scheme=YEARLY)
    campaign = journey(world.club, {"kind": "tier_at_risk"}, waits("P3D"), says_by("email"), kind="program")
    says(world.member.customer, "program", at=make.START)
    world.buys("150", "2026-06-10T10:00Z")
    run_nights(world.club, until=date(2027, 1, 2), now=at("2027-01-02T01:00Z"))
    assert enters(campaign, date(2027, 12, 2)) == [date(2027, 12, 2)]

    world.buys("150", "2027-12-03T10:00Z")
    world.work(at("2027-12-06T10:00Z"))

    assert (occurrences(), world.box.taken) == ([("tier_risk:silver:2028-01-01", "no_longer_true")], [])


def insight(who: Membership, *, as_of: date, **given: Any) -> None:
    plain = {"run_id": 1, "as_of": as_of, "horizon_days": 365, "currency": "EUR", "historic_revenue": Decimal(1)}
    Insight.objects.update_or_create(customer=who.customer, defaults=plain | given)


def test_a_vip_at_risk_enters_with_its_consent_once_until_it_buys_again() -> None:
    world = Club()
    bob = ada(world.club, "bob")
    says(world.member.customer, "profiling", at=make.START)
    campaign = journey(world.club, {"kind": "vip_at_risk"}, waits("P1D"), says_by("email"), uses_profile=True,
                       exits=[{"fact": "order", "goal": True}])  # fmt: skip
    for who in (world.member, bob):
        world.buys("10", "2026-03-10T10:00Z", who=who)
        insight(who, as_of=date(2026, 6, 9), segment="vip_at_risk")

    assert enters(campaign, *days_from(date(2026, 6, 10), 3)) == [date(2026, 6, 10)]
    assert occurrences() == [("vip_risk:2026-03-10", "")]
    assert list(Outcome.objects.filter(what="not_entered").values_list("reason", flat=True)) == ["no_profiling"]

    world.buys("10", "2026-06-08T10:00Z", recorded="2026-06-10T12:00Z")  # before it entered, and told after
    world.work(at("2026-06-10T12:00Z"))
    assert occurrences() == [("vip_risk:2026-03-10", "ordered")]


def test_who_has_bought_since_its_insight_was_computed_is_not_at_risk() -> None:
    world = Club()
    says(world.member.customer, "profiling", at=make.START)
    campaign = journey(world.club, {"kind": "vip_at_risk"}, says_by("email"), uses_profile=True)
    world.buys("10", "2026-06-10T10:00Z")
    insight(world.member, as_of=date(2026, 6, 9), segment="vip_at_risk")

    assert enters(campaign, date(2026, 6, 11)) == []


def test_who_bought_later_on_the_day_of_the_last_value_run_is_not_at_risk() -> None:
    world = Club()
    says(world.member.customer, "profiling", at=make.START)
    at_risk = journey(world.club, {"kind": "vip_at_risk"}, says_by("email"), uses_profile=True)
    lapsing = journey(world.club, {"kind": "life_stage", "stage": "lapsing"}, says_by("email"), uses_profile=True)
    world.buys("10", "2026-03-10T10:00Z")
    insight(world.member, as_of=date(2026, 6, 9), segment="vip_at_risk", life_stage="overdue")
    world.buys("10", "2026-06-09T15:00Z")

    assert [enters(each, date(2026, 6, 10)) for each in (at_risk, lapsing)] == [[], []]


def test_who_recovered_between_two_steps_hears_no_more_of_being_missed() -> None:
    world = Club()
    says(world.member.customer, "profiling", at=make.START)
    campaign = journey(world.club, {"kind": "vip_at_risk"}, waits("P1D"), says_by("email"), uses_profile=True)
    world.buys("10", "2026-03-10T10:00Z")
    insight(world.member, as_of=date(2026, 6, 9), segment="vip_at_risk")
    enters(campaign, date(2026, 6, 10))

    insight(world.member, as_of=date(2026, 6, 11), segment="vip")
    world.work(at("2026-06-11T10:00Z"))

    assert (occurrences(), world.box.taken) == ([("vip_risk:2026-03-10", "no_longer_true")], [])


def test_a_profile_decides_only_where_the_campaign_says_so() -> None:
    world = Club()

    with pytest.raises(CampaignHasFlaws, match="uses_profile needs_profile"):
        journey(world.club, {"kind": "vip_at_risk"}, says_by("email"))


def test_each_order_is_asked_about_once_some_days_after_it_also_where_it_is_told_late() -> None:
    world = Club()
    campaign = journey(world.club, {"kind": "review", "days": 7}, says_by("email"), at_most_one_active=False)
    world.buys("10", "2026-06-01T10:00Z", name="A1")
    world.buys("20", "2026-06-01T11:00Z", name="A2")
    assert enters(campaign, *days_from(date(2026, 6, 7), 7)) == [date(2026, 6, 8)]

    world.buys("30", "2026-06-04T10:00Z", recorded="2026-06-13T10:00Z", name="A3")  # told two days too late
    world.buys("30", "2026-05-30T10:00Z", recorded="2026-06-13T10:00Z", name="A4")  # and this one too late to ask

    assert enters(campaign, *days_from(date(2026, 6, 14), 3)) == [date(2026, 6, 14)]
    assert occurrences() == [("order:A1", ""), ("order:A2", ""), ("order:A3", "")]


def test_an_order_that_came_back_is_not_asked_about() -> None:
    world = Club()
    campaign = journey(
        world.club, {"kind": "review", "days": 7}, waits("P1D"), says_by("email"), at_most_one_active=False
    )
    bought = [world.buys("10", "2026-06-01T10:00Z", name=name) for name in ("A1", "A2")]
    make.returns(world.member, bought[0], (1, "1"), at=at("2026-06-05T10:00Z"))
    assert enters(campaign, date(2026, 6, 8)) == [date(2026, 6, 8)]
    assert occurrences() == [("order:A2", "")]

    make.returns(world.member, bought[1], (1, "1"), at=at("2026-06-08T10:00Z"))
    world.work(at("2026-06-08T10:00Z"))

    assert occurrences() == [("order:A2", "no_longer_true")]


def test_a_plan_that_renews_is_told_of_before_unless_it_was_cancelled() -> None:
    world = Club(build=program, zone="Europe/Paris")
    joined(world.member, at=at("2026-06-10T10:00Z"))
    campaign = journey(
        world.club, {"kind": "plan_renewal", "days": 14}, waits("P1D@09:00"), says_by("email"), kind="program"
    )
    says(world.member.customer, "program", at=make.START)

    assert enters(campaign, *days_from(date(2026, 6, 25), 4)) == [date(2026, 6, 26)]
    world.work(at("2026-06-27T07:00Z"))
    assert Message.objects.get().values == {"plan": {"en": "Plus", "fr": "Plus"}, "renews_on": "2026-07-10"}

    run_nights(world.club, until=date(2026, 7, 11), now=at("2026-07-11T01:00Z"))
    pays(world.member, at=at("2026-07-11T10:00Z"))
    assert enters(campaign, date(2026, 7, 27)) == [date(2026, 7, 27)]
    cancel(world.member, now=at("2026-07-27T10:00Z"))
    on_events(list(Event.objects.filter(type="plan.cancelled")))

    assert occurrences() == [("renewal:2026-07-10", "completed"), ("renewal:2026-08-10", "no_longer_true")]
    assert enters(campaign, date(2026, 7, 28)) == []


def test_each_stage_is_entered_by_who_is_in_it_and_left_with_it() -> None:
    world = Club()
    bob, eve = ada(world.club, "bob"), ada(world.club, "eve")
    for who in (bob, eve):
        says(who.customer, "profiling", at=make.START)
        world.buys("10", "2026-05-01T10:00Z", who=who)
    insight(bob, as_of=date(2026, 6, 9), life_stage="established")
    insight(eve, as_of=date(2026, 6, 9), life_stage="overdue")
    stages = {
        stage: journey(
            world.club, {"kind": "life_stage", "stage": stage}, waits("P7D"), says_by("email"),
            uses_profile=stage in {"loyal", "lapsing"},
        )
        for stage in ("prospect", "new", "loyal", "lapsing")
    }  # fmt: skip
    for campaign in stages.values():
        enters(campaign, date(2026, 6, 10), date(2026, 6, 11))

    found = {(each.customer.external_id, each.occurrence) for each in Entry.objects.select_related("customer")}
    assert found == {
        ("ada", "stage:prospect"),
        ("bob", "stage:new"),
        ("eve", "stage:new"),
        ("bob", "stage:loyal"),
        ("eve", "stage:lapsing:2026-05-01"),
    }

    world.buys("10", "2026-06-12T10:00Z")
    insight(eve, as_of=date(2026, 6, 16), life_stage="lost")
    world.work(at("2026-06-17T10:00Z"))

    ended = {
        (each.customer.external_id, each.occurrence, each.reason) for each in Entry.objects.select_related("customer")
    }
    assert ended == {
        ("ada", "stage:prospect", "no_longer_true"),
        ("bob", "stage:new", "completed"),
        ("eve", "stage:new", "completed"),
        ("bob", "stage:loyal", "completed"),
        ("eve", "stage:lapsing:2026-05-01", "no_longer_true"),
    }


def test_points_are_said_to_expire_with_the_last_day_on_which_they_can_be_spent() -> None:
    world = Club(points={"pending_days": 0, "expiry": "days", "expiry_count": 30})
    says(world.member.customer, "program", at=make.START)
    trigger = {"kind": "points_expiring", "days": 30, "points": 100}
    text = "{{ expiring_points }} points, {{ expires_on|date:'Y-m-d' }}"
    step = make_campaigns.campaign(world.club, kind="program", trigger=trigger, texts={"en": text, "fr": text})
    make.given(world.member, 150, at("2026-06-01T10:00Z"))
    enters(Campaign.objects.get(pk=step.version.campaign_id), date(2026, 6, 2))

    world.work(at("2026-06-02T12:00Z"))

    # Thirty days from 1 June on, the last of them 1 July: from the 2nd on they are gone.
    assert [each.text.splitlines()[0] for each in world.box.taken] == ["150 points, 2026-07-01"]
    (last,) = forecast(make.wallet_of(world.member), at=at("2026-06-02T12:00Z"), zone=world.club.tzinfo)
    assert last.last_day == date(2026, 7, 1)


def in_a_journey_of_expiring_points() -> Club:
    """Return a shop with a member whose 150 points end on July 1, of which a mail is to tell it at nine on June 17."""
    world = Club(points={"pending_days": 0, "expiry": "days", "expiry_count": 30})
    says(world.member.customer, "program", at=make.START)
    trigger = {"kind": "points_expiring", "days": 30, "points": 100}
    campaign = journey(world.club, trigger, waits("-P14D@09:00"), says_by("email"), kind="program")
    make.given(world.member, 150, at("2026-06-01T10:00Z"))
    assert enters(campaign, date(2026, 6, 2)) == [date(2026, 6, 2)]
    return world


def test_points_that_were_spent_meanwhile_are_not_said_to_expire() -> None:
    world = in_a_journey_of_expiring_points()

    make.given(world.member, -90, at("2026-06-03T10:00Z"))
    world.work(at("2026-06-18T08:00Z"))

    assert (occurrences()[0][1], world.box.taken) == ("no_longer_true", [])


@pytest.mark.parametrize(
    ("policy", "last_day"),
    [
        ({"expiry": "days", "expiry_count": 30}, date(2026, 7, 1)),
        ({"expiry": "months", "expiry_count": 2}, date(2026, 8, 1)),
        ({"expiry": "end_of_month", "expiry_count": 1}, date(2026, 7, 31)),
        ({"expiry": "inactivity", "expiry_count": 2}, date(2026, 8, 1)),
    ],
)
def test_points_are_said_to_expire_on_the_last_day_on_which_the_members_page_says_that_they_can_be_spent(
    policy: dict[str, Any], last_day: date
) -> None:
    world = Club(points={"pending_days": 0, **policy})
    says(world.member.customer, "program", at=make.START)
    trigger = {"kind": "points_expiring", "days": 14, "points": 100}
    step = says_by("email", expires_after="")
    campaign = journey(world.club, trigger, waits("-P3D@09:00"), step, kind="program")
    make.given(world.member, 150, at("2026-06-01T10:00Z"))
    wallet = make.wallet_of(world.member)
    (ending,) = forecast(wallet, at=at("2026-06-02T10:00Z"), zone=world.club.tzinfo)
    assert (ending.points, ending.last_day) == (150, last_day)

    assert enters(campaign, *days_from(last_day - timedelta(days=20), 20)) == [last_day - timedelta(days=14)]
    nine = datetime.combine(last_day - timedelta(days=3), datetime.min.time(), make.START.tzinfo) + timedelta(hours=7)
    world.work(nine - timedelta(seconds=1))
    assert Message.objects.count() == 0
    world.work(nine)

    message = Message.objects.get()
    assert occurrences() == [(f"expiry:{last_day}", "completed")]
    assert message.values == {"expires_on": last_day.isoformat(), "expiring_points": 150}
    assert message.expires_at == midnight(last_day + timedelta(days=1), world.club.tzinfo)


def test_who_is_active_meanwhile_is_told_of_the_day_to_which_its_points_moved() -> None:
    world = Club(points={"pending_days": 0, "expiry": "inactivity", "expiry_count": 2})
    says(world.member.customer, "program", at=make.START)
    trigger = {"kind": "points_expiring", "days": 14, "points": 100}
    campaign = journey(
        world.club, trigger, waits("-P3D@09:00"), says_by("email"), kind="program", at_most_one_active=False
    )
    make.given(world.member, 150, at("2026-06-01T10:00Z"))
    assert enters(campaign, date(2026, 7, 20)) == [date(2026, 7, 20)]

    world.buys("10.00", "2026-07-25T10:00Z")
    world.work(at("2026-07-29T07:00Z"))

    assert (occurrences(), world.box.taken) == ([("expiry:2026-08-01", "no_longer_true")], [])
    assert enters(campaign, *days_from(date(2026, 7, 29), 60)) == [date(2026, 9, 11)]
    assert occurrences()[-1] == ("expiry:2026-09-25", "")
