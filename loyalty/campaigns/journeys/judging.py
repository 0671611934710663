"""What is known of customers who may enter a campaign, or go on in it for somebody else."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.campaigns.messages.loading import KEPT
from loyalty.campaigns.models import Campaign
from loyalty.campaigns.rules.consent import EXISTING_CUSTOMER, MARKETING
from loyalty.experiments.assigning import HELD_OUT_OF_ALL

# Who is in which arm, experiments say: the control of the campaign's own, and of any that holds out of everything.
JUDGE = f"""
SELECT c.id, r.zone, a.code, coalesce(a.is_control, false),
    {HELD_OUT_OF_ALL.format(customer="c.id", at="%(now)s", program="%(program)s")},
    EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = c.id AND e.campaign_id = %(campaign)s AND e.ended_at IS NULL),
    (SELECT max(e.entered_at) FROM campaigns_entry e WHERE e.customer_id = c.id AND e.campaign_id = %(campaign)s
        AND e.reason <> 'late'),
    %(is_grounded)s AND EXISTS (SELECT 1 FROM customers_order o WHERE o.customer_id = c.id AND {KEPT.format(order="o")})
FROM customers_customer c
LEFT JOIN campaigns_recipient r ON r.customer_id = c.id
LEFT JOIN LATERAL (
    SELECT v.code, v.is_control FROM experiments_assignment g JOIN experiments_variant v ON v.id = g.variant_id
    JOIN experiments_experiment x ON x.id = g.experiment_id
    WHERE g.customer_id = c.id AND x.id = %(experiment)s AND x.state = 'running' AND x.starts_at <= %(now)s
        AND (x.ends_at IS NULL OR x.ends_at > %(now)s)
) a ON true
WHERE c.id = ANY(%(ids)s) AND c.merged_into_id IS NULL AND c.erased_at IS NULL
"""
# What who was merged into somebody had, that one had: with when it entered, which `judge` says of the others.
ENTERED = """
SELECT customer_id, occurrence, NULL::timestamptz FROM campaigns_entry
WHERE campaign_id = %(campaign)s AND customer_id = ANY(%(ids)s)
UNION ALL
SELECT c.merged_into_id, e.occurrence, CASE e.reason WHEN 'late' THEN NULL ELSE e.entered_at END
FROM customers_customer c JOIN campaigns_entry e ON e.customer_id = c.id AND e.campaign_id = %(campaign)s
WHERE c.merged_into_id = ANY(%(ids)s) AND c.id <> ALL(%(but)s)
"""


@dataclass(frozen=True, slots=True)
class JudgedCustomer:
    """
    What a customer is to a campaign now.

    :param zone: its own; empty where that of the program counts
    :param variant: of the campaign's experiment; None where it is in none yet
    :param is_control: whether it is in the control of that one
    :param is_held_out_of_all: whether it is in the control of one that holds out of everything
    :param is_active: whether it is in the campaign already
    :param last_entered_at: None where it never was
    :param has_bought: where it matters
    """

    zone: str | None
    variant: str | None
    is_control: bool
    is_held_out_of_all: bool
    is_active: bool
    last_entered_at: datetime | None
    has_bought: bool

    def is_held_out_of(self, kind: str) -> bool:
        """
        Tell whether it gets nothing of a campaign of a kind.

        Who is held out of everything misses all marketing, and still hears of its orders, its points and its tier.
        """
        return self.is_control or (self.is_held_out_of_all and kind == MARKETING)


def judge(campaign: Campaign, ids: Sequence[UUID], now: datetime, *, ground: str = "") -> dict[UUID, JudgedCustomer]:
    """
    Return what customers are to a campaign; nothing of those who were merged or erased.

    :param ground: on which its messages rely: whether somebody has bought is looked up for those to existing customers
    """
    parameters = {
        "ids": list(ids), "campaign": campaign.pk, "program": campaign.program_id, "experiment": campaign.experiment_id,
        "now": now, "is_grounded": ground == EXISTING_CUSTOMER,
    }  # fmt: skip
    return {key: JudgedCustomer(*known) for key, *known in bulk.fetch(JUDGE, parameters)}


def entered_before(
    campaign: UUID, ids: Sequence[UUID], *, but: Sequence[UUID] = ()
) -> list[tuple[UUID, str, datetime | None]]:
    """
    Return because of what customers entered a campaign, and who was merged into them.

    :param but: those who were merged of whom it is not asked
    :returns: customer, occurrence, and when one entered who was merged since; None of the customer itself
    """
    rows = bulk.fetch(ENTERED, {"campaign": campaign, "ids": list(ids), "but": list(but)})
    return [(customer, occurrence, entered_at) for customer, occurrence, entered_at in rows]
