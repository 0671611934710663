"""Journeys that look for lapses look together: each finds those whom it would find alone, by its own days and audience."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from customers.models import Insight
from loyalty.activity.models import NightRun
from loyalty.campaigns.journeys.lapses import lapsed
from loyalty.campaigns.journeys.nights import find_due
from loyalty.campaigns.models import Campaign, Entry
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_campaigns import ada, journey, says_by, shop

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 27)
MIDNIGHT = datetime.fromisoformat("2026-11-26T23:00Z")  # in Paris
NOW = datetime.fromisoformat("2026-11-27T00:10Z")
LAST_ORDER = {"m30": 30, "m70": 70, "m130": 130, "m400": 400}  # days ago


def bought(club: Program, prefix: str = "") -> None:
    """Let members have bought for the last time so many days ago; the one of 70 is a gold member, the one of 130 a VIP."""
    for name, days in LAST_ORDER.items():
        member = make.member(club, prefix + name, since=MIDNIGHT - timedelta(days=500))
        ada(club, prefix + name, agrees=("email", "profiling"))
        make.buys(member, "600" if days == 70 else "10", at=MIDNIGHT - timedelta(days=days, hours=-12))
        Insight.objects.create(
            customer=member.customer, run_id=1, as_of=TODAY, horizon_days=365, currency="EUR", historic_revenue=1,
            segment="vip" if days == 130 else "loyal_low_value", tags=["gift_buyer"] if days == 400 else [],
        )  # fmt: skip
    NightRun.objects.create(program=club, day=TODAY, until=NOW, ran_at=NOW)


def entered(campaign: Campaign) -> set[str]:
    return set(Entry.objects.filter(campaign=campaign).values_list("customer__external_id", flat=True))


def test_each_finds_by_its_own_days_and_audience_in_its_own_program() -> None:
    owner = shop()
    club = make.program(owner, tiers=[("silver", "100", "1"), ("gold", "500", "1")])
    other = make.program(owner)
    bought(club)
    bought(other, "o")
    triggers: dict[str, dict[str, Any]] = {
        "all": {"days": 60}, "long": {"days": 120}, "longest": {"days": 365}, "vips": {"days": 60, "segments": ["vip"]},
        "gold": {"days": 20, "tiers": ["gold"]}, "both": {"days": 60, "segments": ["vip"], "tiers": ["gold"]},
        "tagged": {"days": 60, "segments": ["gift_buyer"]},
    }  # fmt: skip
    campaigns = {
        name: journey(
            club, {"kind": "lapsed", **said}, says_by("email"), since=MIDNIGHT, uses_profile="segments" in said
        )
        for name, said in triggers.items()
    }
    elsewhere = journey(other, {"kind": "lapsed", "days": 120}, says_by("email"), since=MIDNIGHT)

    find_due(owner, now=NOW)

    assert {name: entered(each) for name, each in campaigns.items()} == {
        "all": {"m70", "m130", "m400"}, "long": {"m130", "m400"}, "longest": {"m400"}, "vips": {"m130"},
        "gold": {"m70"}, "both": set(), "tagged": {"m400"},
    }  # fmt: skip
    assert entered(elsewhere) == {"om130", "om400"}
    assert find_due(owner, now=NOW) == 0


def test_one_that_was_killed_looks_alone_and_finds_nobody_twice() -> None:
    owner = shop()
    club = make.program(owner)
    bought(club)
    first, second = (
        journey(club, {"kind": "lapsed", "days": days}, says_by("email"), since=MIDNIGHT) for days in (60, 120)
    )
    find_due(owner, now=NOW)
    Entry.objects.filter(campaign=second, customer__external_id="m400").delete()
    Campaign.objects.filter(pk=second.pk).update(found_until=TODAY - timedelta(days=1))

    assert find_due(owner, now=NOW) == 1
    assert (entered(first), entered(second)) == ({"m70", "m130", "m400"}, {"m130", "m400"})


def test_together_they_look_once_at_what_an_order_left_that_came_back() -> None:
    owner = shop()
    club = make.program(owner)
    bought(club)
    member = make.member(club, "back", since=MIDNIGHT - timedelta(days=500))
    ada(club, "back", agrees=("email", "profiling"))
    make.buys(member, "10", at=MIDNIGHT - timedelta(days=130), name="old")
    bought_last = make.buys(member, "20", at=MIDNIGHT - timedelta(days=5), name="new")
    make.returns(member, bought_last, (1, "1"), at=MIDNIGHT - timedelta(days=2))
    journeys = [
        (each, each.version)
        for each in (
            journey(club, {"kind": "lapsed", "days": days}, says_by("email"), since=MIDNIGHT) for days in (60, 200)
        )
        if each.version is not None
    ]

    found = lapsed(journeys, TODAY)

    alone = [lapsed([each], TODAY)[each[0].pk] for each in journeys]
    assert [found[campaign.pk] for campaign, _ in journeys] == alone
    assert [len(each) for each in alone] == [4, 1]
