"""Each check on data of which the answer is known."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation

from analytics import statistics
from analytics.audit.checks.clock import hours_off
from analytics.audit.verdicts import Example, Level
from analytics.audit.words import sentence
from analytics.models import AcquisitionCost
from customers.facts import ReturnFact, ReturnLineFact
from customers.importing.jobs import run_next, upload
from customers.models import Consent, Customer, ImportJob, Order, OrderLine, Retailer, ReturnLine
from customers.recording import record_orders, record_returns
from tests.analytics.audit.shops import FIRST, NOW, every_day, line, looked_at, measured, order, shop

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_a_good_shop_has_nothing_to_mend_but_what_it_does_not_tell() -> None:
    found = looked_at(shop(*every_day()))

    worse = {check: finding.level.name for check, finding in found.items() if finding.level >= Level.CARE}
    assert worse == {
        "history_days": "CARE", "buyers": "BAD", "left_truncation": "BAD", "returns_linked": "CARE", "reachable": "CARE",
        "profiling": "CARE", "channels": "BAD", "costs": "BAD",
    }  # fmt: skip


def test_history_is_counted_in_days_and_customers() -> None:
    found = looked_at(shop(*every_day()), NOW + 10 * DAY)

    assert found["history_days"].numbers == {"days": 92, "first": "2026-01-05", "last": "2026-04-06"}
    assert found["buyers"].numbers == {"customers": 10, "again": 10, "share": 1.0}
    assert (found["freshness"].level, found["freshness"].numbers["days"]) == (Level.CARE, 11)


@pytest.mark.parametrize(("late", "share", "level"), [(0, 1.0, "BAD"), (2, 0.5, "CARE"), (9, 0.181818, "GOOD")])
def test_who_is_there_from_the_start_came_before_it(late: int, share: float, level: str) -> None:
    early = [order("ada", 0), order("bob", 29)]
    later = [order(f"late{place}", 30, hour=1) for place in range(late)]

    finding = looked_at(shop(*early, *later, order("ada", 91)))["left_truncation"]

    assert (finding.level.name, finding.numbers["count"], finding.numbers["share"]) == (level, 2, share)


def test_a_day_without_orders_is_missed_where_its_weekday_has_some() -> None:
    facts = [fact for fact in every_day() if fact.occurred_at.date() != date(2026, 2, 10)]  # a Tuesday
    open_days = [fact for fact in facts if fact.occurred_at.weekday() != 6]  # closed on Sundays

    finding = looked_at(shop(*open_days))["empty_days"]

    assert finding.examples == (Example("day", "2026-02-10"),)
    assert finding.numbers == {"count": 1, "whole": 92, "share": round(1 / 92, 6), "longest": 1}
    assert finding.level is Level.NOTE


def test_days_without_orders_in_a_row_are_a_gap() -> None:
    gap = {date(2026, 2, 10) + place * DAY for place in range(3)}

    finding = looked_at(shop(*(fact for fact in every_day() if fact.occurred_at.date() not in gap)))["empty_days"]

    assert (finding.level, finding.numbers["count"], finding.numbers["longest"]) == (Level.CARE, 3, 3)


def test_a_day_with_few_orders_stands_out() -> None:
    facts = every_day(orders=20)
    few = [fact for fact in facts if fact.occurred_at.date() != date(2026, 2, 10)]
    few += [fact for fact in facts if fact.occurred_at.date() == date(2026, 2, 10)][:4]

    finding = looked_at(shop(*few))["weak_days"]

    assert (finding.numbers["count"], finding.examples) == (1, (Example("day", "2026-02-10"),))


@pytest.mark.parametrize(("moved", "off"), [(0, 0), (5, 5), (-4, -4), (11, 11)])
def test_the_quiet_hours_tell_the_zone(moved: int, off: int) -> None:
    night = [9, 5, 3, 1, 2, 6, 20, 40, 60, 80, 90, 95, 99, 95, 90, 95, 99, 100, 95, 80, 60, 40, 30, 20]

    assert hours_off([night[(hour - moved) % 24] for hour in range(24)]) == off


def test_the_clock_is_judged_by_a_thousand_orders() -> None:
    weights = [9, 5, 3, 1, 2, 6, 20, 40, 60, 80, 90, 95, 99, 95, 90, 95, 99, 100, 95, 80, 60, 40, 30, 20]
    midnight = -FIRST.hour
    facts = [
        order("ada", 1, hour=midnight + (hour + 5) % 24, name=f"{hour}-{place}")
        for hour, count in enumerate(weights)
        for place in range(count)
    ]
    for place, fact in enumerate(facts):  # none at the full hour
        object.__setattr__(fact, "occurred_at", fact.occurred_at + timedelta(seconds=place % 3_000 + 1))

    in_utc = looked_at(shop(*facts))["clock"]
    at_home = looked_at(shop(*facts, zone="Etc/GMT+5"))["clock"]
    few = looked_at(shop(*facts[:999]))["clock"]

    assert in_utc.level is Level.CARE
    assert in_utc.numbers == {"case": "off", "quietest": 8, "fewest": 1, "peak": 22, "most": 100, "hours": 5}
    assert (at_home.level, at_home.numbers["quietest"], at_home.numbers["case"]) == (Level.GOOD, 3, "")
    assert few.numbers == {"case": "few", "orders": 999}


def test_a_shop_that_closes_is_judged_by_its_nights() -> None:
    by_day = [order("ada", place % 90, hour=place % 10, name=f"d{place}") for place in range(1_000)]
    by_night = [order("ada", place % 90, hour=14, name=f"n{place}") for place in range(30)]  # at midnight

    good = looked_at(shop(*by_day))["clock"]
    late = looked_at(shop(*by_day, *by_night))["clock"]

    assert (good.level, good.numbers["case"], good.numbers["share"]) == (Level.GOOD, "closed", 0.0)
    assert (late.level, late.numbers["share"]) == (Level.CARE, round(30 / 1_030, 6))


def test_dates_without_a_time_are_midnights_of_the_shop_or_of_utc() -> None:
    paris = shop(order("ada", 0, hour=-10), order("ada", 1, hour=-11), order("ada", 2), zone="Europe/Paris")

    finding = looked_at(paris)["midnight"]

    assert (finding.level, finding.numbers["count"], finding.numbers["whole"]) == (Level.CARE, 2, 3)


def test_orders_known_before_they_occurred_and_of_the_future() -> None:
    owner = shop(*every_day(), order("ada", 5, name="early"), order("ada", 6, name="tolerated"))
    for name, minutes in (("early", 16), ("tolerated", 14)):
        changed = Order.objects.get(number=name)
        Order.objects.filter(pk=changed.pk).update(recorded_at=changed.occurred_at - timedelta(minutes=minutes))

    found = looked_at(owner, FIRST + 90 * DAY)

    assert found["recorded_early"].examples == (Example("order", "early"),)
    assert found["recorded_early"].numbers["count"] == 1
    assert (found["future"].level, found["future"].numbers["count"]) == (Level.CARE, 7)  # 3 of that day, and the last


def test_guests_have_orders_and_sales() -> None:
    found = looked_at(shop(order("ada", 0), order("ada", 1), order("ada", 2), order(None, 3, line("70.00"))))

    assert found["identified"].numbers == {"count": 3, "whole": 4, "share": 0.75}
    assert found["guests"].numbers == {"amount": 70.0, "share": 0.7}
    assert (found["identified"].level, found["guests"].level) == (Level.CARE, Level.BAD)


def test_the_share_with_a_customer_jumps_between_months_with_a_hundred_orders() -> None:
    known = [order("ada" if place % 2 else None, place % 27, name=f"j{place}") for place in range(100)]  # to January
    later = [order("ada" if place % 4 else None, 27 + place % 28, name=f"f{place}") for place in range(100)]
    few = [order(None, 80, name=f"m{place}") for place in range(99)]

    finding = looked_at(shop(*known, *later, *few))["identified_jump"]

    assert finding.numbers == {"month": "2026-02-01", "share": 0.25}
    assert (finding.level, finding.examples) == (Level.BAD, (Example("month", "2026-02-01"),))
    assert looked_at(shop(*known, *few))["identified_jump"].numbers == {"case": "few"}


@pytest.mark.parametrize(
    ("known", "level", "share"), [(0, "BAD", 0.0), (9, "BAD", 0.45), (12, "CARE", 0.6), (16, "GOOD", 0.8)]
)
def test_a_shop_whose_latest_buyers_are_guests_cannot_tell_who_left(known: int, level: str, share: float) -> None:
    before = [order(f"c{place}", place % 28, name=f"b{place}") for place in range(30)]
    lately = [order(f"c{place}" if place < known else None, 50 + place, name=f"l{place}") for place in range(20)]

    finding = looked_at(shop(*before, *lately))["identified_lately"]

    assert finding.numbers == {"days": 28, "count": known, "whole": 20, "share": share, "before_share": 1.0}
    assert finding.level.name == level


def test_a_shop_that_always_had_few_customers_or_few_orders_has_not_lost_them() -> None:
    mostly_guests = [order("ada" if place % 5 == 0 else None, place, name=f"g{place}") for place in range(60)]
    some = [order("ada", place, name=f"s{place}") for place in range(30)]

    assert looked_at(shop(*mostly_guests))["identified_lately"].level is Level.GOOD
    assert looked_at(shop(*some))["identified_lately"].numbers == {"case": "few", "days": 28, "least": 20}


def test_addresses_that_persons_share() -> None:
    owner = shop(*(order(name, 0) for name in ("ada", "bob", "cyd", "dan")))
    for name, email, phone in (("ada", "A@x.org", "+33 6 12"), ("bob", "a@x.org", "33612"), ("cyd", "c@x.org", "")):
        Customer.objects.filter(external_id=name).update(email=email, phone=phone)
    Customer.objects.filter(external_id="dan").update(
        email="a@x.org", merged_into=Customer.objects.get(external_id="ada")
    )

    found = looked_at(owner)

    for check in ("shared_emails", "shared_phones"):
        assert found[check].numbers == {"count": 2, "whole": 3, "share": round(2 / 3, 6), "most": 2}
        assert found[check].level is Level.BAD
        one = Customer.objects.get(pk=found[check].examples[0].name)
        assert one.external_id in {"ada", "bob"}


def test_a_card_that_serves_everybody_is_no_person() -> None:
    many = [order(f"c{place}", 0, name=f"c{place}") for place in range(300)]
    owner = shop(*many, *(order("till", place % 90, name=f"t{place}") for place in range(50)))

    finding = looked_at(owner)["heavy_buyers"]

    till = Customer.objects.get(external_id="till")
    assert (finding.level, finding.examples) == (Level.CARE, (Example("customer", str(till.pk)),))
    assert finding.numbers == {"most": 50, "usual": 1, "rare": 49}


def test_amounts_of_nothing() -> None:
    found = looked_at(
        shop(order("ada", 0), order("ada", 1, line("0.00"), name="free"), order("ada", 2, line("0"), line("5")))
    )

    assert found["free_orders"].numbers == {"count": 1, "whole": 3, "share": 0.333333}
    assert found["free_orders"].examples == (Example("order", "free"),)
    assert found["free_lines"].numbers == {"count": 2, "whole": 4, "share": 0.5}


@pytest.mark.parametrize(
    ("costs", "rate", "case", "level", "share"),
    [
        (("6", "6"), None, "", "GOOD", 1.0),
        (("6", None), "0.3", "partly", "CARE", 0.5),
        ((None, None), "0.3", "rate", "CARE", 0.0),
        ((None, None), None, "none", "BAD", 0.0),
        (("6", None), None, "none", "BAD", 0.5),
    ],
)
def test_what_margin_is_taken_from(
    costs: tuple[str | None, str | None], rate: str | None, case: str, level: str, share: float
) -> None:
    lines = [line("10.00", unit_cost=cost and Decimal(cost)) for cost in costs]

    finding = looked_at(shop(order("ada", 0, *lines), margin_rate=rate))["line_costs"]

    assert (finding.level.name, finding.numbers["case"], finding.numbers["share"]) == (level, case, share)
    assert finding.numbers["margin_share"] == (0.4 if share else None)


def test_discounts_above_prices_and_other_currencies() -> None:
    owner = shop(order("ada", 0, name="o1"), order("ada", 1, name="o2"))
    OrderLine.objects.filter(order__number="o1").update(discount=Decimal("10.02"))
    Order.objects.filter(number="o2").update(currency="USD")

    found = looked_at(owner)

    assert found["discounts"].examples == (Example("order", "o1"),)
    assert (found["currency"].level, found["currency"].examples) == (Level.BAD, (Example("order", "o2"),))


def test_how_much_a_few_customers_bring() -> None:
    many = [order(f"c{place}", 0, name=f"c{place}") for place in range(19)]

    finding = looked_at(shop(*many, order("rich", 0, line("810.00"))))["concentration"]

    assert finding.numbers == {"case": "best_of_few", "top_share": 0.81, "decile_share": 0.82}
    assert finding.level is Level.CARE


@pytest.mark.parametrize(("others", "words"), [
    (8, "The best customer brings 50\N{NO-BREAK SPACE}% of sales."),
    (9, "The best customer brings 50\N{NO-BREAK SPACE}% of sales, the top 10 % bring 50\N{NO-BREAK SPACE}%."),
    (98, "The best customer brings 50\N{NO-BREAK SPACE}% of sales, the top 10 % bring 54.6\N{NO-BREAK SPACE}%."),
    (99, "The top 1 % of customers bring 50\N{NO-BREAK SPACE}% of sales, the top 10 % bring 54.5\N{NO-BREAK SPACE}%."),
])  # fmt: skip
def test_one_percent_is_told_of_a_hundred_customers(others: int, words: str) -> None:
    many = [order(f"c{place}", 0, name=f"c{place}") for place in range(others)]

    finding = looked_at(shop(*many, order("rich", 0, line(f"{10 * others}.00"))))["concentration"]

    with translation.override("en"):
        assert sentence(finding, "EUR") == words


def test_an_order_out_of_all_proportion() -> None:
    many = [order("ada", place % 90, name=f"o{place}") for place in range(1_000)]

    finding = looked_at(shop(*many, order("ada", 0, line("201.00"), name="typo")))["largest_orders"]

    assert finding.examples == (Example("order", "typo"),)
    assert finding.numbers == {"largest_amount": 201.0, "usual_amount": 10.0}


@pytest.mark.parametrize(
    ("currency", "amount", "largest"),
    [("JPY", "12000", "12,000 JPY"), ("EUR", "12000", "12,000.00 EUR"), ("KWD", "1.234", "1.234 KWD")],
)
def test_amounts_are_written_as_their_currency_is(currency: str, amount: str, largest: str) -> None:
    owner = shop(order("ada", 0, line(amount)), currency=currency)

    said = sentence(looked_at(owner)["largest_orders"], currency)

    assert said == f"Largest order: {largest}; one in a thousand has {largest} or more."


def test_returns_find_their_orders_within_days() -> None:
    owner = shop(*every_day())
    one = (ReturnLineFact(Decimal(1), 1),)
    back = [ReturnFact(f"r{days}", f"d{days}-0", FIRST + (2 * days) * DAY, one) for days in (1, 2, 9)]
    record_returns(owner, back, now=NOW)
    text = b"return_number,order_number,occurred_at,quantity,position\nr1,d1-0,2026-01-07T10:00:00Z,1,1\nx,none,2026-01-07,1,1\n"
    job = upload(owner, "returns", "r.csv", text, now=NOW)
    ImportJob.objects.filter(pk=job.pk).update(status=ImportJob.Status.WAITING)
    run_next(now=NOW)

    found = looked_at(owner)

    assert found["returns_linked"].numbers == {"returns": 3, "sales_share": round(30 / 3_680, 6), "linked_share": 0.5}
    assert found["returns_linked"].level is Level.BAD
    assert found["return_lag"].numbers == {"median_days": 2.0, "late_days": 9.0, "count": 0}


def test_more_came_back_than_was_bought() -> None:
    owner = shop(*every_day())
    record_returns(owner, [ReturnFact("r1", "d1-0", NOW, (ReturnLineFact(Decimal(1), 1),))], now=NOW)
    ReturnLine.objects.update(quantity=2)

    finding = looked_at(owner)["over_returned"]

    assert (finding.level, finding.examples) == (Level.CARE, (Example("return", "r1"),))


def test_products_of_which_nothing_is_known() -> None:
    unknown, plain = line("5", category="", brand=""), line("5", category="")

    found = looked_at(shop(order("ada", 0, unknown, plain, line("5"), line("5"), name="o1")))

    assert found["products_unknown"].numbers == {"count": 1, "whole": 4, "share": 0.25}
    assert found["categories"].numbers == {"count": 2, "whole": 4, "share": 0.5}
    assert (found["products_unknown"].level, found["categories"].level) == (Level.CARE, Level.CARE)


def test_how_late_orders_arrive_without_those_of_files() -> None:
    owner = shop(*(order("ada", place % 90, name=f"f{place}") for place in range(101)))  # of one instant
    for place in range(100):
        at = FIRST + timedelta(hours=place)
        lag = 5 * DAY if place == 0 else timedelta(hours=6)
        record_orders(owner, [order("ada", 0, hour=place, name=f"l{place}")], now=at + lag)

    finding = looked_at(owner)["late_arrivals"]

    assert finding.numbers == {"orders": 100, "days": 0.2}
    assert finding.level is Level.GOOD
    assert looked_at(shop(*every_day()))["late_arrivals"].numbers == {"case": "files", "orders": 0}


def test_whom_one_may_write_to() -> None:
    owner = shop(*(order(name, 0) for name in ("ada", "bob", "cyd", "dan")))
    people = {each.external_id: each for each in Customer.objects.filter(retailer=owner)}
    Customer.objects.filter(external_id__in=["ada", "bob"]).update(email="x@x.org")
    said = [
        ("ada", "email", True, 1), ("bob", "email", True, 1), ("bob", "email", False, 2), ("cyd", "email", True, 1),
        ("dan", "push", True, 1), ("ada", "profiling", True, 1), ("dan", "profiling", True, 400),
    ]  # fmt: skip
    for name, purpose, granted, day in said:
        at = FIRST + day * DAY
        Consent.objects.create(customer=people[name], purpose=purpose, granted=granted, occurred_at=at, source="web")

    found = looked_at(owner)

    assert found["reachable"].numbers == {"count": 2, "whole": 4, "share": 0.5}
    assert found["profiling"].numbers == {"count": 1, "whole": 4, "share": 0.25}


def test_how_customers_were_won_and_what_it_cost() -> None:
    owner = shop(order("ada", 0), order("bob", 30), order("cyd", 60), order("dan", 61))
    Customer.objects.filter(external_id__in=["ada", "cyd", "dan"]).update(acquisition_channel="search")
    statistics.refresh(owner)
    AcquisitionCost.objects.create(retailer=owner, channel="search", month="2026-03-01", amount=90, currency="EUR")

    found = looked_at(owner)

    assert found["channels"].numbers == {"count": 2, "whole": 3, "share": round(2 / 3, 6)}
    assert found["costs"].numbers == {"count": 1, "whole": 2, "share": 0.5}


def test_what_the_month_that_still_runs_costs_need_not_be_known() -> None:
    owner = shop(order("ada", 0), order("bob", 30), order("cyd", 60))
    statistics.refresh(owner)
    AcquisitionCost.objects.create(retailer=owner, channel="search", month="2026-02-01", amount=90, currency="EUR")

    in_march, in_april = (looked_at(owner, datetime(2026, month, day, tzinfo=UTC)) for month, day in ((3, 31), (4, 1)))

    assert (in_march["costs"].level, in_march["costs"].numbers) == (Level.GOOD, {"count": 1, "whole": 1, "share": 1.0})
    assert (in_april["costs"].level, in_april["costs"].numbers) == (Level.CARE, {"count": 1, "whole": 2, "share": 0.5})


def test_a_second_month_that_still_runs_is_not_blamed_for_its_costs() -> None:
    owner = shop(order("ada", 0), order("bob", 30))
    statistics.refresh(owner)

    found = looked_at(owner, datetime(2026, 2, 28, tzinfo=UTC))["costs"]

    assert (found.level, sentence(found, "EUR")) == (Level.BAD, "The month after the first one is not over yet.")


def test_a_retailer_is_measured_by_its_own_rows() -> None:
    owner = shop(*every_day())
    shop(order("eve", 0, line("999.00")), order(None, 400))

    data = measured(owner)

    assert (data.orders, data.buyers.customers, data.lines.lines, data.persons.persons) == (368, 10, 368, 10)


def test_nothing_bought_is_no_audit() -> None:
    from analytics.audit.measures import measure

    assert measure(Retailer.objects.create(slug="new", name="New"), timezone.now()) is None
