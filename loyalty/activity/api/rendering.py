"""Domain values as the API's plain values."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers

from customers.batches import Fact, Status
from customers.core.errors import DomainError
from customers.models import Customer
from loyalty.activity.api.reported import fact_of
from loyalty.activity.correcting import CorrectionAnswer, Keeping
from loyalty.activity.intake import Answer
from loyalty.activity.progress import Progress, plan_of, progress
from loyalty.activity.published import policies_of
from loyalty.activity.versions import for_member, versions_as_read
from loyalty.api.problems import faults, problem, problem_of
from loyalty.engine.decision import Decision, Told
from loyalty.memberships.models import Membership
from loyalty.points.models import PointsPolicy
from loyalty.points.state import MAIN, POINTS, Posting
from loyalty.points.statement import Balance, balances
from loyalty.points.states import State
from loyalty.rewards.state import RewardKept
from loyalty.tiers.models import Tier
from loyalty.tiers.state import TierChanged


def answers(given: Sequence[Answer[Fact]]) -> list[dict[str, Any]]:
    """
    Return what became of facts, in their order, as plain values of `AnswerOut`.

    Plain, because a serializer would copy its fields for each answer, and this is the way of every order.
    """
    tiers = _tiers_reached(decision for answer in given for decision in answer.decisions)
    return [
        {
            "number": answer.outcome.fact.number,
            "status": answer.outcome.status.value,
            "id": str(answer.outcome.id) if answer.outcome.id and answer.outcome.status is not Status.FAILED else None,
            "effects": [_effect(decision, tiers) for decision in answer.decisions],
            "error": error_of(answer.outcome.error) if answer.outcome.error else None,
            **answer.besides,
        }
        for answer in given
    ]


def effects_of(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """Return what one fact caused, program by program, as plain values of `EffectOut`."""
    tiers = _tiers_reached(decisions)
    return [_effect(decision, tiers) for decision in decisions]


def corrected(answer: CorrectionAnswer) -> dict[str, Any]:
    """Return what became of a correction as plain values of `CorrectedOut`."""
    (body,) = answers([answer])
    body["effects"] = _with_change(body["effects"], answer.decisions, answer.keeps)
    body["former_effects"] = _with_change(effects_of(answer.former), answer.former, answer.keeps)
    return body


def _with_change(
    effects: Sequence[dict[str, Any]], decisions: Sequence[Decision], keeps: Mapping[UUID, Keeping]
) -> list[dict[str, Any]]:
    """Return effects with what the order keeps for their members, and by how much that has changed."""
    kept = [keeps.get(decision.member.membership_id, Keeping()) for decision in decisions]
    pairs = zip(effects, kept, strict=True)
    return [{**effect, "points_kept": each.after, "change": each.change} for effect, each in pairs]


def _tiers_reached(decisions: Iterable[Decision]) -> dict[int, str]:
    changes = [each for decision in decisions for each in decision.effects if isinstance(each, TierChanged)]
    reached = {change.to_tier_id for change in changes if change.to_tier_id is not None}
    return dict(Tier.objects.filter(pk__in=reached).values_list("pk", "code")) if reached else {}


def _effect(decision: Decision, tiers: dict[int, str]) -> dict[str, Any]:
    """Return what a fact caused in one program as plain values of `EffectOut`."""
    postings = [each for each in decision.effects if isinstance(each, Posting)]
    changes = [each.to_tier_id for each in decision.effects if isinstance(each, TierChanged)]
    restored = (post for post in postings if post.kind == "restore")
    return {
        "program": decision.versions.slug,
        "points": _points_of(decision),
        "pending": _pending_of(decision, postings),
        "shortfall": decision.order_return.shortfall if decision.order_return else 0,
        "restored": sum(post.change(State.AVAILABLE) for post in restored),
        "kept_rewards": [each.reference for each in decision.effects if isinstance(each, RewardKept)],
        "tier_changed_to": tiers.get(changes[-1]) if changes and changes[-1] else None,
        "awards": _awards(decision),
        "reason": decision.reason,
        "explanation": [{"kind": posting.kind, **posting.explanation} for posting in postings],
    }


def _awards(decision: Decision) -> list[dict[str, Any]]:
    """Return the awards that a fact gave, and those that it took back, as plain values of `AwardOut`."""
    told = [each.payload for each in decision.effects if isinstance(each, Told) and each.kind in AWARDS]
    return [
        {"challenge": said["challenge"], "badge": said["badge"], "level": said["level"], "points": said["points"]}
        for said in told
    ]


AWARDS = frozenset({"challenge.completed", "challenge.undone"})


def _points_of(decision: Decision) -> int:
    """Return the points that a fact gave or, negative, took."""
    if decision.order_return is not None:
        return -decision.order_return.points
    decided = decision.order or decision.interaction
    return decided.points if decided else 0


def _pending_of(decision: Decision, postings: Sequence[Posting]) -> int:
    """Return those of a fact's points that are not active when all of it is decided; of a return, negative, those it took."""
    if decision.order is None or decision.order_return is not None:
        return sum(posting.change(State.PENDING) for posting in postings)
    wallets = decision.member.of(POINTS).wallets
    return sum(lot.pending for wallet in wallets for lot in wallet.lots if lot.order_id == decision.order.order_id)


