"""
What it costs to write to members: a night in which twelve journeys look for them, and the way of each message.

    make bench NAME=engagement [QUICK=1]

First of few members and then of many: the cost of each must stay the same.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.db import connection  # noqa: E402

from benchmarks.measuring import MICRO, Cost, Figure, arguments, judge, measure, own_database, show  # noqa: E402
from benchmarks.shop import NOW, START, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.core.ids import new_id  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity.models import NightRun  # noqa: E402
from loyalty.campaigns.journeys.advancing import advance_due  # noqa: E402
from loyalty.campaigns.journeys.candidates import Candidate  # noqa: E402
from loyalty.campaigns.journeys.entering import NewEntry, enter  # noqa: E402
from loyalty.campaigns.journeys.looking_again import look_again  # noqa: E402
from loyalty.campaigns.journeys.nights import find_due  # noqa: E402
from loyalty.campaigns.journeys.triggers import candidates  # noqa: E402
from loyalty.campaigns.messages.claiming import BATCH, Claimed, claim  # noqa: E402
from loyalty.campaigns.messages.rendering import Rendered  # noqa: E402
from loyalty.campaigns.messages.settling import Answered, settle  # noqa: E402
from loyalty.campaigns.models import (  # noqa: E402
    Campaign,
    CampaignVersion,
    Entry,
    FrequencyCap,
    Message,
    MessageChannel,
    SendingHours,
    Step,
    StepText,
)
from loyalty.campaigns.publishing.managing import publish  # noqa: E402
from loyalty.campaigns.rules.triggers import reads_profile  # noqa: E402
from loyalty.campaigns.transports import Accepted  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402

MILLION = 1_000_000
CHUNK = 10_000  # members: a hundred thousand at once are joined row by row
DAY = timedelta(days=1)
TODAY = NOW.date()
JOURNEYS: tuple[Mapping[str, Any], ...] = (
    {"kind": "birthday"},
    {"kind": "birthday", "days_before": 7},
    {"kind": "birthday", "days_before": 30, "tiers": ["silver"]},
    {"kind": "points_expiring", "days": 60, "points": 200},
    {"kind": "points_expiring", "days": 30},
    {"kind": "points_expiring", "days": 14},
    {"kind": "points_expiring", "days": 3},
    {"kind": "lapsed", "days": 60},
    {"kind": "lapsed", "days": 90, "segments": ["low_value_at_risk"]},
    {"kind": "lapsed", "days": 120},
    {"kind": "lapsed", "days": 365},
    {"kind": "enrolled"},
)
DEAREST = 7  # it looks for each member's last order, and finds most of those who have not bought lately
SAID = Rendered("en", "Good day", "How are you?")


@dataclass(frozen=True)
class Costs:
    """What one size of shop costs: the nights as a whole, per member; all else for each entry or message."""

    entered: int
    first: Cost
    again: Cost
    forgotten: Cost
    entering: Cost
    planning: Cost
    claiming: Cost
    settling: Cost

    @property
    def message(self) -> float:
        return self.claiming.total + self.settling.total


def main() -> int:
    asked = arguments(__doc__).parse_args()
    few, many = (2_000, 20_000) if asked.quick else (10_000, MILLION)
    own_database()
    small, large = cost_of(few, few), cost_of(many, few)
    for members, costs in ((few, small), (many, large)):
        show(f"{members:,} members", {
            f"a night, {costs.entered:,} enter, per member": costs.first,
            "again after it was killed, per member": costs.again,
            "again, as if no journey had been, per member": costs.forgotten,
            "entering, per entry": costs.entering, "planning, per entry": costs.planning,
            "claiming, per message": costs.claiming, "settling, per message": costs.settling,
        })  # fmt: skip
    seconds = many / MICRO
    return judge([
        Figure("night_of_twelve_journeys_cpu", large.first.total * seconds, "s", 10 * many / MILLION),
        Figure("night_again_cpu", large.again.total * seconds, "s", 2 * many / MILLION),
        Figure("night_forgotten_cpu", large.forgotten.total * seconds, "s"),
        Figure("planning_cpu", large.planning.total, "us", 150),
        Figure("claim_and_settle_cpu", large.message, "us", 60),
        Figure("night_growth", large.first.total / small.first.total, "x", 1.25),
        Figure("planning_growth", large.planning.total / small.planning.total, "x", 1.25),
        Figure("claim_and_settle_growth", large.message / small.message, "x", 1.25),
    ])  # fmt: skip


def cost_of(members: int, sample: int) -> Costs:
    """Return what writing to a shop's members costs, by a sample of them as large whatever the shop."""
    shop = open_shop(0)
    program = Program.objects.get(retailer=shop)
    seed(shop, program, members)
    SendingHours.objects.create(retailer=shop, quiet_from=time(0), quiet_to=time(0))
    MessageChannel.objects.create(retailer=shop, channel="email", provider="mail")
    FrequencyCap.objects.create(retailer=shop, limit=10, days=7)
    journeys = [journey(program, f"journey-{place}", trigger) for place, trigger in enumerate(JOURNEYS)]
    said_once = journey(program, "sample", {"kind": "cart"})
    for each in journeys:
        enter_before(each)
    NightRun.objects.create(program=program, day=TODAY, until=NOW, ran_at=NOW)
    bulk.execute("VACUUM ANALYZE")
    bulk.execute("CHECKPOINT")
    bulk.replan()
    entering, planning, claiming, settling = cost_of_sample(shop, said_once, members, sample)
    entered: list[int] = []

    def night() -> None:
        entered.append(find_due(shop, now=NOW))

    first = measure(night, members)
    # Each journey writes down that the day was done: one that was killed leaves one that did not, here the dearest.
    Campaign.objects.filter(pk=journeys[DEAREST].pk).update(found_until=TODAY - DAY)
    again = measure(night, members)
    Campaign.objects.filter(retailer=shop).update(found_until=TODAY - DAY)
    forgotten = measure(night, members)
    assert entered[0] > 0, "somebody enters"
    assert entered[1:] == [0, 0], "nobody enters twice"
    return Costs(entered[0], first, again, forgotten, entering, planning, claiming, settling)


