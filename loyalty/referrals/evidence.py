"""What is known of claims at their instants: read behind the friends' locks, and one claim of a program after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.referrals.identity import email_stem, is_nearly_same_email, is_same_email, is_same_phone
from loyalty.referrals.rules import NEARLY, Evidence, FriendOrder, ReferralRules

LOCK = 7_004  # the first key of the advisory lock; the second is the program
# Who claims holds its own member alone. That two do not refer each other at one moment, and that each counts those before
# it, is seen to by this lock, which is taken last.
ALONE = "SELECT pg_advisory_xact_lock(%s, %s)"
PERSONS = """
SELECT m.id, m.customer_id, c.email, c.phone, m.left_at, (SELECT min(o.occurred_at) FROM customers_order o
    WHERE o.customer_id = c.id), h.household_id
FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
LEFT JOIN memberships_householdmember h ON h.membership_id = m.id WHERE m.id = ANY(%s)
"""
# From a referrer up to who referred it, and on; nobody is asked twice, whatever the rows say.
ABOVE = """
WITH RECURSIVE up(first, id) AS (
    SELECT a.id, a.id FROM unnest(%s::uuid[]) a(id)
    UNION
    SELECT up.first, r.advocate_id FROM up JOIN referrals_referral r ON r.friend_id = up.id
    WHERE r.status IN ('open', 'held', 'earned')
)
SELECT first, id FROM up WHERE first <> id
"""
# Also what was seen of a membership that was merged into this one.
KNOWN = """
SELECT o.whose, s.kind, s.digest FROM (
    SELECT id AS whose, id FROM unnest(%(members)s::uuid[]) AS m(id)
    UNION ALL SELECT merged_into_id, id FROM memberships_membership WHERE merged_into_id = ANY(%(members)s)
) o JOIN referrals_referralsignal s ON s.membership_id = o.id
"""
# A claim counts when it was made, by whatever was known of the claimant then or has been told since.
EARLIER = """
SELECT c.place, s.kind, count(DISTINCT r.id)
FROM (SELECT unnest(%b::integer[]) AS place, unnest(%b::bigint[]) AS program_id, unnest(%b::uuid[]) AS friend_id,
    unnest(%b::text[]) AS kind, unnest(%b::text[]) AS digest, unnest(%b::timestamptz[]) AS at, unnest(%b::integer[]) AS days) c
JOIN referrals_referralsignal s ON s.program_id = c.program_id AND s.kind = c.kind AND s.digest = c.digest
    AND s.membership_id <> c.friend_id
JOIN referrals_referral r ON r.friend_id = s.membership_id AND r.claimed_at <= c.at
    AND r.claimed_at > c.at - make_interval(days => c.days)
GROUP BY 1, 2
"""
# The latest friends of each referrer: what they did tells of the next one. Who turned out to be a friend of its own is one too:
# that referral names the membership that was merged.
FRIENDS = """
SELECT a.id, r.friend_id, r.status, r.claimed_at, c.email,
    (SELECT (o->>'amount')::numeric FROM jsonb_array_elements(r.orders) o WHERE (o->>'id')::uuid = r.order_id)
FROM unnest(%s::uuid[]) a(id) CROSS JOIN LATERAL (
    SELECT * FROM referrals_referral WHERE status <> 'refused' AND advocate_id = ANY(ARRAY(
        SELECT a.id UNION ALL SELECT id FROM memberships_membership WHERE merged_into_id = a.id))
    ORDER BY id DESC LIMIT 200
) r JOIN memberships_membership m ON m.id = r.friend_id JOIN customers_customer c ON c.id = m.customer_id
"""
# What friends had ordered since claims that are told late, as far as it was decided, and what of it is kept. Orders of who is
# just being merged are those of whom it is merged into.
ORDERS = """
SELECT c.place, o.id, o.occurred_at, greatest(k.amount - o.paid_with_points, 0), k.is_kept
FROM (SELECT unnest(%b::integer[]) AS place, unnest(%b::uuid[]) AS friend_id, unnest(%b::timestamptz[]) AS at) c
JOIN memberships_membership m ON m.id = c.friend_id JOIN customers_customer p ON p.id = m.customer_id
CROSS JOIN LATERAL (
    SELECT * FROM customers_order WHERE customer_id = CASE WHEN p.merged_into_id IS NULL THEN p.id ELSE p.merged_into_id END
        AND occurred_at >= c.at
        AND EXISTS (SELECT 1 FROM activity_orderdecision d
            WHERE d.order_id = customers_order.id AND d.membership_id = m.id AND d.version_id IS NOT NULL)
    ORDER BY occurred_at, id LIMIT 10
) o
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.net_amount - coalesce(b.amount, 0)), 0) AS amount,
        bool_or(l.quantity > coalesce(b.quantity, 0)) AS is_kept
    FROM customers_orderline l LEFT JOIN LATERAL (
        SELECT sum(rl.quantity) AS quantity, sum(rl.net_amount) AS amount FROM customers_returnline rl
        JOIN activity_returndecision d ON d.order_return_id = rl.order_return_id AND d.program_id = m.program_id
        WHERE rl.line_id = l.id
    ) b ON true WHERE l.order_id = o.id
) k ORDER BY 1, 3, 2
"""


@dataclass(frozen=True, slots=True)
class Named:
    """
    A code that was named.

    :param signals: digests of what the shop told of the friend, by kind
    """

    fact_id: UUID
    friend_id: UUID
    advocate_id: UUID
    code: str
    at: datetime
    program_id: int
    rules: ReferralRules
    signals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is behind a membership."""

    customer_id: UUID
    email: str
    phone: str
    left_at: datetime | None
    bought_at: datetime | None
    household_id: UUID | None


