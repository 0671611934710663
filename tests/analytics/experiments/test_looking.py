"""Looks at experiments: what they say, that they stay, and that they can be made again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from analytics.experiments.looking import (
    ExperimentNotStarted,
    latest,
    look,
    look_again,
    looked_at_tonight,
    retailers_with_experiments,
)
from analytics.experiments.models import ExperimentLook
from customers.merging import merge
from customers.models import Retailer
from loyalty.experiments.models import Assignment, Experiment
from loyalty.experiments.planning import plan
from loyalty.experiments.running import end, start
from tests import make
from tests.analytics.experiments.shops import CLOSED, DAY, WINDOW, bought, crowd, experiment, in_arm
from tests.experiments.make_experiments import HALVES, drafted, even_salt, running
from tests.make import START

pytestmark = pytest.mark.django_db
ENDED = START + 121 * DAY


@pytest.fixture
def owner() -> Retailer:
    return make.retailer()


@contextmanager
def forged() -> Iterator[Any]:
    """Let somebody who may do anything to a database change what is never changed."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("SET session_replication_role = replica")  # no trigger refuses
        yield cursor
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("SET ROLE loyalty_app")


def test_a_look_before_the_end_tells_only_what_holds_at_any_time(owner: Retailer) -> None:
    test = crowd(owner, experiment)

    found = look(test, now=CLOSED)

    (effect,) = found.result.effects
    assert (found.is_final, found.result.grade, effect.p_value) == (False, "A", None)
    assert effect.shown.high - effect.shown.low > 1.5 * 2 * 1.96 * effect.adjusted.error
    assert abs(effect.shown.value - 4) < 5 * effect.shown.error


def test_at_the_planned_end_the_effect_is_told(owner: Retailer) -> None:
    test = crowd(owner, experiment)

    found = look(test, now=ENDED)

    (effect,) = found.result.effects
    assert (found.is_final, effect.says, effect.code) == (True, "effect", "in")
    assert effect.shown == effect.adjusted
    assert abs(effect.shown.value - 4) < 5 * effect.shown.error
    assert (found.plan_hash, found.currency, found.basis) == (test.plan_hash, "EUR", "revenue")