def cost_of_sample(shop: Retailer, said_once: Campaign, members: int, sample: int) -> tuple[Cost, Cost, Cost, Cost]:
    """Return what it costs to let some members enter, to plan a message for each, to claim it and to settle it."""
    version = said_once.version
    assert version is not None
    names = [f"c{place * (members // sample)}" for place in range(sample)]
    ids = bulk.fetch(
        "SELECT id FROM customers_customer WHERE retailer_id = %s AND external_id = ANY(%s)", [shop.pk, names]
    )
    found = [Candidate(customer, "cart:1", None) for (customer,) in ids]
    claimed: list[Claimed] = []

    def claim_all() -> None:
        while (some := claim(shop, now=NOW, look_again=look_again)).recipients:
            claimed.extend(some.claimed)

    def settle_all() -> None:
        for batch in batches(claimed, BATCH):
            answers = [Answered(each, SAID, Accepted(str(each.message.due.id))) for each in batch]
            settle(shop, answers, now=NOW)

    costs = (
        measure(lambda: entered(enter(said_once, version, found, entered_at=NOW, now=NOW), sample), sample),
        measure(lambda: drain(shop), sample),
        measure(claim_all, sample),
        measure(settle_all, sample),
    )
    accepted = Message.objects.filter(campaign=said_once, state=Message.State.ACCEPTED).count()
    assert accepted == sample, "each gets its message"
    return costs


def entered(done: int, wanted: int) -> None:
    assert done == wanted, "each enters"


def drain(shop: Retailer) -> None:
    while advance_due(shop, now=NOW):
        pass


