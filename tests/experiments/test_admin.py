"""An experiment in the admin, from its form to its end; and what staff see of it."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from loyalty.experiments.models import Assignment, Experiment, ExperimentEvent
from loyalty.experiments.planning import change, plan
from loyalty.experiments.running import end, start
from loyalty.experiments.wording import told_of
from loyalty.programs.models import Program
from tests import make
from tests.admin.test_verbs import asked
from tests.experiments.make_experiments import arm_of, drafted, fact, planned, running
from tests.make import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("grace"))
    return client


@pytest.fixture
def club() -> Program:
    club = make.program()
    for place in range(10):
        make.customer(club.retailer, f"c{place}")
    return club


def form(club: Program, *shares: int | str, **changed: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "retailer": club.retailer_id, "program": club.pk, "code": "welcome", "name": "Welcome", "layer": "campaign",
        "form": "not_invited", "unit": "customer", "metric": "margin", "window_days": 56, "salt": "", "duration_days": "",
        "within": "", "variants-TOTAL_FORMS": len(shares), "variants-INITIAL_FORMS": 0, "events-TOTAL_FORMS": 0,
        "events-INITIAL_FORMS": 0,
    }  # fmt: skip
    for place, share in enumerate(shares):
        said |= {
            f"variants-{place}-code": f"v{place}",
            f"variants-{place}-share_bp": share,
            f"variants-{place}-name": "",
        }
    return said | {"variants-0-is_control": "on"} | changed


def test_an_experiment_is_drawn_up_with_its_variants(staff: Client, club: Program) -> None:
    answer = staff.post(reverse("admin:experiments_experiment_add"), form(club, 10, 90))

    assert answer.status_code == 302, answer.context["errors"]
    row = Experiment.objects.get()
    assert (row.code, row.state, row.salt.startswith("welcome-")) == ("welcome", "draft", True)
    assert list(row.variants.in_order().values_list("code", "share_bp", "is_control")) == [
        ("v0", 1_000, True),
        ("v1", 9_000, False),
    ]
    assert ExperimentEvent.objects.get().author == "grace"


@pytest.mark.parametrize(
    ("language", "typed", "kept"),
    [
        ("en", ("33.33", "66.67"), [3_333, 6_667]),
        ("fr", ("33,33", "66,67"), [3_333, 6_667]),
        ("fr", ("0.01", "99.99"), [1, 9_999]),
        ("en", ("12.5", "87.50"), [1_250, 8_750]),
    ],
)
def test_shares_are_typed_in_percent_as_people_write_them(
    staff: Client, club: Program, language: str, typed: Any, kept: list[int]
) -> None:
    staff.cookies["django_language"] = language

    answer = staff.post(reverse("admin:experiments_experiment_add"), form(club, *typed))

    assert answer.status_code == 302, answer.context["errors"]
    row = Experiment.objects.get()
    assert list(row.variants.in_order().values_list("share_bp", flat=True)) == kept
    page = staff.get(reverse("admin:experiments_experiment_change", args=[row.pk])).content.decode()
    shown = typed[0].replace(".", ",") if language == "fr" else typed[0]
    assert re.search(rf'name="variants-0-share_bp" value="{shown}"', page)


@pytest.mark.parametrize("typed", ["33.333", "0", "-1", "101", "nan", "ten"])
def test_a_share_that_is_none_is_refused_and_shown_as_typed(staff: Client, club: Program, typed: str) -> None:
    answer = staff.post(reverse("admin:experiments_experiment_add"), form(club, typed, 90))

    assert answer.status_code == 200
    assert f'value="{typed}"' in answer.content.decode()
    assert Experiment.objects.count() == 0


@pytest.mark.parametrize(("shares", "changed", "words"), [
    ((10, 80), {}, "The shares add up to 90\u00a0%; all together are 100\u00a0%."),
    ((10, 90), {"variants-0-is_control": ""}, "One variant is the control"),
])  # fmt: skip
def test_what_cannot_be_is_said_beside_the_form(
    staff: Client, club: Program, shares: tuple[int, ...], changed: dict[str, Any], words: str
) -> None:
    answer = staff.post(reverse("admin:experiments_experiment_add"), form(club, *shares, **changed))

    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    assert Experiment.objects.count() == 0


@pytest.mark.parametrize(("changed", "words"), [
    ({"form": "variants"}, "does not belong to the layer"),
    ({"salt": "taken"}, "One salt per layer"),
])  # fmt: skip
def test_what_the_check_refuses_is_said_beside_the_form(
    staff: Client, club: Program, changed: dict[str, Any], words: str
) -> None:
    drafted(club.retailer, club, "other", salt="taken")

    answer = staff.post(reverse("admin:experiments_experiment_add"), form(club, 10, 90, **changed))

    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    assert Experiment.objects.count() == 1


def test_a_draft_is_changed(staff: Client, club: Program) -> None:
    row = drafted(club.retailer, club, "welcome")
    first, second = row.variants.in_order()
    said = form(club, 20, 80, **{"variants-INITIAL_FORMS": 2, "variants-0-id": first.pk, "variants-1-id": second.pk})

    answer = staff.post(reverse("admin:experiments_experiment_change", args=[row.pk]), said | {"window_days": 30})

    assert answer.status_code == 302, answer.context["errors"]
    row.refresh_from_db()
    assert (row.window_days, list(row.variants.in_order().values_list("share_bp", flat=True))) == (30, [2_000, 8_000])


def saved(club: Program, row: Experiment, **changed: Any) -> dict[str, Any]:
    """Return the form of a draft as its page has it."""
    rows = {f"variants-{place}-id": each.pk for place, each in enumerate(row.variants.in_order())}
    return form(club, 10, 90, **{"variants-INITIAL_FORMS": 2, "code": row.code, **rows, **changed})


def test_a_draft_does_not_take_the_code_of_another(staff: Client, club: Program) -> None:
    drafted(club.retailer, club, "taken")
    row = drafted(club.retailer, club, "welcome")

    answer = staff.post(reverse("admin:experiments_experiment_change", args=[row.pk]), saved(club, row, code="taken"))

    assert (answer.status_code, "There is an experiment taken already." in answer.content.decode()) == (200, True)
    assert Experiment.objects.get(pk=row.pk).code == "welcome"


def test_who_saves_what_somebody_else_changed_meanwhile_is_told_so(staff: Client, club: Program) -> None:
    row = drafted(club.retailer, club, "welcome")
    page, loaded = reverse("admin:experiments_experiment_change", args=[row.pk]), saved(club, row)
    change(row, fact(club, "welcome", window_days=30), author="Ada", now=timezone.now())

    answer = staff.post(page, loaded)

    assert answer.status_code == 200
    assert "The experiment was changed since this page was loaded." in answer.content.decode()
    assert Experiment.objects.get().window_days == 30


@pytest.mark.parametrize(("duration", "day"), [(3_660, "9995-01-01"), (60, "2200-01-01"), (None, "9999-12-31")])
def test_it_starts_in_no_year_that_calendars_do_not_have(
    staff: Client, club: Program, duration: int | None, day: str
) -> None:
    row = planned(club.retailer, club, duration_days=duration)

    answer = staff.post(
        reverse("admin:experiments_experiment_start_it", args=[row.pk]),
        {"reason": "later", "starts_at_0": day, "starts_at_1": "00:00"},
    )

    said = "It cannot start on" in answer.content.decode()
    assert (answer.status_code, said, Experiment.objects.get().state) == (200, True, "draft")


def test_it_is_planned_started_and_ended_each_shown_before_it_happens(staff: Client, club: Program) -> None:
    row = drafted(club.retailer, club)

    asked(staff, "experiments_experiment_plan_it", row.pk, {"reason": "a pilot of two weeks"})
    shown, _ = asked(
        staff, "experiments_experiment_start_it", row.pk, {"reason": "as planned", "starts_at_0": "", "starts_at_1": ""}
    )
    row.refresh_from_db()
    out = Assignment.objects.filter(variant__code="out").count()
    assert "10 customers are known." in shown
    assert f"out: 50\u00a0%, which are {out} of them." in shown
    assert (row.state, Assignment.objects.count()) == ("running", 10)
    asked(staff, "experiments_experiment_end_it", row.pk, {"reason": "enough"})

    row.refresh_from_db()
    assert row.state == "ended"
    assert [each.action for each in row.events.order_by("pk")] == ["created", "planned", "started", "ended"]


def test_a_start_that_lies_ahead_is_shown_before_it_is_confirmed(staff: Client, club: Program) -> None:
    row = planned(club.retailer, club)
    page = reverse("admin:experiments_experiment_start_it", args=[row.pk])
    day = (timezone.now() + timedelta(days=9)).date()

    shown = staff.post(page, {"reason": "in time", "starts_at_0": day.isoformat(), "starts_at_1": "00:00"})
    signature = shown.context["signature"]
    said = {"reason": "in time", "starts_at_0": day.isoformat(), "starts_at_1": "00:00", "confirmed": signature}
    staff.post(page, said)

    row.refresh_from_db()
    assert shown.context["told"][1] == ("from", date_format(datetime.combine(day, time()), "DATETIME_FORMAT"))
    assert row.starts_at == datetime.combine(day, time(), tzinfo=UTC)


def test_what_was_left_empty_is_not_read_again(staff: Client, club: Program) -> None:
    row = planned(club.retailer, club)
    page = reverse("admin:experiments_experiment_start_it", args=[row.pk])

    shown = staff.post(page, {"reason": "now", "starts_at_0": "", "starts_at_1": ""})

    assert shown.context["told"] == [("reason", "now")]


def test_only_what_can_be_done_in_its_state_is_offered(staff: Client, club: Program) -> None:
    def offered(row: Experiment) -> list[str]:
        page = staff.get(reverse("admin:experiments_experiment_change", args=[row.pk])).content.decode()
        return [word for word in ("plan", "start", "end") if f"/{row.pk}/{word}" in page]

    draft = planned(club.retailer, club, "draft")
    runs = running(club.retailer, club, "runs")
    over = end(running(club.retailer, club, "over"), author="Grace", now=NOON)

    assert [offered(row) for row in (draft, runs, over)] == [["plan", "start"], ["end"], []]


def test_what_was_done_is_told_in_words(staff: Client, club: Program) -> None:
    row = drafted(club.retailer, club, window_days=56)
    change(row, fact(club, form="no_benefits", window_days=600), author="Grace", now=timezone.now())
    forecast = {"variants": [{"code": "in", "detectable": {"amount": 2.5, "share": 0.05}}]}
    plan(row, detectable=forecast, author="Grace", now=timezone.now())
    start(row, author="Grace", now=timezone.now())

    page = staff.get(reverse("admin:experiments_experiment_change", args=[row.pk])).content.decode()

    told = [told_of(event) for event in row.events.order_by("pk")]
    assert "Variants: out 50\u00a0%, in 50\u00a0%" in told[0]
    assert told[1] == ["Form: not invited → member without benefits", "Window in days: 56 → 600"]
    assert told[2] == [f"Plan's digest: {Experiment.objects.get().plan_hash[:12]}"]
    assert "Customers who were assigned: 10" in told[3]
    assert [code for code in ("no_benefits →", "&quot;amount&quot;", "&quot;was&quot;") if code in page] == []
    assert reverse("admin:analytics_experimentlook_of", args=[row.pk]) in page


def test_a_refusal_is_said_and_nothing_is_done(staff: Client, club: Program) -> None:
    row = drafted(club.retailer, club)

    page = reverse("admin:experiments_experiment_start_it", args=[row.pk])
    answer = staff.post(page, {"reason": "now", "starts_at_0": "", "starts_at_1": ""})

    assert "Plan hold-out first" in answer.content.decode()
    assert Experiment.objects.get().state == "draft"


def test_staff_see_who_is_in_which_variant_and_what_blurs_it(staff: Client, club: Program) -> None:
    row = running(club.retailer, club, at=timezone.now())

    page = staff.get(reverse("admin:experiments_experiment_change", args=[row.pk])).content.decode()
    lists = [
        staff.get(reverse(f"admin:experiments_{name}_changelist")).content.decode()
        for name in ("experiment", "assignment")
    ]

    assert "persons who were not invited, and joined since: 0" in page
    assert "running" in lists[0]
    assert lists[1].count("hold-out") >= 10


def test_staff_see_in_which_variant_a_member_is(staff: Client, club: Program) -> None:
    ada = make.member(club, "ada")
    row = running(club.retailer, club, at=timezone.now())

    page = staff.get(reverse("admin:memberships_membership_change", args=[ada.pk])).content.decode()

    assert f"hold-out: {arm_of(row, ada.customer)}" in page


def test_what_runs_is_shown_and_not_changed(staff: Client, club: Program) -> None:
    row = running(club.retailer, club, at=timezone.now())

    answer = staff.post(reverse("admin:experiments_experiment_change", args=[row.pk]), form(club, 10, 90))

    assert answer.status_code == 403
    assert row.variants.count() == 2


def test_who_may_not_publish_starts_nothing(client: Client, club: Program) -> None:
    row = planned(club.retailer, club)
    user = User.objects.create_user("sam", is_staff=True)
    client.force_login(user)

    assert client.get(reverse("admin:experiments_experiment_start_it", args=[row.pk])).status_code in {302, 403}
    assert Experiment.objects.get().state == "draft"
