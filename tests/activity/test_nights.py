from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.core import bulk
from customers.recording import identify, record_orders, record_returns
from loyalty.activity import nightly
from loyalty.activity.account.enrolment import ProgramNotOpen, enrol, enrol_everyone
from loyalty.activity.backlog import catch_up, undecided_orders
from loyalty.activity.models import NightRun
from loyalty.activity.nightly import run_nights
from loyalty.activity.progress import progress
from loyalty.configuration.drafts import open_draft, publish
from loyalty.outbox.models import Event
from loyalty.points.models import Entry, Lot
from loyalty.points.statement import balance
from loyalty.programs.models import Program
from loyalty.tiers.models import TierChange
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db

UTC_ZONE = ZoneInfo("UTC")
TIERS = (("bronze", "0", "1"), ("silver", "100", "1"), ("gold", "300", "1"))


def night(who: object, day: date) -> NightRun:
    return run_nights(who.program, until=day, now=NOON)  # type: ignore[attr-defined]


def test_pending_points_become_active_at_their_midnight_and_expire_after_their_last_day() -> None:
    first_of_march = datetime(2026, 3, 1, 10, tzinfo=UTC)
    ada = make.member(make.program(points={"pending_days": 14, "expiry": "months", "expiry_count": 1}))
    make.buys(ada, "100.00", at=first_of_march)

    night(ada, date(2026, 3, 14))
    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (100, 0)
    night(ada, date(2026, 3, 15))
    assert (make.wallet_of(ada).pending, make.wallet_of(ada).available) == (0, 100)
    night(ada, date(2026, 4, 15))
    assert make.wallet_of(ada).available == 100
    night(ada, date(2026, 4, 16))

    assert make.wallet_of(ada).available == 0
    assert list(Entry.objects.order_by("id").values_list("kind", "occurred_at")) == [
        ("earn", first_of_march),
        ("activate", datetime(2026, 3, 15, tzinfo=UTC)),
        ("expire", datetime(2026, 4, 16, tzinfo=UTC)),
    ]


def test_a_read_counts_what_is_due_whether_or_not_the_night_has_been() -> None:
    ada = make.member(make.program(points={"pending_days": 1, "expiry": "days", "expiry_count": 2}))
    make.buys(ada, "100.00")
    wallet = make.wallet_of(ada)

    seen = [balance(wallet, at=NOON + timedelta(days=days), zone=UTC_ZONE) for days in (0, 1, 3, 4)]

    assert [(each.available, each.pending) for each in seen] == [(0, 100), (100, 0), (100, 0), (0, 0)]
    assert (seen[1].expires_next_points, seen[1].expires_next_on) == (100, date(2026, 6, 18))


def test_a_member_falls_when_the_window_leaves_its_orders_behind() -> None:
    ada = make.member(make.program(tiers=TIERS, scheme={"window": "rolling", "window_months": 1}))
    make.buys(ada, "100.00")

    night(ada, date(2026, 7, 14))
    assert [str(change) for change in TierChange.objects.all()] == ["Bronze → Silver"]
    night(ada, date(2026, 7, 15))

    fall = TierChange.objects.latest("id")
    assert (str(fall), fall.cause, fall.occurred_at) == (
        "Silver → Bronze",
        "night:2026-07-15",
        datetime(2026, 7, 15, tzinfo=UTC),
    )


def test_the_calendar_year_ends_tiers_in_the_night_of_new_year() -> None:
    ada = make.member(make.program(tiers=TIERS, scheme={"window": "calendar_year"}))
    make.buys(ada, "300.00")

    night(ada, date(2026, 12, 31))
    assert TierChange.objects.count() == 1
    night(ada, date(2027, 1, 1))

    assert str(TierChange.objects.latest("id")) == "Gold → Bronze"


def test_a_return_without_which_the_tier_would_not_have_been_entered_lowers_it_at_once() -> None:
    ada = make.member(make.program(tiers=TIERS))
    bought = make.buys(ada, "60.00", "60.00")

    make.returns(ada, bought, (1, "1"))

    assert [str(change) for change in TierChange.objects.order_by("id")] == ["Bronze → Silver", "Silver → Bronze"]


def test_a_new_version_assesses_everyone_once_from_its_own_instant() -> None:
    club = make.program(tiers=TIERS)
    ada = make.member(club)
    make.buys(ada, "80.00")
    night(ada, date(2026, 6, 19))
    draft = open_draft(club)
    draft.tiers.filter(code="silver").update(threshold=70)
    publish(draft, effective_from=datetime(2026, 6, 20, tzinfo=UTC), now=NOON)

    night(ada, date(2026, 6, 22))

    assert [(str(change), change.cause) for change in TierChange.objects.all()] == [("Bronze → Silver", "version:2")]


