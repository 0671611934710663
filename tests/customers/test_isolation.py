"""One retailer's failure is its own, in every task that works for all of them."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from analytics.models import CustomerStatistics, ValueRun
from analytics.tasks import refresh_statistics, value_everyone
from customers.core.tenancy import ALL_TENANTS, NOBODY, acting_for, current
from customers.importing.jobs import confirm, upload
from customers.isolation import RetailersFailed, for_each_retailer
from customers.models import ImportJob, Retailer
from customers.recording import record_orders
from customers.tasks import run_imports
from loyalty.configuration.drafts import open_draft
from loyalty.planning.models import Simulation
from loyalty.planning.simulating import ask
from loyalty.planning.tasks import run_simulations
from loyalty.points.models import Wallet
from loyalty.points.tasks import prove_ledger
from tests import make
from tests.make import NOON

# Tasks that need no isolation of retailers, and why.
OTHERWISE = {
    "loyalty.outbox.tasks.deliver": "an endpoint's failure is its own",
    "loyalty.outbox.tasks.give_up": "deletes by age alone",
    "loyalty.retention.tasks.prune": "deletes by age alone",
    "loyalty.staff_signin.tasks.mail": "a user is of no retailer",
}
CSV = b"order_number,customer,occurred_at,sku,quantity,net_amount\nA1,ada,2026-03-01T10:00:00Z,x,1,2\n"


@pytest.mark.parametrize("task", sorted({str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}))
def test_every_periodic_task_goes_through_each_retailer_by_itself(task: str) -> None:
    module, _, name = task.rpartition(".")

    isolates = getattr(getattr(import_module(module), name).run, "isolates_retailers", False)

    assert isolates is (task not in OTHERWISE)


@pytest.mark.usefixtures("committed_db")  # after a failure the connection is made anew
def test_each_has_its_turn_acting_for_itself_and_the_failure_is_told_at_the_end() -> None:
    shops = [make.retailer() for _ in range(4)]
    served: list[tuple[int, str | None]] = []

    @for_each_retailer()
    def work(retailer: Retailer) -> None:
        served.append((retailer.pk, current()))
        if retailer in shops[1:3]:
            raise ZeroDivisionError(retailer.slug)

    with capture_logs() as lines, acting_for(NOBODY), pytest.raises(RetailersFailed) as failed:
        work()

    assert served == [(shop.pk, str(shop.pk)) for shop in shops]
    assert str(failed.value) == f"work failed for {shops[1].slug}, {shops[2].slug}"
    assert [(line["event"], line["log_level"], line["retailer"], line["work"], line["exc_info"]) for line in lines] == [
        ("retailer_failed", "error", shop.slug, "work", True) for shop in shops[1:3]
    ]


@pytest.mark.django_db
def test_each_is_served_by_its_settings_of_its_turn_and_who_is_gone_is_not() -> None:
    first, second, third = make.retailer(), make.retailer(margin_rate=Decimal("0.30")), make.retailer()
    served: list[tuple[int, Decimal | None]] = []

    @for_each_retailer()
    def work(retailer: Retailer) -> None:
        served.append((retailer.pk, retailer.margin_rate))
        if retailer == first:
            with acting_for(ALL_TENANTS):
                Retailer.objects.filter(pk=second.pk).update(margin_rate=Decimal("0.45"))
                Retailer.objects.filter(pk=third.pk).delete()

    with acting_for(NOBODY):
        work()

    assert served == [(first.pk, None), (second.pk, Decimal("0.45"))]


@pytest.mark.usefixtures("committed_db")
def test_who_is_not_through_goes_on_after_all_others_have_had_another_turn() -> None:
    long, short, broken = (make.retailer() for _ in range(3))
    left = {long.pk: 2, short.pk: 0}
    served: list[Retailer] = []

    @for_each_retailer(in_turns=True)
    def work(retailer: Retailer) -> bool:
        served.append(retailer)
        left[retailer.pk] -= 1
        return left[retailer.pk] >= 0

    with pytest.raises(RetailersFailed, match=broken.slug):
        work()

    assert served == [long, short, broken, long, short, long, short]


@pytest.mark.django_db
def test_who_has_no_work_is_not_asked() -> None:
    shops = [make.retailer() for _ in range(3)]
    served: list[Retailer] = []

    for_each_retailer(among=lambda: [shops[1].pk])(served.append)()

    assert served == [shops[1]]


@pytest.mark.usefixtures("committed_db")
def test_a_connection_that_one_loses_is_not_the_next_ones() -> None:
    shops = [make.retailer() for _ in range(3)]
    served = []

    @for_each_retailer()
    def work(retailer: Retailer) -> None:
        if retailer == shops[0]:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        served.append(Retailer.objects.get())

    with pytest.raises(RetailersFailed):
        work()

    assert served == shops[1:]


def refuse_rows(table: str, retailer: Retailer) -> None:
    """Let the database refuse every row of a retailer in a table."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.retailer_id = {retailer.pk} THEN RAISE 'no'; END IF; RETURN NEW; END $$"
        )
        cursor.execute(f"CREATE TRIGGER t BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()")
        cursor.execute("SET ROLE loyalty_app")


