"""Runs: frozen before they look, kept whatever comes of them, cancelled between steps, and computed again to the digit."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from analytics.models import ValueRun
from analytics.segments.assigning import FORGET
from analytics.segments.models import CustomerSegment, SegmentRun
from analytics.tasks import uplift_asked
from analytics.uplift.panel import Panel
from analytics.uplift.plan import Plan
from analytics.uplift_runs import running
from analytics.uplift_runs.models import UpliftRun, UpliftSettings
from analytics.uplift_runs.page import reason_of
from analytics.uplift_runs.planning import PlanRefused, planned
from analytics.uplift_runs.repeating import Again, compute_again
from analytics.uplift_runs.running import (
    LOCK,
    RunIsOver,
    ask,
    cancel,
    measure_nightly,
    measure_uplift,
    retailers_with_asked,
    run_next,
)
from analytics.uplift_runs.storing import as_json
from customers.core import bulk
from customers.models import Retailer
from customers.recording import record_orders
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.experiments.rules import digest
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.analytics.test_runs import another_session
from tests.analytics.uplift_runs.simulated import club_of, panel_of

pytestmark = pytest.mark.django_db
NOW = datetime(2027, 1, 1, tzinfo=UTC)
SHORT = Plan(window_months=3, lags=(1, 2))


@pytest.fixture(scope="module")
def past() -> Panel:
    return panel_of()


@pytest.fixture
def club(past: Panel) -> Program:
    return club_of(past, now=NOW, margin_rate=Decimal("0.30"))


def test_a_run_is_frozen_measured_and_computed_again_to_the_digit(club: Program, past: Panel) -> None:
    steps = list[tuple[str, int, int]]()

    run = measure_uplift(club, now=NOW, plan=SHORT, author="sue", on_progress=lambda *step: steps.append(step))

    run.refresh_from_db()
    assert run.status == UpliftRun.Status.DONE
    assert run.plan["plan"]["window_months"] == 3
    assert run.plan_digest == digest(run.plan)
    assert run.result is not None
    assert run.result["grade"] == "D"
    assert run.result["reasons"][0]["code"] == "too_few_members"
    assert run.result["used"]["orders"] == int((past.orders.customer >= 0).sum() - past.orders.membership_only.sum())
    assert run.margin_basis == UpliftRun.MarginBasis.RATE
    assert {step for step, _done, _of in steps} == {
        "reading", "orders", "estimates", "placebo", "grade", "groups", "pictures",
    }  # fmt: skip
    again = compute_again(run)
    assert (again.same_data, again.same_code, again.same_result) == (True, True, True)


def test_what_is_recorded_later_changes_no_run_but_a_changed_record_is_said(club: Program) -> None:
    run = measure_uplift(club, now=NOW, plan=SHORT)
    cut = datetime.combine(run.cut, datetime.min.time(), UTC)
    later = NOW + timedelta(days=1)
    record_orders(club.retailer, [make.order("late", "50.00", at=cut)], now=later)
    assert compute_again(run) == Again(same_data=True, same_code=True, same_result=True)

    order = club.retailer.orders.exclude(customer=None).first()
    assert order is not None
    club.retailer.orders.filter(pk=order.pk).update(net_amount=order.net_amount + 1)

    again = compute_again(run)
    assert not again.same_data


def test_who_leaves_or_comes_back_later_changes_no_run(club: Program, past: Panel) -> None:
    gone, stays = Membership.objects.filter(program=club).order_by("pk")[:2]
    leave(gone, now=datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(days=past.cut))
    run = measure_uplift(club, now=NOW, plan=SHORT)
    assert run.pictures["left"] == 1

    later = NOW + timedelta(hours=1)
    enrol(club, [(gone.customer_id, later)], source="test", now=later)
    leave(stays, now=later)

    assert compute_again(run) == Again(same_data=True, same_code=True, same_result=True)


@pytest.mark.parametrize("rates", [("0.30", "0.45"), ("0.30", None), (None, "0.45")])
def test_another_margin_rate_changes_no_run_of_before(club: Program, rates: tuple[str | None, str | None]) -> None:
    """The rate is no data: it decides what margin is, so that it is frozen with the plan, and hashed."""
    before, after = (None if each is None else Decimal(each) for each in rates)
    Retailer.objects.filter(pk=club.retailer_id).update(margin_rate=before)
    plan = Plan(window_months=3, lags=(1, 2), metric="margin")
    first = measure_uplift(Program.objects.get(pk=club.pk), now=NOW, plan=plan)

    Retailer.objects.filter(pk=club.retailer_id).update(margin_rate=after)

    again = UpliftRun.objects.get(pk=first.pk)
    assert compute_again(again) == Again(same_data=True, same_code=True, same_result=True)
    assert again.plan["margin_rate"] == (None if before is None else "0.3000")
    later = measure_uplift(Program.objects.get(pk=club.pk), now=NOW, plan=plan)
    assert (later.plan_digest == first.plan_digest, later.data_digest == first.data_digest) == (False, False)


def test_a_run_of_before_its_rate_was_kept_is_computed_by_its_retailers(club: Program) -> None:
    run = measure_uplift(club, now=NOW, plan=SHORT)
    del run.plan["margin_rate"]

    again = compute_again(run)

    assert (again.same_data, again.same_result, again.same_plan) == (True, True, False)


def divided_by_segments(club: Program, day: date, *, ran: datetime, first: str) -> None:
    """Let all customers have a segment by a run: every other one `first`, the others the other one of two."""
    run = ValueRun.objects.create(
        retailer=club.retailer, status=ValueRun.Status.DONE, ran_at=ran, data_cut=day, currency="EUR", factor=1.0
    )
    SegmentRun.objects.create(
        run=run, retailer=club.retailer, data_cut=day, basis=SegmentRun.Basis.HISTORY, thresholds={}, customers=1,
        never_bought=0,
    )  # fmt: skip
    both = ("vip", "potential_loyal") if first == "vip" else ("potential_loyal", "vip")
    for place, customer in enumerate(club.retailer.customers.order_by("pk")):
        CustomerSegment.objects.create(
            run=run, customer=customer, segment=both[place % 2], life_stage="new", recency_score=1, frequency_score=1,
            spend_score=1,
        )  # fmt: skip


def test_segments_that_are_told_later_change_no_run(club: Program, past: Panel) -> None:
    first, second = (date(1970, 1, 1) + timedelta(days=past.first + days) for days in (60, 30))
    divided_by_segments(club, first, ran=NOW - timedelta(days=1), first="vip")
    run = measure_uplift(club, now=NOW, plan=SHORT)
    assert run.result is not None
    assert "segment" in run.result["groups"]

    divided_by_segments(club, first, ran=NOW + timedelta(days=1), first="potential_loyal")
    divided_by_segments(club, second, ran=NOW + timedelta(days=1), first="potential_loyal")

    assert compute_again(run) == Again(same_data=True, same_code=True, same_result=True)


def test_segments_of_later_days_of_the_month_let_no_run_lose_those_it_divided_by(club: Program, past: Panel) -> None:
    """Of a month's segments those that looked furthest are kept: a run divides by the first there are, and needs them again."""
    first = (date(1970, 1, 1) + timedelta(days=past.first + 60)).replace(day=10)
    divided_by_segments(club, first, ran=NOW - timedelta(days=1), first="vip")
    run = measure_uplift(club, now=NOW, plan=SHORT)

    divided_by_segments(club, first.replace(day=20), ran=NOW + timedelta(days=1), first="potential_loyal")
    newest = SegmentRun.objects.filter(retailer=club.retailer).latest("pk")
    bulk.change(FORGET, {"retailer": club.retailer_id, "run": newest.pk})

    assert run.result is not None
    assert "segment" in run.result["groups"]
    assert compute_again(run) == Again(same_data=True, same_code=True, same_result=True)