def test_a_night_is_carried_out_once() -> None:
    ada = make.member(make.program(points={"pending_days": 1}))
    make.buys(ada, "10.00")

    first = night(ada, date(2026, 6, 20))
    again = night(ada, date(2026, 6, 20))

    assert (first.members, first.activated, again.members, again.activated) == (1, 10, 1, 10)  # the sums of the day
    assert Entry.objects.filter(kind="activate").count() == 1


def test_a_night_that_was_interrupted_goes_on_where_it_was() -> None:
    ada = make.member(make.program(points={"pending_days": 1}))
    make.buys(ada, "10.00")
    night(ada, date(2026, 6, 16))
    NightRun.objects.filter(day=date(2026, 6, 16)).delete()  # as if killed before its last step

    night(ada, date(2026, 6, 16))

    assert (make.wallet_of(ada).available, Entry.objects.filter(kind="activate").count()) == (10, 1)


def test_one_member_and_a_thousand_take_the_same_number_of_statements_in_a_night() -> None:
    club = make.program(points={"pending_days": 1})
    ada = make.member(club)
    make.buys(ada, "10.00")
    night(ada, date(2026, 6, 15))
    with CaptureQueriesContext(connection) as for_one:
        night(ada, date(2026, 6, 16))
    from loyalty.activity.intake import take_orders

    next_day = NOON + timedelta(days=1)
    facts = [make.order(make.number("c"), "10.00", at=next_day) for _ in range(1_000)]
    enrol(club, [(pk, NOON) for pk in identify(club.retailer, [(str(f.customer), NOON) for f in facts], now=NOON).values()],
          source="test", now=NOON)  # fmt: skip
    take_orders(club.retailer, facts, now=next_day)
    with CaptureQueriesContext(connection) as for_many:
        night(ada, date(2026, 6, 17))

    assert Entry.objects.filter(kind="activate").count() == 1_001
    assert len(for_one) == len(for_many)


def test_imported_orders_are_decided_in_the_order_of_time_with_the_nights_between() -> None:
    club = make.program(tiers=TIERS, points={"pending_days": 1, "expiry": "days", "expiry_count": 5})
    facts = [make.order("ada", "60.00", at=NOON + timedelta(days=days), name=f"A{days}") for days in (9, 0, 1)]
    record_orders(club.retailer, facts, now=NOON + timedelta(days=9))
    enrol_everyone(club, source="import", now=NOON)
    assert undecided_orders(club.retailer) == 3

    done = catch_up(club.retailer, now=NOON + timedelta(days=30), until=date(2026, 6, 24))

    assert done is not None
    assert (done.orders, undecided_orders(club.retailer)) == (3, 0)
    assert list(Entry.objects.order_by("id").values_list("kind", "order__number")) == [
        ("earn", "A0"),
        ("activate", None),
        ("earn", "A1"),
        ("activate", None),
        ("expire", None),
        ("expire", None),
        ("earn", "A9"),
    ]
    again = catch_up(club.retailer, now=NOON + timedelta(days=30), until=date(2026, 6, 24))
    assert again is not None
    assert (again.orders, again.members) == (0, 0)


def test_imported_returns_are_decided_after_their_orders() -> None:
    from customers.facts import ReturnFact, ReturnLineFact

    club = make.program()
    record_orders(club.retailer, [make.order("ada", "60.00", "5.00", name="A1")], now=NOON)
    lines = (ReturnLineFact(Decimal(1), 1),)
    next_day = NOON + timedelta(days=1)
    record_returns(club.retailer, [ReturnFact("R1", "A1", next_day, lines)], now=next_day)
    enrol_everyone(club, source="import", now=NOON)

    done = catch_up(club.retailer, now=NOON + timedelta(days=3))

    assert done is not None
    assert (done.orders, done.returns) == (1, 1)
    assert list(Entry.objects.order_by("id").values_list("kind", "balance_after")) == [("earn", 65), ("return", 5)]