def has_sold(shop: Retailer) -> None:
    record_orders(shop, [make.order("ada", "5.00")], now=NOON)


def has_uploaded(shop: Retailer) -> None:
    confirm(upload(shop, "orders", "orders.csv", CSV, now=NOON))


def has_asked(shop: Retailer) -> None:
    club = make.program(shop)
    make.buys(make.member(club), "5.00")
    ask(open_draft(club), since=date(2026, 6, 1), until=date(2026, 6, 14), author="ada", now=NOON)


def counted() -> set[int]:
    return set(CustomerStatistics.objects.values_list("retailer_id", flat=True))


def valued() -> set[int]:
    return set(ValueRun.objects.values_list("retailer_id", flat=True))


def imported() -> set[int]:
    return set(ImportJob.objects.filter(status="done").values_list("retailer_id", flat=True))


def simulated() -> set[int]:
    return set(Simulation.objects.filter(status="done").values_list("retailer_id", flat=True))


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize(
    ("task", "table", "prepare", "done"),
    [
        (refresh_statistics, "analytics_customerstatistics", has_sold, counted),
        (value_everyone, "analytics_valuerun", has_sold, valued),
        (run_imports, "customers_order", has_uploaded, imported),
        (run_simulations, "planning_simulation", has_asked, simulated),
    ],
    ids=["statistics", "value", "imports", "what-ifs"],
)
def test_what_fails_for_one_is_done_for_all_others(
    task: Any, table: str, prepare: Callable[[Retailer], None], done: Callable[[], set[int]]
) -> None:
    shops = [make.retailer() for _ in range(3)]
    for shop in shops:
        prepare(shop)
    refuse_rows(table, shops[1])

    with acting_for(NOBODY), pytest.raises(RetailersFailed, match=shops[1].slug):
        task()

    assert done() == {shops[0].pk, shops[2].pk}


@pytest.mark.usefixtures("committed_db")
def test_an_import_that_fails_for_no_reason_of_its_file_is_not_tried_for_ever() -> None:
    shop = make.retailer()
    has_uploaded(shop)
    refuse_rows("customers_order", shop)

    with pytest.raises(RetailersFailed):
        run_imports()
    run_imports()

    job = ImportJob.objects.get()
    assert (job.status, job.failure.partition("\n")[0]) == ("failed", "ProgrammingError: no")


@pytest.mark.breaks_the_ledger
@pytest.mark.django_db
def test_each_retailers_books_are_proven_and_told_by_themselves(as_owner: None) -> None:
    members = [make.member(make.program()) for _ in range(2)]
    for who in members:
        make.buys(who, "5.00")
    Wallet.objects.update(available=7)

    with capture_logs(processors=[merge_contextvars]) as lines:
        prove_ledger()

    broken = [(line["event"], line["retailer"], line["difference"].partition(" of ")[0]) for line in lines]
    slugs = [who.program.retailer.slug for who in members]
    kinds = ("wallet available", "wallet entries")
    assert broken == [("ledger_broken", slug, kind) for slug in slugs for kind in kinds]