def test_the_hash_is_of_all_that_decides_and_of_nothing_else(club: Program) -> None:
    first, second = (measure_uplift(club, now=NOW, plan=SHORT) for _ in range(2))
    longer = measure_uplift(club, now=NOW, plan=Plan(window_months=4, lags=(1, 2)))
    earlier = measure_uplift(club, now=NOW, plan=SHORT, cut=first.cut - timedelta(days=1))

    assert first.plan_digest == second.plan_digest
    assert len({first.plan_digest, longer.plan_digest, earlier.plan_digest}) == 3
    assert json.loads(json.dumps(first.plan)) == first.plan
    assert len(first.plan_digest) == 64


def test_a_run_that_looked_without_a_frozen_plan_cannot_be_kept(club: Program) -> None:
    run = ask(club, now=NOW, author="")

    with pytest.raises(IntegrityError, match="uplift_looks_only_by_a_frozen_plan"), transaction.atomic():
        UpliftRun.objects.filter(pk=run.pk).update(status=UpliftRun.Status.RUNNING)


def test_what_the_data_refuse_is_kept_with_its_reason() -> None:
    nothing = make.program()
    nobody = make.program()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record_orders(nobody.retailer, [make.order("ada", "1.00", at=at)], now=NOW)
    short = make.program()
    make.member(short, "ada", since=at)
    record_orders(short.retailer, [make.order("ada", "1.00", at=at)], now=NOW)
    known = make.program()
    make.member(known, "ada", since=at)
    orders = [make.order("ada", "1.00", at=at + timedelta(days=day)) for day in (0, 500)]
    record_orders(known.retailer, orders, now=datetime(2028, 1, 1, tzinfo=UTC))

    later = datetime(2028, 1, 1, tzinfo=UTC)
    runs = [measure_uplift(each, now=later) for each in (nothing, nobody, short, known)]
    ahead = measure_uplift(short, now=later, cut=date(2026, 1, 2))
    before = measure_uplift(short, now=later, cut=date(2025, 12, 31))

    assert [run.code for run in runs] == [
        "nothing_bought", "nobody_joined", "history_too_short", "nobody_bought_before_joining",
    ]  # fmt: skip
    assert (ahead.code, before.code) == ("cut_ahead", "cut_before")
    assert {run.status for run in (*runs, ahead, before)} == {UpliftRun.Status.REFUSED}
    assert runs[2].details == {"months": 0.0, "needed": 13}