def test_the_same_history_reported_live_or_imported_comes_to_the_same() -> None:
    given = [(0, "60.00"), (3, "70.00"), (40, "10.00"), (75, "5.00")]
    settings: dict[str, Any] = {"tiers": TIERS, "points": {"pending_days": 1, "expiry": "days", "expiry_count": 30},
                "scheme": {"window": "rolling", "window_months": 1}}  # fmt: skip
    live, imported = make.program(**settings), make.program(**settings)
    ada = make.member(live, "ada", since=NOON)
    for days, amount in given:
        at = NOON + timedelta(days=days)
        run_nights(live, until=at.date(), now=at)
        make.buys(ada, amount, at=at)
    facts = [make.order("ada", amount, at=NOON + timedelta(days=days)) for days, amount in given]
    record_orders(imported.retailer, facts, now=NOON + timedelta(days=75))
    enrol_everyone(imported, source="import", now=NOON)
    catch_up(imported.retailer, now=NOON + timedelta(days=75), until=(NOON + timedelta(days=75)).date())

    def story(club: Program) -> list[tuple[str, int, int]]:
        entries = Entry.objects.filter(wallet__membership__program=club).order_by("id")
        return list(entries.values_list("kind", "available_change", "balance_after"))

    assert story(live) == story(imported)
    changes = TierChange.objects.order_by("id")
    assert [str(change) for change in changes.filter(membership__program=live)] == [
        str(change) for change in changes.filter(membership__program=imported)
    ]


def test_enrolment_is_idempotent_and_keeps_the_wording() -> None:
    club = make.program(tiers=TIERS)
    ada = make.member(club)

    (again,) = enrol(club, [(ada.customer_id, NOON)], source="web", wording="I agree.", now=NOON)

    consent = ada.customer.consents.get()
    assert (again.is_new, again.number) == (False, ada.number)
    assert (consent.purpose, consent.granted, consent.source) == ("program", True, "test")
    assert str(ada.standing.tier) == "Bronze"
    assert Event.objects.filter(type="membership.enrolled").count() == 1


def test_nobody_enrols_in_a_program_without_a_version_in_force() -> None:
    draft = make.version()
    customer = make.member(make.program(draft.program.retailer)).customer

    with pytest.raises(ProgramNotOpen):
        enrol(draft.program, [(customer.pk, NOON)], source="web", now=NOON)

    assert Lot.objects.count() == 0


def test_progress_says_what_is_missing() -> None:
    ada = make.member(make.program(tiers=TIERS))
    make.buys(ada, "130.00")

    found = progress(ada, at=NOON)

    assert (str(found.current), str(found.next), found.to_next, found.qualifying) == (
        "Silver",
        "Gold",
        Decimal(170),
        Decimal(130),
    )


@pytest.mark.parametrize("asked", [nightly.BY_CLOCK, nightly.BY_VERSION], ids=["by clock", "by version"])
def test_who_is_due_is_found_in_the_order_of_an_index_without_a_look_at_everybody(asked: str) -> None:
    club = make.program()
    asking = {"program": club.pk, "until": NOON, "now": NOON, "start": NOON, "limit": 10}
    for way in ("seqscan", "bitmapscan", "sort"):  # of few members, to read all and sort them is cheapest
        bulk.execute(f"SET LOCAL enable_{way} TO off")
    given = {name: value for name, value in asking.items() if f"%({name})s" in asked}

    plan = [line for (line,) in bulk.fetch(f"EXPLAIN {asked}", given)]

    assert [line for line in plan if "Sort" in line or "Seq Scan on memberships" in line] == []


def test_a_turn_decides_some_of_what_waits_and_leaves_time_to_the_last_one() -> None:
    ada = make.member(make.program(points={"pending_days": 0}))
    late = NOON + timedelta(days=1)
    orders = [make.order(ada, "10", at=NOON + timedelta(hours=hour)) for hour in range(3)]
    record_orders(ada.retailer, orders, now=late)

    first = catch_up(ada.retailer, now=late, most=2)
    assert first is not None
    assert (first.orders, first.is_cut, NightRun.objects.count(), undecided_orders(ada.retailer)) == (2, True, 0, 1)
    last = catch_up(ada.retailer, now=late, most=2)

    assert last is not None
    assert (last.orders, last.is_cut, NightRun.objects.count()) == (1, False, 1)
    assert make.spendable(ada, late) == 30


def test_a_turn_that_ends_with_the_last_fact_carries_out_time_at_once() -> None:
    ada = make.member(make.program(points={"pending_days": 0}))
    record_orders(ada.retailer, [make.order(ada, "10"), make.order(ada, "5")], now=NOON)

    found = catch_up(ada.retailer, now=NOON, most=2)

    assert found is not None
    assert (found.orders, found.is_cut, NightRun.objects.count()) == (2, False, 1)
