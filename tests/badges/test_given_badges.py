"""Staff give badges for no challenge and take them away again: with a reason, told, and beside those of challenges."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.replaying import replay
from loyalty.badges.account.given import (
    HasItAlready,
    HasLevels,
    NoMemberNow,
    NoSuchBadge,
    NotGivenByStaff,
    give_badge,
    take_badge,
)
from loyalty.badges.models import Badge, GivenBadge
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from tests import make
from tests.badges import game
from tests.badges.test_api import call, mine

pytestmark = pytest.mark.django_db
KIND = {"author": "sue", "reason": "helped a lost child"}


@pytest.fixture
def ada() -> Membership:
    club = game.program(
        {"code": "buys", "target": "1", "badge": "fan"},
        badges=[
            {"code": "hero", "name_fr": "Héroïne"},
            {"code": "fan", "kind": "repeatable", "points": 7},
            {"code": "ranks", "kind": "levelled", "levels": [{"times": 1, "name": "One"}]},
        ],
    )
    return make.member(club, "ada", since=timezone.now() - timedelta(days=30))


def times(client: Client, who: Membership) -> dict[str, int]:
    (said,) = call(client, "GET", "me/badges", **mine(who))[1]
    return {each["code"]: each["times"] for each in said["badges"]}


def told(kind: str) -> list[tuple[Any, ...]]:
    rows = Event.objects.filter(type=kind, payload__cause="staff").order_by("pk")
    return [(row.payload["badge"], row.payload["times"]) for row in rows]


def test_a_badge_is_given_shown_told_and_taken_away(client: Client, ada: Membership) -> None:
    now = timezone.now()

    give_badge(ada, "hero", **KIND, now=now)
    given = times(client, ada)
    row = take_badge(ada, "hero", author="tom", reason="it was somebody else", now=now)

    assert (given["hero"], times(client, ada)["hero"]) == (1, 0)
    assert (row.given_by, row.reason, row.taken_by, row.taken_reason) == (
        "sue", "helped a lost child", "tom", "it was somebody else",
    )  # fmt: skip
    assert (told("badge.awarded"), told("badge.taken_back")) == ([("hero", 1)], [("hero", 0)])
    assert replay(ada.program, now=now).deviations == []


def test_it_counts_beside_what_challenges_give_and_gives_no_points(client: Client, ada: Membership) -> None:
    make.buys(ada, "10", at=timezone.now())
    before = make.wallet_of(ada).available

    give_badge(ada, "fan", **KIND, now=timezone.now())

    assert (times(client, ada)["fan"], make.wallet_of(ada).available) == (2, before)
    take_badge(ada, "fan", author="sue", reason="twice", now=timezone.now())
    assert times(client, ada)["fan"] == 1


def test_what_cannot_be_given_or_taken_is_refused_and_changes_nothing(client: Client, ada: Membership) -> None:
    now = timezone.now()
    give_badge(ada, "hero", **KIND, now=now)

    for error, code in ((HasItAlready, "hero"), (HasLevels, "ranks"), (NoSuchBadge, "nix")):
        with pytest.raises(error):
            give_badge(ada, code, **KIND, now=now)
    make.buys(ada, "10", at=now)
    for code in ("fan", "nix"):
        with pytest.raises(NotGivenByStaff):
            take_badge(ada, code, **KIND, now=now)

    assert times(client, ada) == {"hero": 1, "fan": 1, "ranks": 0}
    assert GivenBadge.objects.count() == 1


def test_who_leaves_has_it_no_more_and_may_be_given_it_again(client: Client, ada: Membership) -> None:
    now = timezone.now()
    give_badge(ada, "hero", **KIND, now=now - timedelta(days=2))
    leave(ada, now=now - timedelta(days=1))
    ada.refresh_from_db()
    with pytest.raises(NoMemberNow):
        give_badge(ada, "hero", **KIND, now=now)

    again = make.member(ada.program, "ada", since=now - timedelta(hours=1))

    assert times(client, again)["hero"] == 0
    give_badge(again, "hero", **KIND, now=now)
    assert times(client, again)["hero"] == 1


def test_it_goes_along_when_customers_are_merged_and_can_be_taken_from_the_one_who_stays(
    client: Client, ada: Membership
) -> None:
    bob = make.member(ada.program, "bob", since=timezone.now() - timedelta(days=9))
    give_badge(ada, "hero", **KIND, now=timezone.now())
    take_merge(ada.retailer, "ada", "bob", reference="desk", now=timezone.now())

    assert times(client, bob)["hero"] == 1
    with pytest.raises(HasItAlready):
        give_badge(bob, "hero", **KIND, now=timezone.now())
    take_badge(bob, "hero", **KIND, now=timezone.now())
    assert times(client, bob)["hero"] == 0


def test_a_shop_gives_and_takes_by_api_after_a_dry_run(client: Client, ada: Membership) -> None:
    key = {"authorization": f"Api-Key {make.key(ada.retailer, 'points:adjust')}", "accept-language": "fr"}
    path = f"members/{ada.number}/badges/hero"

    tried = call(client, "POST", f"{path}/give?dry_run=true", KIND, **key)
    assert (tried[0], tried[1]["times"], tried[1]["dry_run"], GivenBadge.objects.count()) == (200, 1, True, 0)
    answers = [call(client, "POST", f"{path}/{verb}", KIND, **key) for verb in ("give", "give", "take", "take")]

    said = [(status, body.get("times"), body.get("code")) for status, body in answers]
    assert said == [
        (201, 1, "hero"), (409, None, "has_it_already"), (200, 0, "hero"), (409, None, "not_given_by_staff"),
    ]  # fmt: skip
    assert answers[0][1]["name"] == "Héroïne"
    assert call(client, "POST", f"{path}/give", {"author": "sue"}, **key)[0] == 400


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("eve"))
    return client


def confirm(staff: Client, address: str, **said: str) -> str:
    """Say something, confirm what is shown, and return the page after it."""
    signature = staff.post(address, said).context["signature"]
    return staff.post(address, {**said, "confirmed": signature}, follow=True).content.decode()


def test_staff_give_and_take_in_the_admin_and_take_the_list_along(staff: Client, ada: Membership) -> None:
    hero = Badge.objects.get(code="hero")
    give = reverse("admin:badges_badge_give", args=[hero.pk])
    listed = reverse("admin:badges_badge_changelist")

    unknown = staff.post(give, {"member": "4711", "reason": "x"}).content.decode()
    page = confirm(staff, give, member=ada.number, reason="helped")
    row = GivenBadge.objects.get()
    (holders,) = [each.members for each in staff.get(listed).context["cl"].result_list if each.code == "hero"]
    taken = confirm(staff, reverse("admin:badges_givenbadge_take_away", args=[row.pk]), reason="mistaken")
    posted = {"action": "export", "_selected_action": [row.pk]}
    (line,) = csv.DictReader(
        staff.post(reverse("admin:badges_givenbadge_changelist"), posted).content.decode().splitlines()
    )

    assert "The program has no member 4711." in unknown
    assert "It is given." in page
    assert "It is taken away." in taken
    assert holders == 1
    assert (line["badge__code"], line["given_by"], line["reason"], line["taken_reason"]) == (
        "hero", "eve", "helped", "mistaken",
    )  # fmt: skip
