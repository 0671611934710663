"""What a program's causes were given, for all to see: sums of their ledgers, and of nobody alone."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.money import to_unit
from customers.core.values import dataclass
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward, RewardCounter

MIN_DONORS = 5  # fewer are not told: who knows of one would learn what another one gave
SUMS = """
SELECT reward_key, coalesce(sum(amount) FILTER (WHERE kind = 'member'), 0),
    coalesce(sum(amount) FILTER (WHERE kind = 'match'), 0), coalesce(-sum(amount) FILTER (WHERE kind = 'payout'), 0)
FROM rewards_causeentry WHERE program_id = %s GROUP BY 1
"""
# Who was merged is one person, and who took all back has given nothing.
DONORS = """
SELECT reward_key, count(*)::int FROM (
    SELECT e.reward_key, coalesce(c.merged_into_id, c.id) AS person
    FROM rewards_causeentry e JOIN rewards_rewardredemption r ON r.id = e.redemption_id
    JOIN memberships_membership m ON m.id = r.membership_id JOIN customers_customer c ON c.id = m.customer_id
    WHERE e.program_id = %s AND e.kind = 'member' GROUP BY 1, 2 HAVING sum(e.amount) > 0
) given GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class CauseTotal:
    """
    What a cause was given, in the retailer's currency.

    :param reward: as the version in force, or the last one that has it, says it
    :param is_open: whether members can give to it now
    :param given: by members
    :param matched: added by the retailer; `match_left` is what it still adds, None where it adds nothing
    :param paid_out: of both, to the cause
    :param donors: members who gave; None for fewer than five
    """

    reward: Reward
    is_open: bool
    given: Decimal
    matched: Decimal
    match_left: Decimal | None
    paid_out: Decimal
    donors: int | None

    @property
    def total(self) -> Decimal:
        return self.given + self.matched


def totals_of(program: Program, *, at: datetime) -> list[CauseTotal]:
    """Return what each cause of a program was given, in their places; also those that stand in no catalogue any more."""
    causes = _causes(program, at)
    if not causes:
        return []
    currency = program.retailer.currency
    sums = {key: rest for key, *rest in bulk.fetch(SUMS, [program.pk])}
    donors = dict(bulk.fetch(DONORS, [program.pk]))
    counters = RewardCounter.objects.filter(program=program, reward_key__in=causes)
    used = dict(counters.values_list("reward_key", "matched"))
    in_force = program.versions.filter(status="published", effective_from__lte=at).order_by("-effective_from").first()
    found = []
    for key, row in causes.items():
        given, matched, paid = (to_unit(each, currency) for each in sums.get(key, [Decimal(0)] * 3))
        left = max(row.match_budget - used.get(key, Decimal(0)), Decimal(0)) if row.match_percent else None
        number = donors.get(key, 0)
        is_open = in_force is not None and row.version_id == in_force.pk and _is_in_time(row, program, at)
        found.append(
            CauseTotal(
                row, is_open, given, matched, None if left is None else to_unit(left, currency), paid,
                number if number >= MIN_DONORS else None,
            )
        )  # fmt: skip
    return found


def _causes(program: Program, at: datetime) -> Mapping[UUID, Reward]:
    """Return the causes of all versions that have come into force, each as the last of them has it."""
    rows = Reward.objects.filter(
        version__program=program,
        version__status="published",
        version__effective_from__lte=at,
        kind=Reward.Kind.DONATION,
    )
    found = {row.key: row for row in rows.order_by("version__effective_from", "place")}
    return dict(sorted(found.items(), key=lambda item: (-item[1].version_id, item[1].place)))


def _is_in_time(row: Reward, program: Program, at: datetime) -> bool:
    on = local_date(at, program.tzinfo)
    return (row.first_day is None or on >= row.first_day) and (row.last_day is None or on <= row.last_day)
