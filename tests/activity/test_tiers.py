"""Up at once, down as the program chose: each promise with its dates."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q

from customers.facts import InteractionFact
from loyalty.activity.account.spending import redeem
from loyalty.activity.explaining import rule_names, said_by
from loyalty.activity.intake import take_interactions
from loyalty.activity.nightly import run_nights
from loyalty.activity.progress import progress
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.points.models import Entry, Lot, PointsPolicy
from loyalty.tiers.models import Tier, TierChange
from tests import make
from tests.make import NOON, given, on, spendable

pytestmark = pytest.mark.django_db

STEPS = (("bronze", "0", "1"), ("silver", "100", "1"), ("gold", "300", "1"))


def club(
    *,
    since: datetime = make.START,
    tiers: Any = STEPS,
    points: Any = None,
    changes: dict[str, dict[str, Any]] | None = None,
    **scheme: Any,
) -> Any:
    """Return a program; changes are fields of tiers by their codes."""
    draft = make.version(tiers=tiers, points=points, scheme=scheme)
    for code, fields in (changes or {}).items():
        Tier.objects.filter(version=draft, code=code).update(**fields)
    return publish(draft, effective_from=since, now=make.START).program


def nights(who: Membership, until: str) -> None:
    run_nights(who.program, until=date.fromisoformat(until), now=NOON)


def story(who: Membership) -> list[tuple[str, str]]:
    changes = TierChange.objects.filter(membership=who).order_by("id")
    return [(str(change), f"{change.occurred_at:%Y-%m-%d}") for change in changes]


def test_by_balance_a_night_goes_up_before_it_expires_and_down_after_it() -> None:
    policy = {"pending_days": 1, "expiry": "days", "expiry_count": 10}
    steps = (("bronze", "0", "1"), ("silver", "100", "1"))
    ada = make.member(club(tiers=steps, points=policy, basis="balance", window="lifetime"))
    make.buys(ada, "40.00", at=on("2026-06-04T12:00"))  # active on the 5th, spendable through the 15th
    make.buys(ada, "40.00", at=on("2026-06-10T12:00"))
    nights(ada, "2026-06-15")
    make.buys(ada, "30.00", at=on("2026-06-15T12:00"))
    assert (make.wallet_of(ada).available, make.wallet_of(ada).pending, story(ada)) == (80, 30, [])

    nights(ada, "2026-06-16")

    assert story(ada) == [("Bronze → Silver", "2026-06-16"), ("Silver → Bronze", "2026-06-16")]
    told = Event.objects.filter(type__in=["tier.changed", "points.expired"]).order_by("id")
    assert [event.type for event in told] == ["tier.changed", "points.expired", "tier.changed"]
    about = {"program": ada.program.slug, "member": ada.number}
    assert told[0].payload == {**about, "from": "bronze", "to": "silver", "cause": "night:2026-06-16"}
    assert make.wallet_of(ada).available == 70


def test_spending_costs_no_status_but_a_return_undoes_the_entry_and_its_unspent_gift() -> None:
    changes = {"silver": {"entry_gift": 70}}
    steps = (("bronze", "0", "1"), ("silver", "500", "1"))
    ada = make.member(club(tiers=steps, changes=changes, basis="points", window="calendar_year", downgrade="never"))
    make.buys(ada, "450.00", at=NOON)
    bought = make.buys(ada, "150.00", at=NOON + timedelta(hours=1))
    redeem(ada, 400, reference="tent", now=NOON + timedelta(hours=2))
    nights(ada, "2026-06-17")
    assert (str(ada.standing.tier), spendable(ada, NOON + timedelta(days=2))) == ("Silver", 270)

    make.returns(ada, bought, (1, "1"), at=NOON + timedelta(days=3))

    ada.standing.refresh_from_db()
    assert str(ada.standing.tier) == "Bronze"
    assert spendable(ada, NOON + timedelta(days=3)) == 50
    kinds = Entry.objects.order_by("id").values_list("kind", "available_change")
    assert list(kinds) == [
        ("earn", 450),
        ("earn", 150),
        ("earn", 70),
        ("redeem", -400),
        ("return", -150),
        ("return", -70),
    ]
    entries = list(Entry.objects.order_by("id"))
    words = [said_by(entry, rule_names(ada.program_id, entries)) for entry in (entries[2], entries[-1])]
    assert words == [
        ["Gift on entering the tier Silver"],
        ["A return undid the entry for which it was given: 70 points taken back"],
    ]


def test_a_gift_that_was_spent_is_owed_like_the_order_that_gave_it() -> None:
    ada = make.member(club(changes={"silver": {"entry_gift": 70}}, points={"on_return": "allow_negative"}))
    bought = make.buys(ada, "100.00")
    redeem(ada, 160, reference="tent", now=NOON)

    make.returns(ada, bought, (1, "1"))

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.owed) == (0, 160)


def test_each_entry_gives_its_gift_and_so_does_each_step_that_is_passed() -> None:
    changes = {"silver": {"entry_gift": 5}, "gold": {"entry_gift": 7}}
    program = club(changes=changes, window="rolling", window_months=1)
    at_once, slowly = make.member(program), make.member(program)
    make.buys(at_once, "300.00")
    make.buys(slowly, "150.00")
    make.buys(slowly, "150.00", at=NOON + timedelta(minutes=1))
    nights(at_once, "2026-07-20")

    make.buys(slowly, "100.00", at=on("2026-07-20T12:00"))

    assert [story(who)[-1][0] for who in (at_once, slowly)] == ["Gold → Bronze", "Bronze → Silver"]
    gifts = Lot.objects.exclude(gift="").order_by("wallet__membership", "id")
    assert [(lot.wallet.membership == slowly, lot.gift, lot.amount) for lot in gifts if lot.earned_at < on("2026-07-01")] == [
        (False, "silver", 5), (False, "gold", 7), (True, "silver", 5), (True, "gold", 7),
    ]  # fmt: skip
    assert [lot.gift for lot in gifts if lot.earned_at >= on("2026-07-01")] == ["silver"]


def test_a_return_undoes_the_steps_that_it_undoes_and_no_more() -> None:
    changes = {"silver": {"entry_gift": 5}, "gold": {"entry_gift": 7}}
    ada = make.member(club(changes=changes, downgrade="period_end"))
    first = make.buys(ada, "150.00")
    second = make.buys(ada, "100.00", "50.00", at=NOON + timedelta(minutes=1))
    make.returns(ada, second, (2, "1"), at=NOON + timedelta(days=1))
    assert [change for change, _ in story(ada)] == ["Bronze → Silver", "Silver → Gold", "Gold → Silver"]

    make.returns(ada, first, (1, "1"), at=NOON + timedelta(days=2))

    assert [change for change, _ in story(ada)][3:] == []  # 100 are left, and were there when Gold was entered
    make.returns(ada, second, (1, "1"), at=NOON + timedelta(days=3))
    assert [change for change, _ in story(ada)][3:] == ["Silver → Bronze"]
    assert make.wallet_of(ada).available == 0


def test_a_member_that_may_not_fall_does_not_fall() -> None:
    ada = make.member(club(downgrade="never", window="rolling", window_months=1))
    make.buys(ada, "100.00")

    nights(ada, "2026-12-31")

    assert [change for change, _ in story(ada)] == ["Bronze → Silver"]


@pytest.mark.parametrize(
    ("grace", "falls"),
    [({"grace_days": 10}, "2026-07-26"), ({"grace_days": 20, "grace_to_month_end": True}, "2026-09-01")],
)
def test_grace_runs_through_the_last_second_of_its_last_day(grace: dict[str, Any], falls: str) -> None:
    ada = make.member(club(downgrade="grace", window="rolling", window_months=1, **grace))
    make.buys(ada, "100.00")  # on 15 June: from 15 July it counts no more
    day_before = date.fromisoformat(falls) - timedelta(days=1)

    nights(ada, day_before.isoformat())
    found = progress(ada, at=datetime(day_before.year, day_before.month, day_before.day, 23, 59, 59, tzinfo=UTC))
    kept = [change for change, _ in story(ada)]
    nights(ada, falls)

    assert (kept, str(found.current), found.keeps_through) == (["Bronze → Silver"], "Silver", day_before)
    assert story(ada)[-1] == ("Silver → Bronze", falls)


def test_who_qualifies_again_within_the_grace_stays_and_a_later_grace_is_a_whole_one() -> None:
    ada = make.member(club(downgrade="grace", grace_days=10, window="rolling", window_months=1))
    make.buys(ada, "100.00")
    nights(ada, "2026-07-20")
    make.buys(ada, "100.00", at=on("2026-07-20T12:00"))
    ada.standing.refresh_from_db()
    assert ada.standing.protected_until is None

    nights(ada, "2026-09-01")

    assert story(ada)[1:] == [("Silver → Bronze", "2026-08-31")]


def test_at_the_end_of_a_year_a_tier_is_judged_by_that_year_and_kept_through_the_next() -> None:
    ada = make.member(club(downgrade="period_end", window="calendar_year"))
    make.buys(ada, "300.00")
    nights(ada, "2027-01-01")
    ada.standing.refresh_from_db()
    assert (str(ada.standing.tier), ada.standing.protected_until) == ("Gold", date(2028, 1, 1))
    make.buys(ada, "100.00", at=on("2027-06-01T12:00"))

    nights(ada, "2028-01-01")

    assert story(ada)[1:] == [("Gold → Silver", "2028-01-01")]


def test_a_year_of_membership_that_began_on_a_leap_day() -> None:
    steps = (("bronze", "0", "1"), ("silver", "100", "1"))
    program = club(tiers=steps, downgrade="at_once", window="membership_year", since=on("2024-01-01"))
    ada = make.member(program, since=datetime(2024, 2, 29, 9, tzinfo=UTC))
    make.buys(ada, "100.00", at=on("2026-02-28T12:00"))

    nights(ada, "2027-02-27")
    kept = [change for change, _ in story(ada)]
    nights(ada, "2027-02-28")

    assert (kept, story(ada)[1:]) == (["Bronze → Silver"], [("Silver → Bronze", "2027-02-28")])


def test_a_soft_landing_takes_one_step_a_night_and_one_a_grace() -> None:
    at_once = make.member(club(soft_landing=True, window="rolling", window_months=1))
    graceful = make.member(club(soft_landing=True, downgrade="grace", grace_days=3, window="rolling", window_months=1))
    for who in (at_once, graceful):
        make.buys(who, "300.00")
        nights(who, "2026-08-01")

    assert story(at_once)[1:] == [("Gold → Silver", "2026-07-15"), ("Silver → Bronze", "2026-07-16")]
    assert story(graceful)[1:] == [("Gold → Silver", "2026-07-19"), ("Silver → Bronze", "2026-07-23")]


def test_what_counts_for_a_lifetime_is_never_left_behind() -> None:
    ada = make.member(club(window="lifetime"))
    for month in (1, 3, 6):
        make.buys(ada, "40.00", at=on(f"2026-0{month}-15T12:00"))

    nights(ada, "2028-01-01")

    assert story(ada) == [("Bronze → Silver", "2026-06-15")]


def test_orders_and_visits_count_besides_money() -> None:
    changes = {"silver": {"also_orders": 2}, "gold": {"also_visits": 3}}
    both = make.member(club(changes=changes))
    either = make.member(club(changes=changes, combination="any"))
    for who in (both, either):
        make.buys(who, "120.00")
        facts = [
            InteractionFact(f"v{n}", who.customer.external_id, "visit", NOON + timedelta(hours=n)) for n in range(3)
        ]
        take_interactions(who.program.retailer, facts, now=NOON + timedelta(hours=3))
        again = make.buys(who, "1.00", at=NOON + timedelta(hours=4))
        make.returns(who, again, (1, "1"), at=NOON + timedelta(hours=5))

    assert [change for change, _ in story(both)] == ["Bronze → Silver", "Silver → Bronze"]
    assert [change for change, _ in story(either)] == ["Bronze → Silver", "Silver → Gold"]
    found = progress(both, at=NOON + timedelta(hours=6))
    assert (found.missing, found.is_any) == ((("orders", Decimal(1)),), False)


def test_points_live_longer_in_a_higher_tier() -> None:
    policy = {"expiry": "end_of_month", "expiry_count": 0}
    ada = make.member(club(changes={"silver": {"extra_months": 2}}, points=policy))
    for hours in (0, 1):
        make.buys(ada, "100.00", at=on("2026-02-10T12:00") + timedelta(hours=hours))

    ends = Lot.objects.order_by("id").values_list("expires_at", flat=True)

    assert list(ends) == [on("2026-03-01"), on("2026-05-01")]


def test_a_gift_of_a_wallet_that_dies_of_inactivity_dies_too() -> None:
    policy = {"expiry": "inactivity", "expiry_count": 1}
    ada = make.member(club(basis="visits", changes={"silver": {"entry_gift": 25, "threshold": 1}}, points=policy))
    seen = InteractionFact("v1", ada.customer.external_id, "visit", on("2026-02-10T12:00"))
    take_interactions(ada.program.retailer, [seen], now=on("2026-02-10T12:00"))  # gives no points of its own

    nights(ada, "2026-03-10")
    alive = make.wallet_of(ada).available
    nights(ada, "2026-03-11")

    assert (alive, make.wallet_of(ada).available) == (25, 0)


def test_gold_lowered_from_an_instant_moves_each_member_once_and_nobody_before() -> None:
    steps = (("bronze", "0", "1"), ("gold", "1000", "1"))
    program = club(tiers=steps, window="lifetime")
    members = {amount: make.member(program, f"m{amount}") for amount in (700, 799, 800, 950, 999, 1000)}
    for amount, who in members.items():
        make.buys(who, f"{amount}.00", at=on("2026-08-01T12:00"))
    draft = open_draft(program)
    Tier.objects.filter(version=draft, code="gold").update(threshold=800)
    publish(draft, effective_from=on("2026-10-01"), now=on("2026-09-01"))

    nights(members[950], "2026-09-30")
    make.buys(members[950], "1.00", at=on("2026-09-30T23:59:59"))
    before = {amount: len(story(who)) for amount, who in members.items()}
    nights(members[950], "2026-10-03")

    assert before == {700: 0, 799: 0, 800: 0, 950: 0, 999: 0, 1000: 1}
    assert {amount: story(who) for amount, who in members.items()} == {
        700: [], 799: [],
        800: [("Bronze → Gold", "2026-10-01")],
        950: [("Bronze → Gold", "2026-10-01")],
        999: [("Bronze → Gold", "2026-10-01")],
        1000: [("Bronze → Gold", "2026-08-01")],
    }  # fmt: skip
    assert Event.objects.filter(type="tier.changed").count() == 4


def test_what_keeps_the_tier_and_where_it_is_heading() -> None:
    ada = make.member(club(downgrade="period_end", window="calendar_year"))
    make.buys(ada, "150.00", at=on("2026-11-01T12:00"))
    nights(ada, "2027-02-01")
    make.buys(ada, "30.00", at=on("2027-02-10T12:00"))

    found = progress(ada, at=on("2027-03-01T00:00"))

    assert (str(found.current), found.keeps_through, found.to_keep) == (
        "Silver", date(2027, 12, 31), (("spend", Decimal(70)),),
    )  # fmt: skip
    # 30 in the last 90 days: 305 more days of that are 101.67, with the 30 that count already 131.67.
    assert (str(found.projected), found.projected_on) == ("Silver", date(2027, 12, 31))


@pytest.mark.parametrize("window", ["rolling", "calendar_year", "membership_year", "lifetime"])
@pytest.mark.parametrize("basis", ["spend", "points", "orders", "balance"])
def test_a_clock_is_never_late(window: str, basis: str) -> None:
    """Members who are looked at often come to the same as those who are looked at when their clock is due."""
    steps = (("bronze", "0", "1"), ("silver", "2", "1"), ("gold", "60", "1"))
    is_even = (len(window) + len(basis)) % 2 == 0
    scheme: dict[str, Any] = {"window": window, "basis": basis, "combination": "any" if is_even else "all", "window_months": 2,
              "downgrade": "grace" if len(basis) % 2 else "at_once"}  # fmt: skip
    changes = {"silver": {"also_orders": 2}, "gold": {"also_spend": 50}}
    program = club(tiers=steps, changes=changes, points={"expiry": "days", "expiry_count": 20}, grace_days=5, **scheme)
    members = [make.member(program, since=make.START + timedelta(days=3 * n)) for n in range(6)]
    twins = [make.member(program, since=make.START + timedelta(days=3 * n)) for n in range(6)]
    bought = {
        (date(2026, 2, 1) + timedelta(days=17 * n + 31 * k), n) for n in range(len(members)) for k in range(n)
    }  # fmt: skip
    for step in range(0, 330, 3):
        today = on("2026-02-01T00:00") + timedelta(days=step)
        early = Q(next_due_at__isnull=True) | Q(next_due_at__gt=today)
        Membership.objects.filter(early, pk__in=[who.pk for who in twins]).update(next_due_at=today)
        run_nights(program, until=today.date(), now=today)
        for day, n in sorted(each for each in bought if today.date() <= each[0] < today.date() + timedelta(days=3)):
            for who in (members[n], twins[n]):
                make.buys(who, f"{10 * n}.00", at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        if step == 30:
            for who in (members[0], twins[0]):
                given(who, 100, today + timedelta(hours=12))

    assert [story(who) for who in members] == [story(who) for who in twins]


def test_a_policy_without_a_wallet_for_its_points_is_refused() -> None:
    draft = make.version(tiers=STEPS, scheme={"basis": "balance", "wallet": "status"})

    with pytest.raises(Exception, match="status"):
        publish(draft, effective_from=NOON, now=NOON)
    assert PointsPolicy.objects.filter(version=draft).count() == 1
