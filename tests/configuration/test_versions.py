"""Drafts, proposals, publications and withdrawals: who may do what, when, and what stays known of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from customers.core.errors import DomainError
from loyalty.configuration.drafts import (
    ChangedMeanwhile,
    InForce,
    NobodyStandsForIt,
    NotADraft,
    NotPublished,
    OtherInstant,
    SamePerson,
    SecondPersonNeeded,
    discard,
    edit,
    end_two_people,
    open_draft,
    propose,
    publish,
    withdraw,
)
from loyalty.points.models import EarningRule
from loyalty.programs.models import Program, ProgramVersion, VersionEvent
from loyalty.tiers.models import Tier
from tests import make
from tests.make import NOON, Rule, on, spendable

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(days=7)


def double(draft: ProgramVersion) -> None:
    EarningRule.objects.filter(version=draft).update(points=2)


def test_an_order_of_sunday_reported_on_tuesday_is_decided_under_sundays_version() -> None:
    monday, tuesday = datetime(2026, 6, 22, tzinfo=UTC), datetime(2026, 6, 23, 9, tzinfo=UTC)
    ada = make.member(make.program())
    draft = open_draft(ada.program)
    double(draft)
    publish(draft, effective_from=monday, now=NOON)

    sunday = make.buys(ada, "10.00", at=monday - timedelta(seconds=1))
    same_day = make.buys(ada, "10.00", at=monday)

    orders = [answer.decisions[0].order for answer in (sunday, same_day)]
    assert [order.points for order in orders if order] == [10, 20]
    assert spendable(ada, tuesday) == 30


def test_several_drafts_live_side_by_side_and_each_knows_who_made_and_changed_it() -> None:
    club = make.program()
    first = open_draft(club, author="ada", now=NOON)
    second = open_draft(club, copy_of=club.versions.get(number=1), author="bob", now=NOON)

    changes = edit(first, double, author="ada", now=SOON)

    assert (first.number, second.number) == (2, 3)
    assert [change.said() for change in changes] == [{"path": "earning_rules/base/points", "before": "1", "after": "2"}]
    told = (
        VersionEvent.objects.filter(number__gt=1)
        .order_by("id")
        .values_list("number", "action", "author", "occurred_at")
    )
    assert list(told) == [(2, "created", "ada", NOON), (3, "created", "bob", NOON), (2, "edited", "ada", SOON)]
    assert edit(second, lambda _: None, author="bob", now=SOON) == []


def test_who_edits_from_an_older_state_is_told_so_and_changes_nothing() -> None:
    draft = open_draft(make.program())
    read = str(draft.revision)
    edit(draft, double, author="ada", now=NOON, revision=read)

    with pytest.raises(ChangedMeanwhile):
        edit(
            draft, lambda each: EarningRule.objects.filter(version=each).delete(), author="bob", now=NOON, revision=read
        )

    assert EarningRule.objects.get(version=draft).points == 2


def test_a_version_may_be_withdrawn_until_it_is_in_force() -> None:
    ada = make.member(make.program())
    draft = open_draft(ada.program)
    double(draft)
    soon = timezone.now() + timedelta(days=7)
    version = publish(draft, effective_from=soon, now=timezone.now())

    withdraw(version, author="ada", now=timezone.now())
    again = publish(open_draft(ada.program), effective_from=soon, now=timezone.now())
    answer = make.buys(ada, "10.00", at=soon + timedelta(days=1))

    assert (answer.decisions[0].order.points if answer.decisions[0].order else None) == 10
    assert again.effective_from == soon
    with pytest.raises(NotPublished):
        withdraw(version, author="ada", now=timezone.now())
    with pytest.raises(InForce):
        withdraw(again, author="ada", now=soon)
    with pytest.raises(NotPublished):
        withdraw(open_draft(ada.program), author="ada", now=soon)


@pytest.mark.parametrize(
    "change", [{"status": "withdrawn"}, {"status": "draft", "effective_from": None}, {"note": "!"}]
)
def test_the_database_refuses_to_change_a_version_that_is_in_force(change: dict[str, object]) -> None:
    version = make.program().versions.get()

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        ProgramVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(DatabaseError, match="Cannot change rows"), transaction.atomic():
        EarningRule.objects.filter(version=version).update(points=9)


def test_the_database_lets_a_future_version_be_withdrawn_and_nothing_else() -> None:
    version = publish(open_draft(make.program()), effective_from=timezone.now() + timedelta(days=7), now=timezone.now())
    row = ProgramVersion.objects.filter(pk=version.pk)

    for change in ({"effective_from": NOON}, {"status": "withdrawn", "note": "!"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            row.update(**change)
    row.update(status="withdrawn")

    with pytest.raises(DatabaseError), transaction.atomic():
        row.update(status="published")
    with pytest.raises(DatabaseError), transaction.atomic():
        Tier.objects.create(version=version, code="x", name="X", threshold=1)


def test_two_people_publish_where_the_program_asks_for_it() -> None:
    club = make.program()
    club.two_to_publish = True
    club.save()
    draft = open_draft(club)

    def refused(**given: object) -> type[DomainError]:
        with pytest.raises(DomainError) as found:
            publish(draft, now=NOON, **({"effective_from": SOON, "author": "bob"} | given))  # type: ignore[arg-type]
        return found.type

    assert refused() is SecondPersonNeeded
    propose(draft, effective_from=SOON, author="ada", now=NOON)
    assert (refused(author="ada"), refused(effective_from=SOON + timedelta(days=1))) == (SamePerson, OtherInstant)
    edit(draft, double, author="ada", now=NOON)
    assert refused() is SecondPersonNeeded  # what was proposed is not what it is now
    propose(draft, effective_from=SOON, author="ada", now=NOON)

    version = publish(draft, effective_from=SOON, author="bob", now=NOON)

    told = VersionEvent.objects.filter(number=version.number).order_by("id").values_list("action", "author")
    assert list(told)[1:] == [("proposed", "ada"), ("edited", "ada"), ("proposed", "ada"), ("published", "bob")]


def test_two_people_end_what_two_people_are_for() -> None:
    club = make.program()
    Program.objects.update(two_to_publish=True)

    alone = [end_two_people(club, author="ada"), end_two_people(club, author="ada")]
    still = Program.objects.get().two_to_publish
    both = end_two_people(club, author="bob")

    assert (alone, still, both, Program.objects.get().two_to_publish) == ([False, False], True, True, False)


def test_a_key_is_who_made_it_where_two_must_agree() -> None:
    club = make.program()
    Program.objects.update(two_to_publish=True)
    draft = open_draft(club)
    propose(draft, effective_from=SOON, author="ada", now=NOON)

    with pytest.raises(SamePerson):
        publish(draft, effective_from=SOON, author="key nights", person="ada", now=NOON)
    with pytest.raises(NobodyStandsForIt):
        publish(draft, effective_from=SOON, author="key nights", person="", now=NOON)
    with pytest.raises(NobodyStandsForIt):
        propose(draft, effective_from=SOON, author="key nights", person="", now=NOON)
    version = publish(draft, effective_from=SOON, author="key nights", person="bob", now=NOON)

    assert version.status == "published"


def test_a_draft_may_be_deleted_and_a_published_version_not() -> None:
    club = make.program()
    discard(open_draft(club), author="ada", now=NOON)

    with pytest.raises(NotADraft):
        discard(club.versions.get(), author="ada", now=NOON)

    assert list(VersionEvent.objects.filter(number=2).values_list("action", "author")) == [
        ("created", ""),
        ("deleted", "ada"),
    ]


def test_what_is_known_of_versions_stays_as_it_was_said() -> None:
    make.program()

    for change in (VersionEvent.objects.update, VersionEvent.objects.all().delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(**({"author": "eve"} if change == VersionEvent.objects.update else {}))


def test_a_season_starts_at_its_midnight_in_the_programs_zone() -> None:
    ada = make.member(make.program(zone="Europe/Paris"))
    draft = open_draft(ada.program)
    double(draft)
    publish(
        draft, effective_from=on("2026-10-24T22:00"), now=NOON
    )  # midnight in Paris, the day on which clocks go back

    points = [
        make.buys(ada, "1.00", at=on(text)).decisions[0].order for text in ("2026-10-24T21:59:59", "2026-10-24T22:00")
    ]

    assert [order.points for order in points if order] == [1, 2]
    assert Rule().points == "1"


TWICE = """
INSERT INTO points_earninggroup (version_id, code, name, name_fr, combination)
SELECT %s, 'a', '', '', 'stack' FROM generate_series(1, 2)
"""
BACKWARDS = """
INSERT INTO planning_simulation (retailer_id, version_id, revision, since, until, status, members_done, members_total,
    orders_done, cancel_asked, failure, author, asked_at, touched_at)