@dataclass(frozen=True, slots=True)
class Friend:
    """An earlier friend of a referrer."""

    friend_id: UUID
    status: str
    claimed_at: datetime
    email: str
    amount: Decimal | None


def let_claim_alone(programs: Iterable[int]) -> None:
    """Let one transaction at a time judge claims of a program."""
    for program_id in sorted(programs):
        bulk.fetch(ALONE, [LOCK, program_id])


def load_evidence(named: Sequence[Named]) -> dict[UUID, Evidence]:
    """Return what is known of claims, by the fact that named the code: a fixed number of statements."""
    advocates = sorted({each.advocate_id for each in named})
    members = sorted({*advocates, *(each.friend_id for each in named)})
    persons = {key: Person(*row) for key, *row in bulk.fetch(PERSONS, [members])}
    above: dict[UUID, set[UUID]] = {}
    for first, key in bulk.fetch(ABOVE, [advocates]):
        above.setdefault(first, set()).add(key)
    known: dict[UUID, set[tuple[str, str]]] = {}
    for key, kind, digest in bulk.fetch(KNOWN, {"members": members}):
        known.setdefault(key, set()).add((kind, digest))
    friends: dict[UUID, list[Friend]] = {}
    for key, *friend in bulk.fetch(FRIENDS, [advocates]):
        friends.setdefault(key, []).append(Friend(*friend))
    earlier = _load_earlier(named, known)
    return {
        each.fact_id: _evidence(
            each, persons, above.get(each.advocate_id, set()), known, friends.get(each.advocate_id, []), earlier[place]
        )
        for place, each in enumerate(named)
    }


def load_orders_since(named: Sequence[Named]) -> dict[UUID, tuple[FriendOrder, ...]]:
    """Return what friends ordered since their claims, by the fact that named the code."""
    ordered = _load_orders([(each.friend_id, each.at) for each in named])
    return {each.fact_id: orders for each, orders in zip(named, ordered, strict=True) if orders}


def load_orders_of(membership_id: UUID, since: datetime) -> tuple[FriendOrder, ...]:
    """Return what a member ordered since an instant, the earliest first."""
    return _load_orders([(membership_id, since)])[0]


def _load_orders(asked: Sequence[tuple[UUID, datetime]]) -> list[tuple[FriendOrder, ...]]:
    """Return what each of some members ordered since an instant."""
    found: list[tuple[FriendOrder, ...]] = [() for _ in asked]
    rows = [(place, *each) for place, each in enumerate(asked)]
    for place, *order in bulk.fetch(ORDERS, bulk.columns_of(rows)):
        found[place] = (*found[place], FriendOrder(*order))
    return found


def _load_earlier(named: Sequence[Named], known: Mapping[UUID, set[tuple[str, str]]]) -> list[dict[str, int]]:
    """Count earlier claims of others with what the shop tells of a friend now, or told before."""
    found: list[dict[str, int]] = [{} for _ in named]
    rows = [
        (place, each.program_id, each.friend_id, kind, digest, each.at, each.rules.claims_days)
        for place, each in enumerate(named)
        for kind, digest in sorted({*each.signals.items(), *known.get(each.friend_id, ())})
    ]
    for place, kind, claims in bulk.fetch(EARLIER, bulk.columns_of(rows)) if rows else ():
        found[place][kind] = claims
    return found


def _evidence(  # noqa: PLR0913 - all that is known of a claim
    claim: Named,
    persons: Mapping[UUID, Person],
    above: set[UUID],
    known: Mapping[UUID, set[tuple[str, str]]],
    friends: Sequence[Friend],
    earlier: Mapping[str, int],
) -> Evidence:
    friend, advocate = persons[claim.friend_id], persons[claim.advocate_id]
    mine = {*claim.signals.items(), *known.get(claim.friend_id, ())}
    theirs = known.get(claim.advocate_id, set())
    before = [each for each in friends if each.claimed_at <= claim.at and each.friend_id != claim.friend_id]
    stem = email_stem(friend.email)
    minimum = claim.rules.minimum_amount
    return Evidence(
        is_same_customer=friend.customer_id == advocate.customer_id,
        is_same_email=is_same_email(friend.email, advocate.email),
        is_same_phone=is_same_phone(friend.phone, advocate.phone),
        is_nearly_same_email=is_nearly_same_email(friend.email, advocate.email),
        has_left=advocate.left_at is not None and advocate.left_at <= claim.at,
        shares_household=friend.household_id is not None and friend.household_id == advocate.household_id,
        shared=frozenset(kind for kind, _ in mine & theirs),
        bought_at=friend.bought_at,
        in_chain=claim.friend_id in above,
        earlier=earlier,
        alike=sum(bool(stem) and email_stem(each.email) == stem for each in before)
        + (bool(stem) and email_stem(advocate.email) == stem),
        returned=sum(each.status == "taken_back" for each in before),
        just_above=sum(
            each.amount is not None and 0 < minimum <= each.amount < minimum * NEARLY
            for each in before
            if each.status == "earned"
        ),
    )