def error_of(error: DomainError) -> dict[str, Any]:
    """Return a refusal as problem details."""
    return problem_of(error)


def take_rows(
    rows: Sequence[Any],
    kind: type[serializers.Serializer[Any]],
    take: Callable[[list[Any]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Validate each row by itself, take the good ones together, and return one result per row, in the rows' order."""
    results: dict[int, dict[str, Any]] = {}
    facts: list[Any] = []
    places: list[int] = []
    for place, row in enumerate(rows):
        try:
            facts.append(fact_of(kind, row))
            places.append(place)
        except serializers.ValidationError as error:
            results[place] = _bad_row(row, error.detail)
    results |= zip(places, take(facts) if facts else [], strict=True)
    return [results[place] for place in range(len(rows))]


def _bad_row(row: Any, errors: Any) -> dict[str, Any]:
    words = _("The row is malformed; errors names each place.")
    document = problem(400, "invalid", words, errors=faults(errors))
    number = row.get("number") if isinstance(row, Mapping) else ""
    return {"number": str(number or ""), "status": "failed", "id": None, "effects": [], "error": document}


def wallets_of(membership: Membership, *, at: datetime) -> list[dict[str, Any]]:
    """Return a membership's wallets now, the one that every program has first."""
    version = versions_as_read(membership).at(at)
    policies = policies_of(version.version_id) if version else {}
    lent: Counter[str] = Counter()
    own: list[tuple[str, Balance]] = []
    for wallet, held in balances(membership.pk, at=at, zone=membership.program.tzinfo):
        if wallet.membership_id != membership.pk:
            lent[wallet.code] += held.available
        elif wallet.code == MAIN or wallet.code in policies:
            own.append((wallet.code, held))
    found = [_wallet(code, held, membership, policies.get(code), lent[code]) for code, held in own]
    return sorted(found, key=lambda wallet: wallet["wallet"] != MAIN)


def _wallet(code: str, held: Balance, membership: Membership, policy: PointsPolicy | None, lent: int) -> dict[str, Any]:
    return {
        "program": membership.program.slug,
        "wallet": code,
        "name": str(policy or code),
        "can_be_spent": policy is None or policy.is_spendable,
        "household_available": lent,
        **{name: getattr(held, name) for name in held.__slots__},
    }


def tier_of(membership: Membership, *, at: datetime) -> dict[str, Any]:
    """Return a membership's tier and the way to the next one."""
    versions = for_member(versions_as_read(membership), membership)
    found: Progress = progress(membership, at=at, versions=versions)
    return {
        "program": membership.program.slug,
        "basis": found.basis,
        "current": _tier(found.current),
        "since": found.since,
        "qualifying": found.qualifying,
        "window_from": found.window_from,
        "next": _tier(found.next),
        "to_next": found.to_next,
        "missing": [{"basis": basis, "amount": amount} for basis, amount in found.missing],
        "is_any": found.is_any,
        "percent": found.percent,
        "keeps_through": found.keeps_through,
        "to_keep": [{"basis": basis, "amount": amount} for basis, amount in found.to_keep],
        "projected": _tier(found.projected),
        "projected_on": found.projected_on,
    }


def profile_of(customer: Customer, memberships: Sequence[Membership], *, at: datetime) -> dict[str, Any]:
    """Return who a shopper is, and where a member."""
    return {
        "external_id": customer.external_id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "language": customer.language or customer.retailer.language,
        "retailer": customer.retailer.name,
        "memberships": [
            {
                "program": membership.program.slug,
                "name": membership.program.name,
                "member_number": membership.number,
                "enrolled_at": membership.enrolled_at.isoformat(),
                "plan": plan_of(membership, at=at),
            }
            for membership in memberships
        ],
    }


def _tier(tier: Tier | None) -> dict[str, Any] | None:
    if tier is None:
        return None
    return {
        "code": tier.code,
        "name": str(tier),
        "threshold": tier.threshold,
        "multiplier": tier.multiplier,
        "free_shipping": tier.free_shipping,
        "early_access": tier.early_access,
        "reward_discount": tier.reward_discount,
        "extra_months": tier.extra_months,
        "entry_gift": tier.entry_gift,
        "benefits": tier.benefit_list(),
    }
