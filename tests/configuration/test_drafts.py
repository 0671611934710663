from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.core.errors import DomainError
from loyalty.badges.models import Badge
from loyalty.configuration.checking import Refused, check
from loyalty.configuration.drafts import (
    InThePast,
    NotADraft,
    NotAfterLatest,
    ProgramExists,
    create_program,
    open_draft,
    publish,
)
from loyalty.programs.models import Program, ProgramVersion
from loyalty.rewards.models import Reward
from tests import make
from tests.make import NOON, START

pytestmark = pytest.mark.django_db

TIERS = (("bronze", "0", "1"), ("silver", "100", "1.5"))


def test_a_draft_is_a_copy_of_the_latest_version() -> None:
    club = make.program(tiers=TIERS, points={"pending_days": 3}, scheme={"window_months": 6})

    draft = open_draft(club)

    assert draft.number == 2
    assert list(draft.tiers.order_by("threshold").values_list("code", "multiplier")) == [
        ("bronze", Decimal(1)),
        ("silver", Decimal("1.5")),
    ]
    assert (draft.points_policies.get().pending_days, draft.tier_policy.window_months) == (3, 6)
    assert draft.earning_rules.get().code == "base"


def test_publishing_freezes_and_sets_the_instant() -> None:
    draft = make.version(tiers=TIERS)

    version = publish(draft, effective_from=START, now=NOON)

    assert (version.status, version.effective_from, version.published_at) == ("published", START, NOON)


@pytest.mark.parametrize(("days", "refusal"), [(-1, InThePast), (1, NotAfterLatest)])
def test_a_later_version_comes_into_force_later(days: int, refusal: type[DomainError]) -> None:
    club = make.program()
    publish(open_draft(club), effective_from=NOON + timedelta(days=2), now=NOON)
    draft = open_draft(club)

    with pytest.raises(refusal):
        publish(draft, effective_from=NOON + timedelta(days=days), now=NOON)

    assert ProgramVersion.objects.get(pk=draft.pk).is_draft


def test_a_version_without_a_rule_is_refused() -> None:
    with pytest.raises(Refused):
        publish(make.version(rules=()), effective_from=START, now=NOON)


def test_a_scheme_whose_multiplier_falls_is_refused_with_both_names() -> None:
    draft = make.version(tiers=(("bronze", "0", "2"), ("silver", "100", "1.5")))

    with pytest.raises(Refused) as refused:
        publish(draft, effective_from=START, now=NOON)

    assert "“Silver”" in str(refused.value)
    assert "“Bronze”" in str(refused.value)


def test_what_is_published_cannot_be_published_again() -> None:
    club = make.program()

    with pytest.raises(NotADraft):
        publish(club.versions.get(), effective_from=NOON, now=NOON)


def test_of_two_who_make_one_program_at_once_the_second_is_told_so() -> None:
    shop = make.retailer()
    create_program(shop, slug="club", name="Club")

    with pytest.raises(ProgramExists) as refused:
        create_program(shop, slug="club", name="Club")

    assert (refused.value.code, Program.objects.count(), ProgramVersion.objects.count()) == ("program_exists", 1, 1)


def test_checking_many_rewards_and_badges_asks_no_more_than_checking_one() -> None:
    asked = []
    for count in (1, 30):
        draft = make.version()
        for place in range(count):
            Reward.objects.create(version=draft, code=f"r{place}", name="Mug", kind="product", points=5, place=place)
            Badge.objects.create(version=draft, code=f"b{place}", name="Regular", kind="once", place=place)
        fresh = ProgramVersion.objects.get(pk=draft.pk)
        with CaptureQueriesContext(connection) as queries:
            check(fresh)
        asked.append(len(queries))

    assert asked[0] == asked[1]
