"""Nights of campaigns that are killed, and what they say of the night before them."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from customers.models import Customer, Insight
from loyalty.activity.models import NightRun
from loyalty.activity.nightly import run_nights
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.nights import find_due
from loyalty.campaigns.journeys.triggers import candidates
from loyalty.campaigns.models import Campaign, Entry, Outcome
from tests import make
from tests.campaigns.make_campaigns import Box, ada, campaign, journey, says_by, send_all, shop

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 27)
MIDNIGHT = datetime.fromisoformat("2026-11-26T23:00Z")  # in Paris
NOW = datetime.fromisoformat("2026-11-27T00:10Z")
BIRTHDAY = {"kind": "birthday"}


def rows(row: Campaign) -> list[list[Any]]:
    """Return all that a campaign wrote, but for the ids."""
    entries = Entry.objects.filter(campaign=row).order_by("customer__external_id")
    outcomes = Outcome.objects.filter(campaign=row).order_by("customer__external_id", "what", "reason")
    return [
        list(
            entries.values_list(
                "customer", "occurrence", "about_date", "entered_at", "exposure_at", "next_at", "reason"
            )
        ),
        list(outcomes.values_list("customer", "occurrence", "what", "reason", "at")),
    ]


def test_a_night_that_was_killed_between_two_batches_comes_to_the_same_as_one_that_was_not() -> None:
    owner = shop()
    club = make.program(owner)
    for turn in range(5):
        make.member(club, f"m{turn}", born=date(1990, 11, 27))
        ada(club, f"m{turn}", agrees=("email",) if turn else ())
    killed, whole = (journey(club, BIRTHDAY, says_by("email"), since=MIDNIGHT) for _ in range(2))
    NightRun.objects.create(program=club, day=TODAY, until=NOW, ran_at=NOW)
    assert killed.version is not None
    first_batch = [each for each in candidates(killed, killed.version, TODAY) if each.customer_id in _of("m1", "m2")]
    assert enter(killed, killed.version, first_batch, entered_at=MIDNIGHT, now=NOW) == 2  # it commits, and is gone

    assert find_due(owner, now=NOW) == 2 + 4

    assert rows(killed) == rows(whole)
    assert [len(each) for each in rows(whole)] == [4, 1]  # who agreed to nothing is told of
    assert find_due(owner, now=NOW) == 0


def _of(*names: str) -> set[Any]:
    return set(Customer.objects.filter(external_id__in=names).values_list("pk", flat=True))


def test_a_birthday_is_said_with_the_points_of_its_own_midnight() -> None:
    owner = shop()
    club = make.program(owner, rules=[make.Rule(code="birthday", kind="birthday", points="50", uses_multiplier=False)])
    make.member(club, "ada", born=date(1990, 11, 27))
    ada(club, "ada", agrees=("program", "email"))
    campaign(club, kind="program", trigger=BIRTHDAY, texts={"en": "You have {{ points }} points"})
    box = Box()

    def work() -> int:
        entered = find_due(owner, now=NOW)
        while advance_due(owner, now=NOW):
            pass
        send_all(owner, NOW, box)
        return entered

    assert run_nights(club, until=date(2026, 11, 26), now=MIDNIGHT) is not None
    assert work() == 0  # her own night is still to come
    assert box.taken == []

    assert run_nights(club, until=TODAY, now=NOW) is not None
    assert work() == 1
    assert [each.text.splitlines()[0] for each in box.taken] == ["You have 50 points"]


@pytest.mark.parametrize(("trigger", "entered"), [
    ({"kind": "lapsed", "days": 60}, [("lapse:2026-10-01", datetime.fromisoformat("2026-12-10T23:00Z"), "")]),
    ({"kind": "life_stage", "stage": "prospect"}, [("stage:prospect", datetime.fromisoformat("2026-12-10T23:00Z"), "")]),
    (BIRTHDAY, [("birthday:2026", datetime.fromisoformat("2026-11-30T23:00Z"), "late")]),
])  # fmt: skip
def test_what_is_still_true_after_many_missed_nights_is_said_and_a_day_that_is_over_is_late(
    trigger: dict[str, Any], entered: list[tuple[str, datetime, str]]
) -> None:
    owner = shop()
    club = make.program(owner)
    who = ada(club, "ada")
    Customer.objects.update(birth_date=date(1990, 12, 1))
    if trigger["kind"] == "lapsed":
        make.buys(who, "10", at=datetime.fromisoformat("2026-10-01T10:00Z"))  # sixty days before November 30
    live = journey(club, trigger, says_by("email"), since=MIDNIGHT)
    if trigger["kind"] != "life_stage":
        NightRun.objects.create(program=club, day=TODAY, until=NOW, ran_at=NOW)
        assert find_due(owner, now=NOW) == 0

    later = datetime.fromisoformat("2026-12-10T23:10Z")  # of December 11, in Paris
    NightRun.objects.create(program=club, day=date(2026, 12, 11), until=later, ran_at=later)
    assert find_due(owner, now=later) == 1

    assert list(Entry.objects.values_list("occurrence", "entered_at", "reason")) == entered
    live.refresh_from_db()
    assert live.found_until == date(2026, 12, 11)


@pytest.mark.parametrize(
    ("audience", "found"),
    [
        ({}, {"m0", "m1", "m2"}), ({"tiers": ["silver"]}, {"m1"}), ({"segments": ["vip"]}, {"m2"}),
        ({"segments": ["gift_buyer", "vip"]}, {"m1", "m2"}), ({"segments": ["vip"], "tiers": ["silver"]}, set()),
    ],
)  # fmt: skip
def test_a_night_finds_those_of_the_audience_that_a_trigger_names(audience: dict[str, Any], found: set[str]) -> None:
    owner = shop()
    club = make.program(owner, tiers=[("silver", "100", "1")])
    for turn, segment in enumerate(("", "loyal_low_value", "vip")):
        member = ada(club, f"m{turn}", agrees=("email", "profiling"), birth_date=date(1990, 11, 27))
        make.buys(member, "200" if turn == 1 else "10", at=MIDNIGHT - timedelta(days=9))
        Insight.objects.create(
            customer=member.customer, run_id=1, as_of=TODAY, horizon_days=365, currency="EUR", historic_revenue=1,
            segment=segment, tags=["gift_buyer"] if turn == 1 else [],
        )  # fmt: skip
    live = journey(club, BIRTHDAY | audience, says_by("email"), since=MIDNIGHT, uses_profile="segments" in audience)
    assert live.version is not None

    entered = {each.customer_id for each in candidates(live, live.version, TODAY)}

    assert entered == _of(*found)