SELECT p.retailer_id, v.id, v.revision, '2026-02-01', '2026-01-01', 'waiting', 0, 0, 0, false, '', '', now(), now()
FROM programs_programversion v JOIN programs_program p ON p.id = v.program_id WHERE v.id = %s
"""
GRACE = "UPDATE tiers_tierpolicy SET downgrade = 'grace', grace_days = 0 WHERE version_id = %s"
DISCOUNT = "UPDATE tiers_tier SET reward_discount = 101 WHERE version_id = %s"
RANK = "SET CONSTRAINTS ALL IMMEDIATE; UPDATE tiers_tier SET rank = 0 WHERE version_id = %s"


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        (GRACE, "tier_grace_has_a_day"),
        (DISCOUNT, "tier_discount_is_a_percentage"),
        (RANK, "tier_once_per_rank"),
        (TWICE, "earning_group_once_per_code"),
        (BACKWARDS, "simulation_begins_first"),
    ],
)
def test_the_database_refuses_drafts_that_contradict_themselves(sql: str, constraint: str) -> None:
    draft = make.version(tiers=[("bronze", "0", "1"), ("silver", "10", "1")])

    with connection.cursor() as cursor, pytest.raises(DatabaseError, match=constraint):
        cursor.execute(sql.replace("%s", str(draft.pk)))
