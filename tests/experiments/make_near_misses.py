"""Clubs with a tier that some members just miss: silver for everybody, gold from 1,000 spent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from loyalty.activity.near_misses import start_experiment
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.tiers.models import Standing, Tier
from tests import make
from tests.experiments.make_experiments import planned
from tests.make import NOON

DAY = timedelta(days=1)
TIERS = (("silver", "0", "1"), ("gold", "1000", "2"), ("platinum", "5000", "3"))
RAISED = (VariantFact("as-is", 5_000, is_control=True), VariantFact("raised", 5_000))


def club(**given: Any) -> Program:
    """Return a program with its tiers, which are lost in the night after a member stops qualifying."""
    return make.program(**({"tiers": TIERS, "scheme": {"window": "rolling", "downgrade": "at_once"}} | given))


def gold(program: Program, code: str = "gold") -> Tier:
    return Tier.objects.filter(version__program=program, code=code).order_by("-version__effective_from")[0]


def who_spent(program: Program, *amounts: str, at: datetime = NOON - 30 * DAY) -> list[Membership]:
    """Return members who spent so much."""
    found = []
    for amount in amounts:
        member = make.member(program)
        make.buys(member, amount, at=at)
        found.append(member)
    return found


def near_miss(program: Program, code: str = "near-gold", **given: Any) -> Experiment:
    """Return a planned experiment: half of who lacks a tenth of gold or less."""
    plain = {
        "layer": "variant", "form": "near_miss", "variants": RAISED, "tier": gold(program).key, "missing_percent": 10,
        "window_days": 28, "duration_days": 120, "metric": "revenue", "salt": f"{code}-1",
    }  # fmt: skip
    return planned(program.retailer, program, code, **(plain | given))


def started(program: Program, *, at: datetime = NOON, **given: Any) -> Experiment:
    return start_experiment(near_miss(program, **given), author="Grace", now=at)


def arms(experiment: Experiment, members: Sequence[Membership]) -> list[str]:
    """Return the variants of members, in their order; empty for who is in none."""
    rows = dict(experiment.assignments.values_list("customer", "variant__code"))
    return [rows.get(who.customer_id, "") for who in members]


def tier_of(who: Membership) -> str:
    tier = Standing.objects.select_related("tier").get(membership=who).tier
    return tier.code if tier else ""