def test_one_that_waits_is_carried_out_by_a_worker_and_one_that_is_cancelled_is_not(club: Program) -> None:
    first, second = (ask(club, now=NOW, author="sue", plan=each) for each in (SHORT, Plan()))
    cancel(second, now=NOW)

    assert run_next(club.retailer)
    assert not run_next(club.retailer)

    statuses = list(UpliftRun.objects.order_by("pk").values_list("pk", "status"))
    assert statuses == [(first.pk, "done"), (second.pk, "cancelled")]
    with pytest.raises(RunIsOver):
        cancel(first, now=NOW)


def cancelled_before(step: str, run: UpliftRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody cancel a run just before a step of it, which is carried out all the same."""
    carry_out = getattr(running, step)

    def meanwhile(*given: Any) -> Any:
        cancel(run, now=NOW)
        return carry_out(*given)

    monkeypatch.setattr(running, step, meanwhile)


def test_one_that_is_cancelled_while_a_worker_takes_it_up_is_not_carried_out(
    club: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(club, now=NOW, author="sue", plan=SHORT)
    cancelled_before("span", asked, monkeypatch)

    assert run_next(club.retailer)

    asked.refresh_from_db()
    assert (asked.status, asked.plan_digest, asked.result) == ("cancelled", "", None)


def test_one_that_goes_on_stops_before_its_next_step(club: Program) -> None:
    seen = list[str]()

    def ask_for_the_end(step: str, done: int, of: int) -> None:
        seen.append(step)
        if step == "estimates":
            cancel(UpliftRun.objects.get(), now=NOW)

    run = measure_uplift(club, now=NOW, plan=SHORT, on_progress=ask_for_the_end)

    run.refresh_from_db()
    assert (run.status, run.step, run.result) == ("cancelled", "estimates", None)
    assert seen[-1] == "estimates"


def test_one_that_is_interrupted_is_cancelled_and_says_so(club: Program) -> None:
    def interrupt(step: str, _done: int, _of: int) -> None:
        if step == "placebo":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_uplift(club, now=NOW, plan=SHORT, on_progress=interrupt)

    assert UpliftRun.objects.get().status == UpliftRun.Status.CANCELLED


def test_one_that_fails_says_with_what_and_fails(club: Program) -> None:
    def fail(step: str, _done: int, _of: int) -> None:
        if step == "groups":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure_uplift(club, now=NOW, plan=SHORT, on_progress=fail)

    run = UpliftRun.objects.get()
    assert (run.status, run.code, run.details) == ("failed", "error", {"error": "ZeroDivisionError"})
    assert measure_uplift(club, now=NOW, plan=SHORT).status == UpliftRun.Status.DONE


def test_a_run_that_died_is_marked_by_the_next_one(club: Program) -> None:
    died = measure_uplift(club, now=NOW, plan=SHORT)
    UpliftRun.objects.filter(pk=died.pk).update(status=UpliftRun.Status.RUNNING)

    measure_uplift(club, now=NOW, plan=SHORT)

    died.refresh_from_db()
    assert (died.status, died.code) == ("failed", "died")


@pytest.mark.parametrize(("is_cancel_asked", "status", "code"), [(False, "failed", "died"), (True, "cancelled", "")])
def test_a_run_that_died_is_marked_by_a_worker_also_where_nobody_asks_for_another(
    club: Program,
    is_cancel_asked: bool,  # noqa: FBT001 - a parameter
    status: str,
    code: str,
) -> None:
    died = measure_uplift(club, now=NOW, plan=SHORT)
    UpliftRun.objects.filter(pk=died.pk).update(status=UpliftRun.Status.RUNNING)
    if is_cancel_asked:
        cancel(died, now=NOW)

    uplift_asked()

    died.refresh_from_db()
    assert (died.status, died.code) == (status, code)
    assert retailers_with_asked() == []


def test_one_that_is_cancelled_after_its_last_step_counts_for_nothing(
    club: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(club, now=NOW, author="sue", plan=SHORT)
    cancelled_before("worth_of", run, monkeypatch)

    assert run_next(club.retailer)

    run.refresh_from_db()
    assert (run.status, run.result, run.worth) == ("cancelled", None, None)
    with pytest.raises(RunIsOver):
        cancel(run, now=NOW)


def test_one_that_is_cancelled_while_the_data_are_found_to_refuse_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    club = make.program()
    run = ask(club, now=NOW, author="sue", plan=SHORT)
    cancelled_before("span", run, monkeypatch)

    assert run_next(club.retailer)

    run.refresh_from_db()
    assert (run.status, run.code) == ("cancelled", "")


def test_a_night_that_meets_another_run_lets_a_worker_measure_later() -> None:
    club = make.program()
    make.member(club, "ada")
    UpliftSettings.objects.create(retailer=club.retailer, is_nightly=True)

    with another_session() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, club.retailer_id])
        (run,) = measure_nightly(club.retailer, now=NOW)
        assert run_next(club.retailer) is False
        other.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, club.retailer_id])
    assert (run.status, run.author) == ("asked", "")

    assert run_next(club.retailer)

    run.refresh_from_db()
    assert (run.status, run.code) == ("refused", "nothing_bought")


def test_the_night_measures_where_it_is_wanted_and_no_day_twice(club: Program) -> None:
    assert measure_nightly(club.retailer, now=NOW) == []
    UpliftSettings.objects.create(retailer=club.retailer, is_nightly=True)

    (run,) = measure_nightly(club.retailer, now=NOW)
    again = measure_nightly(club.retailer, now=NOW)

    assert (run.author, run.plan["plan"]["window_months"]) == ("", 6)
    assert again == []


def test_plans_are_read_from_what_somebody_wrote() -> None:
    assert planned({"window_months": 4, "lags": [1, 2], "limits": {"members_c": 800}}).limits.members_c == 800
    wrong: list[dict[str, Any]] = [
        {"window": 4}, {"window_months": 0}, {"lags": []}, {"limits": {"members_c": "x"}}, {"cut": 3}, {"window_months": 2.5},
        {"window_months": True}, {"lags": [1.5]}, {"lags": 3}, {"lags": [[1]]}, {"level": "x"}, {"level": None},
        {"max_members": "x"}, {"max_controls": 0}, {"metric": ["revenue"]}, {"limits": []}, {"limits": "abc"}, {"limits": None},
        {"limits": {"overlap": float("nan")}}, {"limits": {"overlap": float("inf")}}, {"limits": {"members_b": -1}},
    ]  # fmt: skip
    for given in wrong:
        with pytest.raises(PlanRefused):
            planned(given)
    assert as_json(planned({})) == as_json(Plan())


def test_orders_of_nobody_known_are_not_said_to_be_none() -> None:
    club = make.program()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record_orders(club.retailer, [make.order(None, "1.00", at=at) for _ in range(3)], now=NOW)

    run = measure_uplift(club, now=NOW)

    assert (run.status, run.code, run.details) == (UpliftRun.Status.REFUSED, "nobody_known", {"orders": 3})
    assert reason_of(run).startswith("None of the 3 orders is linked to a customer")


def test_a_plan_that_somebody_changed_is_said_and_not_taken_for_other_data(club: Program) -> None:
    run = measure_uplift(club, now=NOW, plan=SHORT)
    UpliftRun.objects.filter(pk=run.pk).update(plan=run.plan | {"seed": run.plan["seed"] + 1})
    run.refresh_from_db()

    assert compute_again(run) == Again(same_data=True, same_code=True, same_result=True, same_plan=False)
    with pytest.raises(CommandError, match="Its plan is not the one that was hashed before the first look"):
        call_command("uplift", again=run.pk)
