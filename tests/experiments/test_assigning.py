"""Who is assigned when: those who are known at the start, and whoever becomes known, by whatever way; once, and for good."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from customers.core import bulk
from customers.merging import merge
from customers.models import Customer
from customers.registration import CustomerFact, register
from loyalty.activity.intake import take_orders
from loyalty.experiments.assigning import arms_of, sizes
from loyalty.experiments.checking import ExperimentHasErrors, flaws_of
from loyalty.experiments.models import Assignment, Experiment, ExperimentEvent
from loyalty.experiments.planning import (
    CodeTaken,
    ExperimentStarted,
    NothingDetectable,
    VariantFact,
    change,
    create,
    plan,
)
from loyalty.experiments.rules import bucket
from loyalty.experiments.running import NotPlanned, NotRunning, StartsInThePast, end, end_due, preview, start
from loyalty.memberships.households import share
from loyalty.outbox.models import Event
from tests import make
from tests.experiments.make_experiments import HALVES, arm_of, drafted, fact, planned, running
from tests.make import NOON, START

pytestmark = pytest.mark.django_db


def test_who_is_known_at_the_start_is_assigned_by_its_bucket() -> None:
    club = make.program()
    customers = [make.customer(club.retailer, f"c{place}") for place in range(30)]

    experiment = running(club.retailer, club, at=NOON)

    assert {row.customer_id: (row.variant.code, row.bucket) for row in experiment.assignments.all()} == {
        each.pk: (
            "out" if bucket(experiment.salt, str(each.pk)) < 5_000 else "in",
            bucket(experiment.salt, str(each.pk)),
        )
        for each in customers
    }
    row = experiment.assignments.first()
    assert row is not None
    assert (row.assigned_at, row.exposed_at) == (NOON, NOON)


def test_who_becomes_known_is_assigned_in_the_statement_that_makes_it_known() -> None:
    club = make.program()
    experiment = running(club.retailer, club)

    register(club.retailer, [CustomerFact("ada")], now=NOON)
    take_orders(club.retailer, [make.order("bob", "10.00")], now=NOON)
    Customer.objects.create(retailer=club.retailer, external_id="charlie", identified_at=NOON)

    assert experiment.assignments.count() == 3
    ada = experiment.assignments.get(customer__external_id="ada")
    assert (ada.assigned_at, ada.exposed_at) == (NOON, NOON)


def test_a_registration_without_experiments_sends_no_statement_more(django_assert_num_queries: object) -> None:
    shop = make.retailer()
    register(shop, [CustomerFact("ada")], now=NOON)

    with django_assert_num_queries(6):  # type: ignore[operator] # pytest-django's
        register(shop, [CustomerFact("bob")], now=NOON)


def test_exposure_is_the_planned_instant_of_every_variant() -> None:
    club = make.program()
    make.customer(club.retailer, "ada")
    draft = planned(club.retailer, club)

    experiment = start(draft, starts_at=NOON + timedelta(days=7), author="Grace", now=NOON)

    row = experiment.assignments.get()
    assert (row.assigned_at, row.exposed_at) == (NOON, NOON + timedelta(days=7))


def test_what_is_told_again_assigns_nobody_anew() -> None:
    club = make.program()
    experiment = running(club.retailer, club)
    register(club.retailer, [CustomerFact("ada")], now=NOON)
    before = list(experiment.assignments.values())

    register(club.retailer, [CustomerFact("ada", first_name="Ada")], now=NOON + timedelta(days=1))
    bulk.fetch("SELECT experiments_assign(%s, ARRAY(SELECT id FROM customers_customer), %s)", [experiment.pk, NOON])

    assert list(experiment.assignments.values()) == before


def test_who_is_held_out_of_everything_is_in_no_other_experiment_of_its_program() -> None:
    club = make.program()
    everything = running(club.retailer, None, "everything", layer="global")
    hold_out = running(club.retailer, club, "winback")
    variants = running(club.retailer, club, "depth", layer="variant", form="variants", within="winback")

    register(club.retailer, [CustomerFact(f"c{place}") for place in range(60)], now=NOON)

    arms = {
        (arm_of(everything, each), arm_of(hold_out, each), arm_of(variants, each)) for each in Customer.objects.all()
    }
    assert arms == {("out", "", ""), ("in", "out", ""), ("in", "in", "out"), ("in", "in", "in")}


def test_the_start_knows_the_same_layers() -> None:
    club = make.program()
    register(club.retailer, [CustomerFact(f"c{place}") for place in range(60)], now=START)

    everything = running(club.retailer, None, "everything", layer="global")
    hold_out = running(club.retailer, club, "winback")

    arms = {(arm_of(everything, each), arm_of(hold_out, each)) for each in Customer.objects.all()}
    assert arms == {("out", ""), ("in", "out"), ("in", "in")}


def test_a_hold_out_of_another_program_keeps_nobody_out() -> None:
    shop = make.retailer()
    club, wine = make.program(shop), make.program(shop)
    running(shop, wine, "wine", layer="global")
    other = running(shop, club, "winback")

    register(shop, [CustomerFact(f"c{place}") for place in range(20)], now=NOON)

    assert other.assignments.count() == 20


def test_members_of_a_household_are_in_one_variant() -> None:
    club = make.program()
    members = [make.member(club) for _ in range(12)]
    share(members[0], members[1:], now=NOON)

    experiment = running(club.retailer, club, at=NOON, unit="household")

    assert len({(row.variant_id, row.bucket, row.unit_key) for row in experiment.assignments.all()}) == 1


def test_a_merge_keeps_the_assignment_of_who_stays() -> None:
    club = make.program()
    experiment = running(club.retailer, club)
    register(club.retailer, [CustomerFact("ada"), CustomerFact("ada-2")], now=NOON)
    before = list(experiment.assignments.values())

    merge(club.retailer, "ada-2", "ada", reference="one person", now=NOON)

    assert list(experiment.assignments.values()) == before
    assert sum(sizes([experiment])[experiment.pk].values()) == 1


def test_two_retailers_know_nothing_of_each_other() -> None:
    club, other = make.program(), make.program()
    running(club.retailer, club)

    register(other.retailer, [CustomerFact("ada")], now=NOON)

    assert Assignment.objects.count() == 0


def test_one_that_ended_assigns_nobody_and_keeps_who_was_assigned() -> None:
    club = make.program()
    experiment = running(club.retailer, club)
    register(club.retailer, [CustomerFact("ada")], now=START)

    end(experiment, reason="enough", author="Grace", now=NOON)
    register(club.retailer, [CustomerFact("bob")], now=NOON)

    assert list(experiment.assignments.values_list("customer__external_id", flat=True)) == ["ada"]
    (arm,) = arms_of(Customer.objects.get(external_id="ada"), now=NOON)
    assert not arm.is_running


def test_one_ends_by_itself() -> None:
    club = make.program()
    experiment = running(club.retailer, club, window_days=30, duration_days=30)

    register(club.retailer, [CustomerFact("ada")], now=NOON)
    ended = end_due(club.retailer, now=NOON)

    experiment.refresh_from_db()
    assert (ended, experiment.state, experiment.ended_at) == (1, "ended", START + timedelta(days=30))
    assert experiment.assignments.count() == 0


@pytest.mark.parametrize("changed", [
    {"salt": "another"}, {"metric": "revenue"}, {"window_days": 30}, {"plan_hash": "0" * 64}, {"state": "draft"},
    {"starts_at": NOON}, {"unit": "household"},
])  # fmt: skip
def test_the_database_refuses_to_change_what_a_started_one_rests_on(changed: dict[str, object]) -> None:
    club = make.program()
    experiment = running(club.retailer, club)

    with pytest.raises(ProgrammingError), transaction.atomic():
        Experiment.objects.filter(pk=experiment.pk).update(**changed)
    with pytest.raises(ProgrammingError), transaction.atomic():
        bulk.execute("DELETE FROM experiments_experiment WHERE id = %s", [experiment.pk])


def test_the_database_refuses_other_shares_after_the_start() -> None:
    club = make.program()
    experiment = running(club.retailer, club)

    with pytest.raises(ProgrammingError, match="shares"), transaction.atomic():
        experiment.variants.filter(code="out").update(share_bp=2_000)
    with pytest.raises(ProgrammingError, match="shares"), transaction.atomic():
        experiment.variants.create(retailer=club.retailer, code="C", share_bp=1, position=2)
    with pytest.raises(ExperimentStarted):
        change(experiment, fact(club, window_days=30), author="Grace", now=NOON)


def test_the_database_refuses_to_change_or_forget_an_assignment() -> None:
    club = make.program()
    experiment = running(club.retailer, club)
    register(club.retailer, [CustomerFact("ada")], now=NOON)

    with pytest.raises(ProgrammingError), transaction.atomic():
        experiment.assignments.update(exposed_at=NOON + timedelta(days=1))
    with pytest.raises(ProgrammingError), transaction.atomic():
        experiment.assignments.all().delete()


def test_the_database_refuses_a_variant_of_another_experiment() -> None:
    club = make.program()
    one, other = running(club.retailer, club, "one"), running(club.retailer, club, "other")
    ada = make.customer(club.retailer, "ada")
    given = {"retailer": club.retailer, "customer": ada, "bucket": 1, "assigned_at": NOON, "exposed_at": NOON}

    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.create(experiment=one, variant=one.variants.get(code="in"), **given)
    elsewhere = planned(club.retailer, club, "elsewhere")
    with transaction.atomic(), pytest.raises(IntegrityError):
        _write_now(Assignment(experiment=elsewhere, variant=other.variants.get(code="in"), **given))


def _write_now(row: Assignment) -> None:
    with transaction.atomic():
        row.save()
        connection.check_constraints()


def test_the_database_refuses_a_start_with_shares_that_do_not_add_up() -> None:
    club = make.program()
    draft = planned(club.retailer, club)
    draft.variants.filter(code="out").update(share_bp=2_000)

    with pytest.raises(ProgrammingError, match="10000"), transaction.atomic():
        Experiment.objects.filter(pk=draft.pk).update(state="running", starts_at=NOON)


def test_a_salt_is_used_once() -> None:
    club = make.program()
    running(club.retailer, club, "one", salt="s")

    with pytest.raises(ExperimentHasErrors, match="One salt per layer"):
        drafted(club.retailer, club, "other", salt="s")
    assert Experiment.objects.count() == 1


def test_a_plan_says_what_can_be_detected_or_why_not() -> None:
    club = make.program()
    draft = drafted(club.retailer, club)

    with pytest.raises(NothingDetectable):
        plan(draft, detectable={}, author="Grace", now=NOON)
    with pytest.raises(NotPlanned):
        start(draft, author="Grace", now=NOON)
    found = plan(draft, detectable={}, reason="A pilot of two weeks.", author="Grace", now=NOON)

    assert found.plan["reason"] == "A pilot of two weeks."
    assert len(found.plan_hash) == 64


def test_a_change_of_a_draft_takes_its_plan_away() -> None:
    club = make.program()
    draft = planned(club.retailer, club)

    changed = change(draft, fact(club, window_days=30), author="Grace", now=NOON)

    assert (changed.plan_hash, changed.window_days, changed.salt) == ("", 30, draft.salt)
    assert changed.events.latest("pk").said == {"window_days": {"is": 30, "was": 56}}
    with pytest.raises(NotPlanned):
        start(changed, author="Grace", now=NOON)


def test_what_is_impossible_is_refused_and_changes_nothing() -> None:
    club = make.program()
    experiment = planned(club.retailer, club)

    with pytest.raises(CodeTaken):
        drafted(club.retailer, club)
    with pytest.raises(StartsInThePast):
        start(experiment, starts_at=NOON - timedelta(seconds=1), author="Grace", now=NOON)
    with pytest.raises(NotRunning):
        end(experiment, author="Grace", now=NOON)
    with pytest.raises(ExperimentHasErrors, match="add up to 90\u00a0%"):
        create(
            club.retailer,
            fact(club, "short", variants=(HALVES[0], VariantFact("in", 4_000))),
            author="Grace",
            now=NOON,
        )
    experiment.refresh_from_db()
    assert (experiment.state, Assignment.objects.count(), Experiment.objects.count()) == ("draft", 0, 1)


def test_a_hold_out_of_everything_starts_before_the_others_and_one_at_a_time() -> None:
    club = make.program()
    winback = running(club.retailer, club, "winback")
    everything = planned(club.retailer, None, "everything", layer="global")

    with pytest.raises(ExperimentHasErrors, match="winback already run"):
        start(everything, author="Grace", now=NOON)
    end(winback, author="Grace", now=NOON)
    start(everything, author="Grace", now=NOON)
    with pytest.raises(ExperimentHasErrors, match="everything runs already"):
        start(planned(club.retailer, club, "again", layer="global"), author="Grace", now=NOON)


def test_a_preview_says_how_many_come_into_each_variant() -> None:
    club = make.program()
    for place in range(10):
        make.customer(club.retailer, f"c{place}")
    draft = drafted(club.retailer, club, window_days=28, duration_days=28)

    found = preview(draft, starts_at=NOON)

    assert (found.customers, found.expected, found.ends_at) == (10, {"out": 5, "in": 5}, NOON + timedelta(days=28))


@pytest.mark.parametrize(("window", "begins", "ends"), [
    (28, "2026-03-20T12:00", "2026-04-17T12:00"),  # clocks go forward in between: 28 days are an hour less by the wall
    (27, "2026-03-20T12:00", "2026-04-17T11:00"),
    (28, "2026-10-10T12:00", "2026-11-07T13:00"),
])  # fmt: skip
def test_one_that_lasts_as_long_as_its_window_holds_a_whole_one_when_clocks_change(
    window: int, begins: str, ends: str
) -> None:
    club = make.program(zone="Europe/Paris")
    draft = drafted(club.retailer, club, window_days=window, duration_days=28)

    assert preview(draft, starts_at=make.on(begins)).ends_at == make.on(ends)


def test_who_did_what_is_noted_and_told() -> None:
    club = make.program()
    experiment = running(club.retailer, club)
    end(experiment, reason="enough", author="Ada", now=NOON)

    log = list(ExperimentEvent.objects.order_by("pk").values_list("action", "author"))
    assert log == [("created", "Grace"), ("planned", "Grace"), ("started", "Grace"), ("ended", "Ada")]
    told = list(Event.objects.filter(type__startswith="experiment.").order_by("pk").values_list("type", flat=True))
    assert told == ["experiment.planned", "experiment.started", "experiment.ended"]


def test_the_day_from_which_a_wash_out_is_counted_is_that_of_the_retailers_zone() -> None:
    owner = make.retailer(zone="Pacific/Kiritimati")  # 14 hours ahead: an evening of UTC is its next morning
    everything = running(owner, None, "everything", layer="global", form="no_benefits")
    end(everything, author="Grace", now=make.on("2026-06-10T18:00"))

    flaws = flaws_of(planned(owner, None, "again", layer="global", form="no_benefits"), now=make.on("2026-06-12T00:00"))

    assert [(flaw.code, flaw.facts["ended"]) for flaw in flaws] == [("wash_out", "2026-06-11")]
