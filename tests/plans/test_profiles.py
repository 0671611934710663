"""A member's plan where the member is shown: to itself, to the shop's systems, and to staff."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import cancel, join
from tests import make
from tests.plans import make_plans
from tests.plans.make_plans import joined, plan_of

pytestmark = pytest.mark.django_db

PLUS = {"benefits": "Free parking\nA cake", "benefits_fr": "Parking gratuit", "name_fr": "Plus en français"}


def seen(client: Client, who: Membership, language: str = "en") -> tuple[Any, Any]:
    """Return the plan as its member sees it, and as the shop's systems do."""
    bearer = {"authorization": f"Bearer {make.token(who.customer)}", "accept-language": language}
    key = {"authorization": f"Api-Key {make.key(who.retailer)}", "accept-language": language}
    (mine,) = client.get("/api/v1/me", headers=bearer).json()["memberships"]
    return mine["plan"], client.get(f"/api/v1/members/{who.number}", headers=key).json()["plan"]


def page(client: Client, who: Membership, language: str = "en") -> str:
    client.force_login(User.objects.get_or_create(username="sue", is_staff=True, is_superuser=True)[0])
    path = f"/admin/memberships/membership/{who.pk}/change/"
    return client.get(path, headers={"accept-language": language}).content.decode()


def test_a_member_s_plan_is_shown_to_it_and_to_the_shop(client: Client) -> None:
    ada = make.member(make_plans.program({"trial_days": 14} | PLUS))
    nobody = seen(client, ada)
    now = datetime.now(UTC)
    join(ada, "plus", now=now)
    cancel(ada, now=now)

    mine, shops = seen(client, ada)

    assert nobody == (None, None)
    assert mine == shops
    assert datetime.fromisoformat(mine.pop("since")) == now
    assert mine == {
        "code": "plus", "name": "Plus", "status": "trial", "until": str(now.date() + timedelta(days=13)), "ends": True,
        "benefits": ["Free parking", "A cake"],
    }  # fmt: skip
    in_french, _ = seen(client, ada, "fr")
    assert (in_french["name"], in_french["benefits"]) == ("Plus en français", ["Parking gratuit"])


def test_a_plan_that_awaits_its_payment_gives_nothing_yet(client: Client) -> None:
    ada = make.member(make_plans.program(PLUS))
    join(ada, "plus", now=datetime.now(UTC))

    mine, _ = seen(client, ada)

    assert (mine["code"], mine["status"], mine["until"], mine["benefits"]) == ("plus", "awaiting", None, [])


def test_a_plan_that_has_ended_is_shown_no_more_also_before_the_night(client: Client) -> None:
    ada = make.member(make_plans.program(PLUS))
    joined(ada, at=make.on("2026-01-10T12:00"))
    cancel(ada, now=make.on("2026-01-11T12:00"))

    assert seen(client, ada) == (None, None)
    assert plan_of(ada).status == "active"


@pytest.mark.parametrize(("language", "words"), [("en", "paid plan · plus · active"), ("fr", "formule payante · plus")])
def test_staff_see_the_plan_on_the_member_s_page(client: Client, language: str, words: str) -> None:
    ada = make.member(make_plans.program(PLUS))
    joined(ada, at=datetime.now(UTC))

    shown = page(client, ada, language)

    assert words in shown
    assert ("A cake" if language == "en" else "Parking gratuit") in shown


def test_a_program_without_plans_reads_nothing_of_them_for_these(client: Client) -> None:
    joined(make.member(make_plans.program()), at=datetime.now(UTC))
    ada, sent = make.member(make.program()), []

    def note(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, *rest)

    seen(client, ada)
    page(client, ada)
    with connection.execute_wrapper(note):
        found = seen(client, ada)
        page(client, ada)

    assert found == (None, None)
    assert [sql for sql in sent if "plans_" in sql] == []