def batches(rows: list[Claimed], size: int) -> Iterator[list[Claimed]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def journey(program: Program, code: str, trigger: Mapping[str, Any]) -> Campaign:
    """Return a journey that has looked for members until yesterday, and says one thing at once."""
    owner = program.retailer
    row = Campaign.objects.create(
        retailer=owner, program=program, code=code, name=code, kind="journey", created_at=START, found_until=TODAY - DAY
    )
    version = CampaignVersion.objects.create(
        campaign=row, retailer=owner, number=1, kind="marketing", trigger=dict(trigger), uses_profile=reads_profile(trigger),
        exits=[{"fact": "order", "goal": True}],
    )  # fmt: skip
    step = Step.objects.create(version=version, retailer=owner, position=0, kind="message", channels=["email"])
    for language in ("en", "fr"):
        StepText.objects.create(
            step=step, retailer=owner, channel="email", language=language, subject="Good day", body="How are you?"
        )  # fmt: skip
    publish(version, author="bench", now=START)
    return Campaign.objects.select_related("program__retailer", "version").get(pk=row.pk)


def enter_before(campaign: Campaign) -> None:
    """Let those have entered whom the nights before found; they are through with it."""
    version = campaign.version
    assert version is not None
    known = (campaign.retailer_id, campaign.pk, version.pk)
    at = NOW - DAY
    bulk.insert(Entry, NewEntry._fields, [
        NewEntry(
            new_id(), *known, each.customer_id, each.occurrence, each.about, "", is_held_out=False, entered_at=at,
            exposure_at=at, step=1, next_at=None, ended_at=at, reason="completed",
        )
        for each in candidates(campaign, version, TODAY - DAY)
    ])  # fmt: skip


# Those that only find rows; unique ones judge them too.
INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relname = ANY(%s) AND NOT i.indisunique
"""
SEEDED = [
    "customers_customer", "customers_order", "customers_consent", "customers_insight", "memberships_membership",
    "tiers_standing", "points_wallet", "points_lot", "campaigns_message",
]  # fmt: skip


@contextmanager
def indexed_afterwards(tables: list[str]) -> Iterator[None]:
    """Fill tables as a restore does: indexes that find texts take longer with each row than all of them at the end."""
    indexes = bulk.fetch(INDEXES, [tables])
    for name, _ in indexes:
        bulk.execute(f"DROP INDEX {name}")
    yield
    bulk.execute("SET maintenance_work_mem TO '512MB'")
    for _, definition in indexes:
        bulk.execute(definition)


def seed(shop: Retailer, program: Program, members: int) -> None:
    """
    Make members with points, orders, consents and messages by SQL: by the API a million would take hours.

    One in five has not bought for 60 days or more, one in 365 has its birthday, and each has points that end some day.
    """
    parameters: dict[str, Any] = {"shop": shop.pk, "program": program.pk, "now": NOW, "today": TODAY}
    bulk.execute("SET session_replication_role TO replica")
    with indexed_afterwards(SEEDED):
        for first in range(0, members, CHUNK):
            given = {**parameters, "first": first, "last": min(first + CHUNK, members) - 1}
            with connection.cursor() as cursor:
                cursor.execute(SEED, given)
    bulk.execute("SET session_replication_role TO DEFAULT")
    bulk.execute("VACUUM ANALYZE")


SEED = """
WITH made AS MATERIALIZED (
    SELECT n, uuidv7() AS customer, uuidv7() AS member, %(now)s::timestamptz - interval '1 day' * (n %% 700 + 1)
        AS since, %(today)s::date - CASE WHEN n %% 5 = 0 THEN 60 + n / 5 %% 305 ELSE n %% 60 END AS last_on
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
), customers AS (
    INSERT INTO customers_customer (id, retailer_id, external_id, email, phone, first_name, last_name, birth_date, language,
        acquisition_channel, identified_at, recorded_at)
    SELECT customer, %(shop)s, 'c' || n, 'c' || n || '@example.com', '', 'Ada', '', date '1980-01-01' + n %% 365, '', '', since,
        since FROM made
), members AS (
    INSERT INTO memberships_membership (id, retailer_id, program_id, customer_id, number, source, enrolled_at, recorded_at,
        started_at)
    SELECT member, %(shop)s, %(program)s, customer, lpad(n::text, 16, '0'), 'bench', since, since, since FROM made
), tiers AS (
    INSERT INTO tiers_standing (membership_id, retailer_id, program_id, tier_id, since, gifts_missing)
    SELECT m.member, %(shop)s, %(program)s, t.id, m.since, 0 FROM made m
    JOIN tiers_tier t ON t.version_id = (SELECT id FROM programs_programversion WHERE program_id = %(program)s)
        AND t.code = CASE WHEN n %% 20 = 0 THEN 'silver' ELSE 'bronze' END
), wallets AS (
    INSERT INTO points_wallet (retailer_id, membership_id, code, available, pending, held, owed, shortfall)
    SELECT %(shop)s, member, 'points', 200, 0, 0, 0, 0 FROM made RETURNING id, membership_id
), lots AS (
    INSERT INTO points_lot (id, retailer_id, wallet_id, version_id, amount, earned_at, active_at, expires_at, pending, available,
        held, activation_event, expires_on_inactivity)
    SELECT uuidv7(), %(shop)s, w.id, (SELECT id FROM programs_programversion WHERE program_id = %(program)s), 100,
        m.since, m.since, %(now)s::timestamptz + interval '1 day' * ((n + half * 371) %% 730 + 1), 0, 100, 0, '', false
    FROM made m JOIN wallets w ON w.membership_id = m.member CROSS JOIN generate_series(0, 1) AS half
), orders AS (
    INSERT INTO customers_order (id, retailer_id, customer_id, number, occurred_at, local_date, currency, net_amount,
        shipping_amount, channel, store, promotion_code, is_gift, identified_by, paid_with_points, redemptions, version,
        content_hash, recorded_at)
    SELECT uuidv7(), %(shop)s, customer, n || '-' || before, last_on - before, last_on - before, 'EUR', 12, 0, 'web', '',
        '', false, '', 0, '[]', 1, '\\x00112233445566778899aabbccddeeff', last_on
    FROM made CROSS JOIN unnest(ARRAY[0, 20]) AS before
), consents AS (
    INSERT INTO customers_consent (customer_id, purpose, granted, occurred_at, source, wording, recorded_at)
    SELECT customer, purpose, true, since, 'bench', '', since
    FROM made CROSS JOIN unnest(ARRAY['email', 'program', 'profiling']) AS purpose
), insights AS (
    INSERT INTO customers_insight (customer_id, run_id, as_of, horizon_days, currency, historic_revenue, segment, tags,
        life_stage, rfm, favourite_category, favourite_brand)
    SELECT customer, 1, %(today)s, 365, 'EUR', 24, CASE n %% 10 WHEN 0 THEN 'low_value_at_risk' ELSE 'loyal_low_value' END,
        '{}', '', '', '', ''
    FROM made
)
INSERT INTO campaigns_message (
    id, retailer_id, customer_id, cause, kind, ground, needs_profiling, is_urgent, on_cap, priority, channels, tags, "values",
    planned_at, due_at, expires_at, state, reason, rule, channel, address_hash, tries, is_resent, claimed_at, settled_at,
    provider_id, language, rendered_hash, subject, body, button, link)
SELECT uuidv7(), %(shop)s, customer, 'seed:' || n || ':' || ago, 'marketing', 'consent', false, false, 'wait', 10,
    '{email}', '{}', '{}', at, at, at + interval '3 days', 'accepted', '', '', 'email', md5(n::text), 1, false, at, at,
    md5(n::text), 'en', md5(n::text), '', '', '', ''
FROM made CROSS JOIN unnest(ARRAY[3, 20]) AS ago CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - interval '1 day' * ago AS at) a
"""


if __name__ == "__main__":
    sys.exit(main())
