"""Who is not invited is told of nothing to join, and may still ask; referrals, badges and plans beside a hold-out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.inviting import is_invited
from loyalty.activity.models import OrderDecision
from loyalty.activity.versions import versions_of_program
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import end
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import join
from loyalty.plans.account.session import NoSuchPlan
from loyalty.points.models import Grant
from loyalty.programs.models import Program
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral
from tests import make
from tests.badges import game
from tests.experiments.make_experiments import arm_of, running
from tests.make import NOON
from tests.plans import make_plans
from tests.plans.make_plans import joined
from tests.referrals import make_referrals

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def in_arm(club: Program, experiment: Experiment, variant: str) -> Membership:
    rows = Membership.objects.filter(program=club, customer__assignments__experiment=experiment)
    found = rows.filter(customer__assignments__variant__code=variant).select_related("program__retailer", "customer")
    return found.order_by("pk")[0]


def pair(club: Program, experiment: Experiment) -> tuple[Membership, Membership]:
    return in_arm(club, experiment, "out"), in_arm(club, experiment, "in")


def people(club: Program, since: datetime) -> None:
    for place in range(12):
        make.member(club, f"p{place}", since=since)


def mine(client: Client, who: Membership, path: str) -> Any:
    headers = {"authorization": f"Bearer {make.token(who.customer)}"}
    return client.get(f"/api/v1/me/{path}", headers=headers).json()


def test_challenges_badges_and_contests_are_not_offered(client: Client) -> None:
    club = game.program(
        {"code": "three", "target": "3", "badge": "fan"},
        {"code": "spend", "metric": "spend", "target": "50", "opt_in": True},
        badges=[{"code": "fan"}],
        boards=[{"code": "buyers", "window": "month", "prizes": [{"rank": 1, "through": 1, "points": 5}]}],
    )
    people(club, NOW - 9 * DAY)
    out, invited = pair(club, running(club.retailer, club, at=NOW - DAY))

    assert [
        len(each["challenges"]) for each in (*mine(client, out, "challenges"), *mine(client, invited, "challenges"))
    ] == [0, 2]
    assert [len(each["badges"]) for each in (*mine(client, out, "badges"), *mine(client, invited, "badges"))] == [0, 1]
    assert [len(each["boards"]) for each in (*mine(client, out, "boards"), *mine(client, invited, "boards"))] == [0, 1]
    assert [len(each["open"]) for each in (*mine(client, out, "contests"), *mine(client, invited, "contests"))] == [
        0,
        1,
    ]


def test_who_is_not_invited_may_still_ask_and_then_sees_what_it_does(client: Client) -> None:
    club = game.program({"code": "spend", "metric": "spend", "target": "50", "opt_in": True, "points": 7})
    people(club, NOW - 9 * DAY)
    out, _ = pair(club, running(club.retailer, club, at=NOW - DAY))
    headers = {"authorization": f"Bearer {make.token(out.customer)}"}

    answer = client.post(
        f"/api/v1/me/challenges/{club.slug}/spend/join", json.dumps({}), "application/json", headers=headers
    )
    make.buys(out, "60.00", at=datetime.now(UTC), name="o")

    assert answer.status_code == 201
    (said,) = mine(client, out, "challenges")
    assert [(each["code"], each["awards"]) for each in said["challenges"]] == [("spend", 1)]
    assert OrderDecision.objects.get(order__number="o").points > 0


def test_invitations_of_friends_are_not_offered_and_a_code_that_is_out_still_works(client: Client) -> None:
    club = make_referrals.program()
    people(club, NOW - 9 * DAY)
    ada = Membership.objects.filter(program=club).order_by("pk")[0]
    before = code_of(ada, now=NOW - 8 * DAY)
    out, invited = pair(club, running(club.retailer, club, at=NOW - DAY))

    assert mine(client, out, "referrals") == []
    (said,) = mine(client, invited, "referrals")
    assert said["code"]
    assert before
    assert client.get(f"/api/v1/me/referrals/{club.slug}/qr", headers=_me(out)).status_code == 404


def _me(who: Membership) -> dict[str, str]:
    return {"authorization": f"Bearer {make.token(who.customer)}"}


def test_plans_are_not_offered_but_what_one_has_is_shown(client: Client) -> None:
    club = make_plans.program({"code": "plus"})
    people(club, NOW - 9 * DAY)
    out, invited = pair(club, running(club.retailer, club, at=NOW - DAY))

    assert mine(client, out, "plans") == []
    assert [each["code"] for each in mine(client, invited, "plans")[0]["offered"]] == ["plus"]
    joined(out, at=NOW - timedelta(hours=1))
    (said,) = mine(client, out, "plans")

    assert (said["mine"]["plan"]["code"], said["offered"]) == ("plus", [])


def test_who_is_not_invited_and_names_what_there_is_not_is_not_told_what_there_is() -> None:
    club = make_plans.program({"code": "plus"})
    people(club, NOW - 9 * DAY)
    out, invited = pair(club, running(club.retailer, club, at=NOW - DAY))

    said = []
    for who in (out, invited):
        with pytest.raises(NoSuchPlan) as refused:
            join(who, "minus", now=NOW)
        said.append(str(refused.value))

    assert said == [
        "The program offers no plan “minus”. It offers: -.", "The program offers no plan “minus”. It offers: plus.",
    ]  # fmt: skip


def test_an_invitation_is_a_matter_of_the_instant() -> None:
    club = make.program()
    people(club, NOW - 9 * DAY)
    experiment = running(club.retailer, club, at=NOW - DAY)
    out, invited = pair(club, experiment)

    versions = versions_of_program(club.pk)
    assert [is_invited(each, versions, at=NOW) for each in (out, invited)] == [False, True]
    assert [is_invited(each, versions, at=NOW - 2 * DAY) for each in (out, invited)] == [True, True]
    end(experiment, author="Grace", now=NOW)
    assert is_invited(out, versions_of_program(club.pk), at=NOW + DAY)


def test_an_invitation_asks_nothing_where_no_experiment_holds_out(django_assert_num_queries: Any) -> None:
    club = make.program()
    ada = make.member(club, "ada")
    versions = versions_of_program(club.pk)

    with django_assert_num_queries(0):
        assert is_invited(ada, versions, at=NOW)


def test_who_joins_against_its_assignment_stays_in_its_arm_and_earns_as_anybody() -> None:
    club = make.program()
    experiment = running(club.retailer, club)
    for place in range(8):
        make.customer(club.retailer, f"c{place}")
    out = next(each for each in Customer.objects.order_by("pk") if arm_of(experiment, each) == "out")

    (enrolled,) = enrol(club, [(out.pk, NOON)], source="web", now=NOON)
    make.buys(Membership.objects.get(pk=enrolled.membership_id), "10.00", at=NOON + DAY, name="o")

    assert (arm_of(experiment, out), OrderDecision.objects.get(order__number="o").points) == ("out", 10)


def test_of_two_friends_who_are_held_out_of_benefits_neither_gets_a_reward_and_the_other_side_does() -> None:
    club = make_referrals.program()
    people(club, NOON - 90 * DAY)
    experiment = running(club.retailer, club, form="no_benefits", at=NOON)
    out, invited = pair(club, experiment)
    friends = [make.customer(club.retailer, f"f{place}", since=NOON) for place in range(8)]
    friend_out, friend_in = (next(each for each in friends if arm_of(experiment, each) == arm) for arm in ("out", "in"))

    for friend, referrer in ((friend_out, invited), (friend_in, out)):
        (member,) = enrol(club, [(friend.pk, NOON + DAY)], source="web", now=NOON + DAY)
        who = Membership.objects.get(pk=member.membership_id)
        make_referrals.claims(who, referrer, at=NOON + 2 * DAY)
        make.buys(who, "50.00", at=NOON + 3 * DAY)
    make.buys(out, "1.00", at=NOON + 4 * DAY)  # what waits for it is decided
    make.buys(invited, "1.00", at=NOON + 4 * DAY)

    assert set(Referral.objects.values_list("status", flat=True)) == {"earned"}
    given = {
        (grant.membership.customer_id, grant.membership_id in {out.pk, invited.pk}): (grant.given, grant.reason)
        for grant in Grant.objects.select_related("membership")
    }
    assert given[out.customer_id, True] == (0, "no_points_at_present")
    assert given[friend_out.pk, False] == (0, "no_points_at_present")
    assert given[invited.customer_id, True][1] == given[friend_in.pk, False][1] == ""
    assert None not in {given[invited.customer_id, True][0], given[friend_in.pk, False][0]}


def test_a_hold_out_of_benefits_beside_a_plan_and_a_challenge() -> None:
    club = make_plans.program({"code": "plus", "multiplier": "2"})
    people(club, NOON - 90 * DAY)
    for who in Membership.objects.filter(program=club).select_related("program__retailer", "customer"):
        joined(who, at=NOON - 5 * DAY)
    out, invited = pair(club, running(club.retailer, club, form="no_benefits", at=NOON))

    make.buys(out, "10.00", at=NOON + DAY, name="o")
    make.buys(invited, "10.00", at=NOON + DAY, name="i")

    points = dict(OrderDecision.objects.values_list("order__number", "points"))
    assert (points["o"], points["i"]) == (0, 20)


def test_challenges_give_nothing_to_who_is_held_out_of_benefits() -> None:
    club = game.program({"code": "one", "target": "1", "points": 5, "badge": "fan"}, badges=[{"code": "fan"}])
    people(club, NOON - 90 * DAY)
    out, invited = pair(club, running(club.retailer, club, form="no_benefits", at=NOON))

    make.buys(out, "10.00", at=NOON + DAY)
    make.buys(invited, "10.00", at=NOON + DAY)

    assert (game.awards_of(out), len(game.awards_of(invited))) == ([], 1)


def test_a_birthday_gives_nothing_to_who_is_held_out_of_benefits() -> None:
    club = make.program(rules=[make.Rule(), make.Rule(code="birthday", kind="birthday", points="50")])
    for place in range(12):
        make.member(club, f"p{place}", born=(NOON + 3 * DAY).date().replace(year=1990))
    out, invited = pair(club, running(club.retailer, club, form="no_benefits", at=NOON))

    for who in (out, invited):
        make.buys(who, "1.00", at=NOON + 5 * DAY)

    assert (make.spendable(out, NOON + 5 * DAY), make.spendable(invited, NOON + 5 * DAY)) == (0, 51)


def test_a_midnight_start_divides_what_is_on_either_side_of_it() -> None:
    club = make.program(zone="Europe/Paris")
    people(club, NOON - 90 * DAY)
    midnight = make.on("2026-06-15T22:00")  # of 16 June in Paris
    out, _ = pair(club, running(club.retailer, club, form="no_benefits", at=midnight))

    make.buys(out, "10.00", at=midnight - timedelta(seconds=1), name="before", recorded=midnight + DAY)
    make.buys(out, "10.00", at=midnight, name="at", recorded=midnight + DAY)

    points = dict(OrderDecision.objects.values_list("order__number", "points"))
    assert points == {"before": 10, "at": 0}
