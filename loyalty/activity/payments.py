"""
What an order says that paid it is looked up when it comes in: a redemption that there is, is its customer's, is done, and pays
no other order. What is wrong would be found out only when the order came back, and points would be restored wrongly.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import ClassVar

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.batches import Outcome, Status
from customers.core import bulk
from customers.core.errors import DomainError, Fault, Kind
from customers.facts import OrderFact
from customers.models import Retailer
from loyalty.activity.intake import Answer, take_orders

REASONS: dict[str, str | Promise] = {
    "unknown_redemption": _("The customer has no redemption “{reference}”."),
    "redemption_of_nobody": _("The order names no customer, so no redemption “{reference}” can have paid it."),
    "redemption_still_held": _("The points of “{reference}” are still held: confirm the hold first."),
    "redemption_undone": _("“{reference}” is undone: its points went back."),
    "redemption_pays_another": _("“{reference}” pays the order {other} already."),
}
# The orders that name each: those that are recorded name theirs rightly, and may say so again.
NAMED = """
SELECT t.number, t.reference, o.number FROM unnest(%b::text[], %b::text[], %b::text[]) AS t(number, customer, reference)
JOIN customers_customer c ON c.retailer_id = %s AND c.external_id = t.customer
JOIN customers_order o ON o.customer_id = CASE WHEN c.merged_into_id IS NULL THEN c.id ELSE c.merged_into_id END
    AND o.redemptions ? t.reference
"""
# Of each, what it is; of a member who was merged, it may be called as it is since then.
MADE = """
WITH named AS MATERIALIZED (
    SELECT t.customer, t.reference AS said, m.id AS membership_id,
        t.reference || coalesce(' (' || s.number || ')', '') AS reference,
        'redeem:' || t.reference || coalesce(' (' || s.number || ')', '') AS cause
    FROM unnest(%b::text[], %b::text[]) AS t(customer, reference)
    JOIN customers_customer c ON c.retailer_id = %s AND c.external_id = t.customer
    JOIN memberships_membership m ON m.customer_id = CASE WHEN c.merged_into_id IS NULL THEN c.id ELSE c.merged_into_id END
    LEFT JOIN LATERAL (
        SELECT number FROM memberships_membership WHERE customer_id = c.id AND merged_into_id = m.id UNION ALL SELECT NULL
    ) s ON true
), made AS (
    SELECT n.customer, n.said, CASE
        WHEN e.id IS NULL THEN NULL
        WHEN EXISTS (SELECT 1 FROM points_entry u WHERE u.wallet_id = w.id AND u.cause = e.undone_by)
            THEN 'redemption_undone'
        ELSE '' END AS state
    FROM named n JOIN points_wallet w ON w.membership_id = n.membership_id
    LEFT JOIN LATERAL (
        SELECT *, 'restore:' || id AS undone_by FROM points_entry WHERE wallet_id = w.id AND cause = n.cause OFFSET 0
    ) e ON true
    UNION ALL
    SELECT n.customer, n.said, CASE h.status WHEN 'open' THEN 'redemption_still_held'
        WHEN 'confirmed' THEN '' ELSE 'redemption_undone' END
    FROM named n JOIN points_wallet w ON w.membership_id = n.membership_id
    JOIN points_hold h ON h.wallet_id = w.id AND h.reference = n.reference
    UNION ALL
    SELECT n.customer, n.said, CASE WHEN r.status IN ('cancelled', 'refunded') THEN 'redemption_undone' ELSE '' END
    FROM named n JOIN rewards_rewardredemption r ON r.membership_id = n.membership_id AND r.reference = n.reference
)
SELECT customer, said, min(state) FROM made WHERE state IS NOT NULL GROUP BY 1, 2
"""


class WrongPayment(DomainError):
    """
    An order names a redemption that cannot have paid it; its code says why.

    :param place: of the reference among those that the order names
    """

    kind: ClassVar[Kind] = Kind.REFUSED

    def __init__(self, code: str, place: int, reference: str, other: str = "") -> None:
        self.code = code
        super().__init__(reference=reference, other=other)
        self.place = place

    def __str__(self) -> str:
        return str(REASONS[self.code]).format(**self.facts)

    @property
    def findings(self) -> tuple[Fault, ...]:
        """Return what is wrong with its place in the order."""
        return (Fault(f"redemptions/{self.place}", self.code, str(self)),)


def take_paid_orders(
    retailer: Retailer, facts: Sequence[OrderFact], *, now: datetime, dry_run: bool = False
) -> list[Answer[OrderFact]]:
    """Record orders and decide what they earn, as `take_orders`, but for those that name a payment which cannot be theirs."""
    if not any(fact.redemptions for fact in facts):
        return take_orders(retailer, facts, now=now, dry_run=dry_run)
    with transaction.atomic():
        wrong = wrong_payments(retailer, facts)
        good = [fact for place, fact in enumerate(facts) if place not in wrong]
        taken = iter(take_orders(retailer, good, now=now, dry_run=dry_run))
        return [
            Answer(Outcome(fact, Status.FAILED, error=wrong[place])) if place in wrong else next(taken)
            for place, fact in enumerate(facts)
        ]


def wrong_payments(retailer: Retailer, facts: Sequence[OrderFact]) -> dict[int, WrongPayment]:
    """
    Return what is wrong with the redemptions that orders name, by the orders' places: of each the first.

    Within a transaction: who names the same redemption at the same moment waits for its end.
    """
    named = [(fact.number, fact.customer or "", reference) for fact in facts for reference in fact.redemptions]
    if not named:
        return {}
    _lock(retailer, {reference for _number, _customer, reference in named})
    payers: dict[tuple[str, str], set[str]] = {}
    for number, reference, other in bulk.fetch(NAMED, [*bulk.columns_of(named), retailer.pk]):
        payers.setdefault((number, reference), set()).add(other)
    pairs = sorted({(customer, reference) for _number, customer, reference in named})
    made = {
        (customer, reference): state
        for customer, reference, state in bulk.fetch(MADE, [*bulk.columns_of(pairs), retailer.pk])
    }
    return _wrong(facts, payers, made)


def _wrong(
    facts: Sequence[OrderFact], payers: dict[tuple[str, str], set[str]], made: dict[tuple[str, str], str]
) -> dict[int, WrongPayment]:
    found: dict[int, WrongPayment] = {}
    paid_here: dict[tuple[str, str], str] = {}
    for place, fact in enumerate(facts):
        for spot, reference in enumerate(fact.redemptions):
            payer = (fact.customer or "", reference)
            others = payers.get((fact.number, reference), set())
            if fact.number in others:
                continue
            here = paid_here.setdefault(payer, fact.number)
            other = min(others, default="" if here == fact.number else here)
            code = "redemption_pays_another" if other else made.get(payer, "unknown_redemption")
            if fact.customer is None:
                code = "redemption_of_nobody"
            if code:
                found.setdefault(place, WrongPayment(code, spot, reference, other))
    return found


def _lock(retailer: Retailer, references: Iterable[str]) -> None:
    """Let whoever names the same redemptions wait, in one order."""
    keys = sorted(
        int.from_bytes(blake2b(f"payment {retailer.pk} {name}".encode(), digest_size=8).digest(), signed=True)
        for name in references
    )
    bulk.fetch("SELECT pg_advisory_xact_lock(key) FROM (SELECT unnest(%b::bigint[]) AS key ORDER BY 1) k", [keys])
