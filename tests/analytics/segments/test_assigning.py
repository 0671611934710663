"""Facts as SQL counts them, and what runs store and write down."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics import writing
from analytics.models import CustomerValue, ValueRun
from analytics.segments.assigning import KEPT, PAST, Buyers, assign
from analytics.segments.facts import read_facts
from analytics.segments.models import CustomerSegment, SegmentRun, SegmentSettings, SegmentSize
from customers.core import bulk
from customers.facts import InteractionFact
from customers.models import Insight, Retailer
from customers.recording import record_interactions
from tests import make
from tests.analytics.segments.shop import (
    CUT,
    assigned,
    buy,
    days_ago,
    kinds,
    send_back,
    tags,
    valued,
    visit,
)
from tests.analytics.test_withheld import audited
from tests.make import NOON

pytestmark = pytest.mark.django_db


def five_kinds(shop: Retailer) -> ValueRun:
    """Return the run of a shop with one customer of each type, and five who are worth little."""
    for who, days in (("ada", 9), ("bob", 9), ("cat", 2), ("dan", 9), ("eve", 9)):
        buy(shop, *(make.order(who, "10.00", at=days_ago(400 + day)) for day in range(days - 1)))
        buy(shop, make.order(who, "10.00", at=days_ago(10)))
    for place in range(5):
        buy(shop, make.order(f"x{place}", "1.00", at=days_ago(10)))
    make.customer(shop, "zoe")
    worth = {
        "ada": ("500", False),
        "bob": ("400", True),
        "cat": ("30", False),
        "dan": ("20", False),
        "eve": ("10", True),
    }
    return valued(shop, **worth, **{f"x{place}": ("1", False) for place in range(5)})


def test_each_buyer_gets_its_type_and_stage_and_who_never_bought_none() -> None:
    shop = make.retailer()

    done = assigned(five_kinds(shop))

    found = kinds(done.run)
    assert {name: found[name] for name in ("ada", "bob", "cat", "dan", "eve", "x0")} == {
        "ada": ("vip", "established"),
        "bob": ("vip_at_risk", "lost"),
        "cat": ("potential_loyal", "established"),
        "dan": ("loyal_low_value", "established"),
        "eve": ("low_value_at_risk", "lost"),
        "x0": ("potential_loyal", "new"),
    }
    assert (done.customers, done.never_bought, done.basis) == (10, 1, "prediction")
    sizes = {row.name: (row.customers, row.value_if_active, row.predicted_value) for row in SegmentSize.objects.all()}
    assert sizes["vip"] == (1, 500, 250)
    assert sizes["potential_loyal"] == (6, 35, 35 / 2)
    assert (
        sum(
            sizes[name][0] for name in ("vip", "vip_at_risk", "potential_loyal", "loyal_low_value", "low_value_at_risk")
        )
        == 10
    )


def test_what_the_data_do_not_carry_tells_no_customers_apart() -> None:
    shop = make.retailer()
    run = five_kinds(shop)
    assigned(run)
    told = kinds(run)
    CustomerValue.objects.filter(run=run).update(value_if_active=None, at_risk=None, probability_of_buying=None)
    assigned(run)
    by_history = kinds(run)
    again = five_kinds(other := make.retailer())
    audited(other)

    done = assigned(again)

    assert (done.basis, kinds(again)) == ("history", by_history)
    assert told["bob"] == ("vip_at_risk", "lost")
    assert by_history["bob"] == ("loyal_low_value", "established")


def places() -> list[tuple[str]]:
    """Return where insights lie on the disk: a row that is changed lies elsewhere."""
    return bulk.fetch("SELECT ctid::text FROM customers_insight ORDER BY customer_id")


def test_it_is_written_down_and_changes_only_what_says_something_else() -> None:
    shop = make.retailer()
    run = five_kinds(shop)
    assigned(run)
    insight = Insight.objects.get(customer__external_id="ada")
    assert (insight.segment, insight.tags, insight.life_stage, insight.rfm) == ("vip", [], "established", "144")

    before = places()

    assigned(run)

    assert places() == before
    CustomerValue.objects.filter(run=run, customer=insight.customer).delete()
    assigned(run)
    insight.refresh_from_db()
    assert (insight.segment, insight.tags, insight.life_stage, insight.rfm) == ("", [], "", "")


def test_where_nobody_has_bought_any_more_nobody_is_in_a_segment() -> None:
    shop = make.retailer()
    buy(shop, make.order("ada", "10.00", at=days_ago(10), name="o1"))
    assigned(valued(shop))
    assert Insight.objects.get().segment == "potential_loyal"
    send_back(shop, "o1", at=days_ago(5))

    assert assign(valued(shop)) is None

    assert (Insight.objects.get().segment, Insight.objects.get().life_stage) == ("", "")


def test_an_insight_whose_segment_alone_changed_is_of_the_run_that_changed_it() -> None:
    shop = make.retailer()
    buy(shop, *(make.order("ada", "10.00", at=days_ago(days)) for days in (40, 30, 20)))
    buy(shop, *(make.order("bob", "10.00", at=days_ago(days)) for days in (60, 40, 20)))
    run = valued(shop)
    assigned(run)
    before = {name: kind for name, (kind, _stage) in kinds(run).items()}
    later = ValueRun.objects.get(pk=run.pk)
    later.pk, later.data_cut = None, CUT + timedelta(days=10)
    later.save()
    writing.open_partition(later)
    writing.close_partition(later)
    for place, value in enumerate(CustomerValue.objects.filter(run=run)):
        value.pk, value.run = (later.pk << writing.PLACES) + place, later
        value.save(force_insert=True)

    assigned(later)

    found = {i.customer.external_id: (i.segment, i.run_id, i.as_of) for i in Insight.objects.select_related("customer")}
    assert before == {"ada": "potential_loyal", "bob": "potential_loyal"}
    assert found == {
        "ada": ("low_value_at_risk", later.pk, CUT + timedelta(days=10)),
        "bob": ("potential_loyal", run.pk, CUT),
    }


def test_blocks_decide_the_same_as_one_of_all() -> None:
    shop = make.retailer()
    run = five_kinds(shop)
    assigned(run)
    whole = kinds(run)

    assigned(run, size=3)

    assert kinds(run) == whole


def test_the_number_of_statements_is_that_of_blocks_not_of_customers() -> None:
    shop = make.retailer()
    run = five_kinds(shop)

    with CaptureQueriesContext(connection) as seen:
        assigned(run)

    assert len(seen.captured_queries) == 30


def test_a_serial_returner() -> None:
    shop = make.retailer()
    for who, backs in (("ada", 3), ("bob", 2)):
        names = [make.number("o") for _ in range(10)]
        buy(shop, *(make.order(who, "10.00", at=days_ago(9 + place), name=name) for place, name in enumerate(names)))
        for name in names[:backs]:
            send_back(shop, name)
    run = valued(shop)

    assigned(run)

    assert tags(run) == {"ada": ["serial_returner"]}
    CustomerSegment.objects.all().delete()
    ValueRun.objects.update(data_cut=(NOON - timedelta(days=1)).date())
    run.refresh_from_db()
    assigned(run)
    assert tags(run) == {}  # what came back later was not known then


def test_visits_gifts_and_promotions() -> None:
    shop = make.retailer()
    buy(
        shop,
        make.order("ada", "10.00", at=days_ago(9)),
        make.order("bob", "10.00", at=days_ago(9), is_gift=True),
        make.order("bob", "10.00", at=days_ago(8)),
        make.order("cat", "10.00", at=days_ago(9), promotion_code="TEN"),
        make.order("cat", "10.00", at=days_ago(8), promotion_code="TEN"),
        make.order("cat", "10.00", at=days_ago(7)),
    )
    visit(shop, "ada", 5)
    visit(shop, "bob", 9)
    run = valued(shop)

    done = assigned(run)

    assert tags(run) == {"ada": ["seldom_buyer"], "bob": ["gift_buyer"], "cat": ["promotion_lover"]}
    assert done.unknown == ["serial_returner", "category_lover", "brand_lover"]


def test_who_loves_a_category_or_a_brand_and_which() -> None:
    shop = make.retailer()
    for who, amount in (("ada", "60.00"), ("bob", "59.00")):
        for day in range(3):
            lines = make.line(amount, category="WINE", brand="Own"), make.line("40.00", category="BREAD")
            buy(shop, make.order(who, *lines, at=days_ago(9 + day), name=f"{who}{day}"))
    run = valued(shop)
    assigned(run)
    assert tags(run) == {"ada": ["category_lover", "brand_lover"]}
    insight = Insight.objects.get(customer__external_id="ada")
    assert (insight.favourite_category, insight.favourite_brand) == ("WINE", "Own")

    send_back(shop, "ada0")  # of the wine that is kept is less
    run = valued_again(run)
    assigned(run)

    assert tags(run) == {}


def valued_again(run: ValueRun) -> ValueRun:
    Insight.objects.all().delete()
    return valued(run.retailer)


def test_a_seasonal_buyer() -> None:
    shop = make.retailer()
    december = [
        days_ago(195),
        days_ago(196),
        days_ago(197),
        days_ago(195 + 365),
        days_ago(196 + 365),
        days_ago(197 + 365),
    ]
    for who in ("ada", "bob"):
        buy(shop, *(make.order(who, "10.00", at=at) for at in december))
    buy(shop, make.order("ada", "10.00", at=days_ago(900)))
    buy(shop, make.order("bob", "10.00", at=days_ago(700)))
    run = valued(shop)

    assigned(run)

    assert tags(run) == {"ada": ["seasonal_buyer"]}


def test_without_a_prediction_history_decides_and_the_run_says_so() -> None:
    shop = make.retailer()
    for place in range(5):
        buy(shop, make.order(f"x{place}", f"{place + 1}0.00", at=days_ago(400)))
    buy(shop, *(make.order("x4", "10.00", at=days_ago(400 - day)) for day in (1, 2, 399)))

    done = assigned(valued(shop))

    assert done.basis == SegmentRun.Basis.HISTORY
    assert kinds(done.run) == {
        "x4": ("vip", "established"), **{f"x{place}": ("low_value_at_risk", "overdue") for place in range(4)}
    }  # fmt: skip


def test_an_earlier_cut_knows_what_was_known_then_and_is_not_written_down() -> None:
    shop = make.retailer()
    names = [make.number("o") for _ in range(4)]
    buy(shop, *(make.order("ada", "10.00", at=days_ago(30 + place), name=name) for place, name in enumerate(names)))
    send_back(shop, names[0])
    buy(shop, make.order("ada", "10.00", at=days_ago(1)))
    run = valued(shop, ada=("10", False))
    run.data_cut = CUT - timedelta(days=20)
    run.save()

    done = assigned(run, is_current=False)

    row = CustomerSegment.objects.get()
    assert (done.customers, row.segment, row.life_stage) == (1, "potential_loyal", "new")
    assert Insight.objects.get().segment == ""
    (block,) = Buyers(run, run.data_cut, 10, predicted=True, statistics=PAST).blocks()
    standing = block.standing
    assert [standing.occasions.tolist(), standing.since_first.tolist(), standing.since_last.tolist()] == [
        [4],
        [13],
        [10],
    ]
    run.data_cut = CUT
    (block,) = Buyers(run, run.data_cut, 10, predicted=True, statistics=PAST).blocks()
    (kept,) = Buyers(run, CUT, 10, predicted=True, statistics=KEPT).blocks()
    assert block.standing.occasions.tolist() == kept.standing.occasions.tolist() == [4]  # one came back, one came


def test_an_earlier_cut_counts_what_was_paid_with_money_and_ends_in_the_retailers_zone() -> None:
    shop = make.retailer(zone="Europe/Paris")
    names = [make.number("o") for _ in range(3)]
    buy(shop, *(make.order("ada", "10.00", at=days_ago(30 + place), name=name) for place, name in enumerate(names)))
    buy(shop, make.order("ada", "10.00", at=days_ago(29), paid_with_points=Decimal("10.00")))
    cut = CUT - timedelta(days=20)
    evening = datetime.combine(cut, time(22, 30), UTC)  # half past midnight in Paris, the day after
    send_back(shop, names[0], at=evening)
    for what, at in (("in time", evening - timedelta(hours=2)), ("late", evening)):
        record_interactions(shop, [InteractionFact(what, "ada", "visit", at)], now=NOON)
    make.customer(shop, "bob", since=evening)
    run = valued(shop, ada=("10", False))
    run.data_cut = cut
    run.save()

    done = assigned(run, is_current=False)

    (block,) = Buyers(run, cut, 10, predicted=True, statistics=PAST).blocks()
    known = read_facts(shop, block.ids, cut).facts
    assert (block.standing.occasions.tolist(), known.best_quarter.tolist()) == ([3], [3])
    assert (known.returns.tolist(), known.visits.tolist(), done.never_bought) == ([0], [1], 0)


def test_a_retailers_own_thresholds_count() -> None:
    shop = make.retailer()
    run = five_kinds(shop)
    SegmentSettings.objects.create(retailer=shop, top_percent=10, few_occasions=1)

    done = assigned(run)

    found = kinds(run)
    assert (found["ada"][0], found["bob"][0], found["cat"][0]) == ("vip", "low_value_at_risk", "loyal_low_value")
    assert (done.thresholds["top_percent"], done.thresholds["first_year_days"]) == (10, 365)


def test_of_nobody_nothing_is_said() -> None:
    assert assign(valued(make.retailer())) is None


def test_customers_of_the_last_run_of_the_first_day_and_of_months_ends_are_kept() -> None:
    shop = make.retailer()
    buy(shop, make.order("ada", "10.00", at=days_ago(300)))
    runs = []
    for days in (40, 50, 55, 60, 0, 1):
        Insight.objects.all().delete()
        run = valued(shop)
        run.data_cut = CUT - timedelta(days=days)  # 6 May, 26, 21 and 16 April, 15 and 14 June
        run.save()
        runs.append(run)
        assigned(run)

    kept = set(CustomerSegment.objects.values_list("run", flat=True))

    assert kept == {run.pk for run in runs} - {runs[2].pk}
    assert (
        SegmentSize.objects.filter(name="potential_loyal").count()
        + SegmentSize.objects.filter(name="low_value_at_risk").count()
        == 6
    )


def test_a_run_that_looks_back_on_a_month_takes_no_place_of_the_one_that_was_made_in_it() -> None:
    shop = make.retailer()
    buy(shop, make.order("ada", "10.00", at=days_ago(300)))
    runs = []
    for days, is_current in ((70, True), (40, True), (0, True), (40, False)):
        Insight.objects.all().delete()
        run = valued(shop)
        run.data_cut, run.is_current = CUT - timedelta(days=days), is_current
        run.save()
        runs.append(run)
        assign(run, is_current=is_current)

    assert set(CustomerSegment.objects.values_list("run", flat=True)) == {run.pk for run in runs}
