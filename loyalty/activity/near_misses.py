"""
Near misses: who lacks little of a tier, found when an experiment starts that raises a part of them by chance.

What a tier does cannot be told from who reached it and who did not: members top up to thresholds. Of those who all just miss
it chance raises some; from then on they have the tier by their version's own rules, as long as the experiment runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.activity.tier_counts import When, given_for, members_sql, schemes_of
from loyalty.activity.versions import versions_of_program
from loyalty.engine.versions import Version, Versions
from loyalty.experiments.checking import flaws_of, refuse
from loyalty.experiments.models import Experiment
from loyalty.experiments.rules import Flaw
from loyalty.experiments.running import Preview, preview, start
from loyalty.tiers.models import Tier
from loyalty.tiers.rules import Counts, TierRule, TierScheme
from loyalty.tiers.state import SCHEME

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a member got towards a tier.

    :param reached: of what the tier counts, within its window of now
    :param is_near: whether it lacks little enough of it, and of nothing else, and has no tier as high
    """

    customer_id: UUID
    reached: Decimal
    is_near: bool


@dataclass(frozen=True, slots=True)
class Approach:
    """
    A tier, and how far the members of its program got towards it.

    :param basis: what it counts: spend, points, orders or visits
    """

    code: str
    basis: str
    threshold: Decimal
    members: tuple[Progress, ...]

    @property
    def near(self) -> tuple[UUID, ...]:
        """Return the customers who just miss it."""
        return tuple(each.customer_id for each in self.members if each.is_near)


def is_near(scheme: TierScheme, tier: TierRule, key: UUID | None, counts: Counts, percent: int) -> bool:
    """Tell whether who has a tier (by its key) and these counts just misses another one, as an experiment means it."""
    if scheme.rank(key) >= scheme.rank(tier.key) or not scheme.may_enter(tier):
        return False
    missing = dict(scheme.missing(tier, counts))
    lacking = missing.pop(scheme.basis, None)
    if lacking is None or (missing and scheme.combination != "any"):
        return False
    return lacking * PERCENT <= tier.threshold * percent


def approach_of(experiment: Experiment, *, now: datetime) -> Approach | None:
    """Return how far members are from an experiment's tier now: one statement; None where the program has no such tier."""
    assert experiment.program_id is not None, "near misses are of a program"
    assert experiment.missing_percent is not None, "a constraint says so"
    versions = versions_of_program(experiment.program_id)
    version = versions.at(now)
    tier = version.of(SCHEME).tier(experiment.tier_key) if version else None
    if version is None or tier is None:
        return None
    members = tuple(_members(experiment, versions, version, now))
    return Approach(tier.code, version.of(SCHEME).basis, tier.threshold, members)


def _members(experiment: Experiment, versions: Versions, version: Version, now: datetime) -> Iterator[Progress]:
    assert experiment.program is not None
    percent, day = experiment.missing_percent or 0, local_date(now, version.zone)
    scheme = version.of(SCHEME)
    rows = bulk.fetch_planned(members_sql(scheme), given_for(experiment.program, version, When(day, day, now)))
    scheme_of = schemes_of(versions, now, [row[0] for row in rows])
    for customer, key, _since, _ends, _joined, *counted in sorted(rows):
        counts, own = Counts(*counted), scheme_of(customer)
        tier = own.tier(experiment.tier_key)
        if tier is not None:
            yield Progress(customer, counts.of(own.basis), is_near(own, tier, key, counts, percent))


def tiers_of(experiments: Iterable[Experiment]) -> Mapping[UUID | None, Tier]:
    """Return the newest published rows of experiments' tiers, by their identity: what they are called; at most one statement."""
    keys = {each.tier_key for each in experiments if each.tier_key is not None}
    rows = Tier.objects.filter(key__in=keys, version__status="published").order_by("version__effective_from")
    return {row.key: row for row in rows} if keys else {}


def flaws_to_start(experiment: Experiment, *, now: datetime) -> tuple[Flaw, ...]:
    """Return all that is wrong with an experiment, and what would be if it started now; of near misses, with their tier."""
    found = flaws_of(experiment, now=now)
    return (*found, *_tier_flaws(experiment, now)) if experiment.is_draft else found


def _tier_flaws(experiment: Experiment, now: datetime) -> Iterable[Flaw]:
    if experiment.form != Experiment.Form.NEAR_MISS or experiment.program_id is None:
        return
    version = versions_of_program(experiment.program_id).at(now)
    tier = version.of(SCHEME).tier(experiment.tier_key) if version else None
    if version is None or tier is None:
        yield Flaw("tier_unknown", "tier")
    elif tier.threshold <= 0:
        yield Flaw("tier_of_everybody", "tier", {"tier": tier.code})
    elif version.of(SCHEME).basis == "balance":
        yield Flaw("tier_of_balance", "tier", {"tier": tier.code})


def preview_of(experiment: Experiment, *, starts_at: datetime, now: datetime) -> Preview:
    """Return what a start would do now."""
    if experiment.form != Experiment.Form.NEAR_MISS:
        return preview(experiment, starts_at=starts_at)
    found = approach_of(experiment, now=now)
    return preview(experiment, starts_at=starts_at, among=len(found.near) if found else 0)


@transaction.atomic
def start_experiment(
    experiment: Experiment, *, starts_at: datetime | None = None, author: str, now: datetime
) -> Experiment:
    """
    Start an experiment; of near misses, with those of now.

    :raises NobodyNear: when there are none of those
    :raises ExperimentHasErrors: also when the program in force has no such tier; and all that `start` raises
    """
    only: Sequence[UUID] | None = None
    if experiment.form == Experiment.Form.NEAR_MISS and experiment.is_draft:
        refuse(_tier_flaws(experiment, now))
        found = approach_of(experiment, now=now)
        only = found.near if found else ()
    return start(experiment, starts_at=starts_at, only=only, author=author, now=now)