def test_one_that_was_ended_early_is_told_by_what_holds_at_any_time(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    ended = end(test, author="Grace", now=CLOSED)

    found = look(ended, now=ENDED)

    assert (found.is_final, found.result.effects[0].p_value) == (False, None)


def test_a_draft_has_nothing_to_look_at(owner: Retailer) -> None:
    draft = drafted(owner, make.program(owner))

    with pytest.raises(ExperimentNotStarted):
        look(draft, now=CLOSED)

    assert ExperimentLook.objects.count() == 0


def test_where_nothing_has_changed_there_is_no_second_look(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    first = look(test, now=CLOSED)

    assert look(test, author="Grace", now=CLOSED + DAY) == first
    bought(in_arm(test, "in")[0], START + 2 * DAY, now=CLOSED + DAY)
    assert look(test, now=CLOSED + 2 * DAY) != first
    assert ExperimentLook.objects.filter(experiment=test).count() == 2


def test_a_look_is_made_again_to_the_digit_whatever_was_recorded_since(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    first = look(test, now=CLOSED)
    bought(in_arm(test, "in")[0], START + 2 * DAY, "999.00", now=CLOSED + DAY)

    again = look_again(first)

    assert (again.same_data, again.same_code, again.same_numbers) == (True, True, True)
    assert again.result == ExperimentLook.objects.get(pk=first.pk).result


def test_a_hold_out_of_everything_that_starts_later_changes_no_look_of_before(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    end(test, author="Grace", now=START + 10 * DAY)
    first = look(Experiment.objects.get(pk=test.pk), now=START + 12 * DAY)
    running(owner, None, "everything", layer="global", at=START + 15 * DAY)

    again = look_again(ExperimentLook.objects.get(pk=first.pk))

    assert first.result.waiting == 600
    assert (again.same_data, again.same_code, again.same_numbers) == (True, True, True)


def test_who_turned_out_to_be_somebody_else_is_other_data_also_while_nobodys_window_is_over(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    first = look(test, now=START + 2 * DAY)
    ada, bob = in_arm(test, "in")[:2]
    merge(owner, ada.external_id, bob.external_id, reference="same", now=START + 3 * DAY)

    again = look_again(ExperimentLook.objects.get(pk=first.pk))

    assert (first.result.waiting, again.result.waiting) == (600, 599)
    assert (again.same_data, again.same_code, again.same_numbers) == (False, True, False)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE analytics_experimentlook SET author = 'x'",
        "DELETE FROM analytics_experimentlook",
        "TRUNCATE analytics_experimentlook",
    ],
)
def test_a_look_is_never_changed_nor_deleted(owner: Retailer, sql: str) -> None:
    first = look(crowd(owner, experiment), now=CLOSED)

    with (
        pytest.raises(DatabaseError, match=r"pgtrigger|permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert ExperimentLook.objects.get(pk=first.pk).numbers == first.numbers


def test_a_broken_randomisation_blocks_the_result(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    control = Assignment.objects.filter(experiment=test, variant__is_control=True).order_by("pk").values("pk")
    lost = control[: control.count() // 2]  # whoever is in which part by chance, that is far beyond it
    with forged() as cursor:
        cursor.execute("DELETE FROM experiments_assignment WHERE id = ANY(%s)", [[row["pk"] for row in lost]])

    found = look(test, now=ENDED).result

    assert found.blocked is not None
    assert (found.blocked.code, found.grade, found.effects) == ("sample_ratio", None, [])


def test_who_was_put_into_another_arm_blocks_the_result(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    others = {each.code: each.pk for each in test.variants.all()}
    with forged() as cursor:
        cursor.execute(
            "UPDATE experiments_assignment SET variant_id = %s "
            "WHERE id = (SELECT min(id) FROM experiments_assignment WHERE variant_id = %s)",
            [others["in"], others["out"]],
        )

    found = look(test, now=ENDED).result

    assert found.blocked is not None
    assert (found.blocked.code, found.blocked.values) == ("not_as_assigned", {"customers": 1})


def test_a_plan_that_is_not_what_was_hashed_blocks_the_result(owner: Retailer) -> None:
    test = crowd(owner, experiment)
    with forged() as cursor:
        cursor.execute(
            "UPDATE experiments_experiment SET plan = jsonb_set(plan, '{window_days}', '14') WHERE id = %s", [test.pk]
        )

    found = look(Experiment.objects.get(pk=test.pk), now=ENDED).result

    assert found.blocked is not None
    assert found.blocked.code == "plan_changed"


def test_a_plan_with_numbers_that_the_database_writes_otherwise_is_what_was_hashed(owner: Retailer) -> None:
    def of(shop: Retailer) -> Experiment:
        draft = drafted(
            shop, make.program(shop), metric="revenue", window_days=WINDOW, salt=even_salt(shop, HALVES, "s")
        )
        return start(
            plan(draft, detectable={"deviation": 1e16, "gain": -0.0}, author="Grace", now=START),
            author="Grace",
            now=START,
        )

    found = look(Experiment.objects.get(pk=crowd(owner, of).pk), now=CLOSED).result

    assert (found.blocked, found.grade) == (None, "A")


def test_a_night_looks_at_what_runs_and_at_what_has_just_ended(owner: Retailer) -> None:
    assert retailers_with_experiments() == []
    test = crowd(owner, experiment)

    assert retailers_with_experiments() == [owner.pk]
    assert looked_at_tonight(owner, now=CLOSED) == 1
    assert looked_at_tonight(owner, now=CLOSED + DAY) == 0
    assert looked_at_tonight(owner, now=ENDED) == 1
    last = latest(test)
    assert last is not None
    assert last.is_final
    settled = ENDED + timedelta(days=WINDOW + 1)
    bought(in_arm(test, "in")[0], START + 2 * DAY, now=settled - DAY)
    assert looked_at_tonight(owner, now=settled) == 1
    bought(in_arm(test, "in")[1], START + 2 * DAY, now=settled)
    assert looked_at_tonight(owner, now=settled + DAY) == 0


def test_a_night_without_experiments_costs_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        retailers_with_experiments()


@pytest.mark.parametrize("rates", [("0.3", "0.4"), ("0.3", None), (None, "0.4")])
def test_another_margin_rate_changes_no_look_of_before(rates: tuple[str | None, str | None]) -> None:
    before, after = (None if each is None else Decimal(each) for each in rates)
    owner = make.retailer(margin_rate=before)
    test = crowd(owner, lambda shop: experiment(shop, metric="margin"))
    first = look(test, now=CLOSED)

    Retailer.objects.filter(pk=owner.pk).update(margin_rate=after)

    again = look_again(ExperimentLook.objects.get(pk=first.pk))
    assert (again.same_data, again.same_code, again.same_numbers) == (True, True, True)
    later = look(Experiment.objects.get(pk=test.pk), now=CLOSED)
    assert later.pk != first.pk
    assert Retailer.objects.get(pk=owner.pk).margin_rate == after
