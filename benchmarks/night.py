"""
What a night costs: of many members one in a hundred is due, and then nobody.

    make bench NAME=night [QUICK=1]
"""

import os
import sys
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.db import connection  # noqa: E402

from benchmarks.measuring import (  # noqa: E402
    MICRO,
    Cost,
    Figure,
    arguments,
    backend_cpu,
    judge,
    measure,
    own_database,
    self_cpu,
    show,
)
from benchmarks.shop import NOW, START, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.core.calendar import midnight  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.activity.models import NightRun  # noqa: E402
from loyalty.activity.nightly import run_nights  # noqa: E402
from loyalty.points.proof import require_proof  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402

MILLION = 1_000_000
CHUNK = 100_000
ONE_OF = 100  # members is due
POINTS = 100


def main() -> int:
    asked = arguments(__doc__).parse_args()
    members = 20_000 if asked.quick else MILLION
    own_database()
    shop = open_shop(0)
    program = Program.objects.get(retailer=shop)
    seed(shop, program, members)
    nights: list[NightRun] = []

    def night() -> None:
        nights.append(run_nights(program, until=NOW.date(), now=NOW))

    due = measure(night, members // ONE_OF)
    # Of the server our own connection alone: vacuum and checkpoints of all that was seeded are no part of the question.
    ours, servers = self_cpu(), backend_cpu()
    night()
    nobody = Cost((self_cpu() - ours) * MICRO, (backend_cpu() - servers) * MICRO)
    require_proof()
    assert nights[-1].members == members // ONE_OF, "who is due is advanced once"
    assert nights[-1].expired == POINTS * nights[-1].members, "their points expire"
    assert nights[-1].moved == nights[-1].members, "each loses its tier"
    show(f"A night of {members:,} members", {"each that is due": due, "nobody is due, in all": nobody})
    return judge([
        Figure("night_of_one_percent_due_cpu", due.total * nights[-1].members / MICRO, "s", 60 * members / MILLION),
        Figure("night_of_nobody_due_cpu", nobody.total / MICRO, "s", 0.1),
        Figure("night_member_due_cpu", due.total, "us"),
    ])  # fmt: skip


def seed(shop: Retailer, program: Program, members: int) -> None:
    """
    Make members with points by SQL: by the API a million would take hours.

    Who is due has points that end, and a tier above what it has earned.
    """
    at = midnight(NOW.date(), program.tzinfo)
    parameters: dict[str, Any] = {"shop": shop.pk, "program": program.pk, "start": START, "points": POINTS, "one_of": ONE_OF,
                  "due": at, "later": at + timedelta(days=400)}  # fmt: skip
    # The keys hold by construction; to check each row's would take longer than all the rest.
    bulk.execute("SET session_replication_role TO replica")
    for first in range(0, members, CHUNK):
        with connection.cursor() as cursor:
            cursor.execute(SEED, {**parameters, "first": first, "last": min(first + CHUNK, members) - 1})
    bulk.execute("SET session_replication_role TO DEFAULT")
    bulk.execute("VACUUM ANALYZE")


SEED = """
WITH made AS MATERIALIZED (
    SELECT n, gen_random_uuid() AS customer, gen_random_uuid() AS member, gen_random_uuid() AS lot,
        gen_random_uuid() AS entry, CASE WHEN n %% %(one_of)s = 0 THEN %(due)s ELSE %(later)s END::timestamptz AS ends_at
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
), customers AS (
    INSERT INTO customers_customer (id, retailer_id, external_id, email, phone, first_name, last_name, language,
        acquisition_channel, identified_at, recorded_at)
    SELECT customer, %(shop)s, 'c' || n, '', '', '', '', '', '', %(start)s, %(start)s FROM made
), members AS (
    INSERT INTO memberships_membership (id, retailer_id, program_id, customer_id, number, source, enrolled_at,
        recorded_at, started_at, next_due_at)
    SELECT member, %(shop)s, %(program)s, customer, lpad(n::text, 16, '0'), 'bench', %(start)s, %(start)s, %(start)s, ends_at
    FROM made
), tiers AS (
    INSERT INTO tiers_standing (membership_id, retailer_id, program_id, tier_id, since, gifts_missing)
    SELECT m.member, %(shop)s, %(program)s, t.id, %(start)s, 0
    FROM made m JOIN tiers_tier t ON t.code = CASE WHEN n %% %(one_of)s = 0 THEN 'silver' ELSE 'bronze' END
), wallets AS (
    INSERT INTO points_wallet (retailer_id, membership_id, code, available, pending, held, owed, shortfall)
    SELECT %(shop)s, member, 'points', %(points)s, 0, 0, 0, 0 FROM made RETURNING id, membership_id
), lots AS (
    INSERT INTO points_lot (id, retailer_id, wallet_id, version_id, amount, earned_at, active_at, expires_at, pending,
        available, held, activation_event, expires_on_inactivity)
    SELECT m.lot, %(shop)s, w.id, (SELECT id FROM programs_programversion), %(points)s, %(start)s, %(start)s, ends_at, 0,
        %(points)s, 0, '', false
    FROM made m JOIN wallets w ON w.membership_id = m.member
), entries AS (
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, occurred_at, recorded_at, available_change,
        pending_change, owed_change, shortfall_change, balance_after, explanation)
    SELECT m.entry, %(shop)s, w.id, 'adjust', 'seed', %(start)s, %(start)s, %(points)s, 0, 0, 0, %(points)s, '{}'
    FROM made m JOIN wallets w ON w.membership_id = m.member
)
INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
SELECT %(shop)s, entry, lot, 'issued', 'available', %(points)s FROM made
"""


if __name__ == "__main__":
    sys.exit(main())
