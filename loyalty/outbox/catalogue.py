"""
Every type of event, with an example of what it says: what endpoints may choose from, and what the reference shows.

Each event's data say the program, the member's number and the retailer's own id of its customer besides.
"""

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]
OF_ALL: Data = {"program": "club", "member": "4711000000000008", "customer": "ada"}
BALANCES: Data = {"balances": {"points": 160}}
_ENTRY = "01a2240f-9b6e-7d4c-8f1e-2f0c6a1b3c4d"
_REWARD: Data = {"reward": "mug", "redemption": "01a22410-1c2b-7f00-9a4e-7b6f5e4d3c2b"}
_PLAN: Data = {"plan": "plus"}
_FEE: Data = {"plan": "plus", "amount": "9.90", "currency": "EUR"}
_PERIOD: Data = {"first_day": "2026-06-01", "last_day": "2026-06-30"}
_CLAIM: Data = {"code": "ADA-7KQ2", "status": "open"}
_DEVICE: Data = {"score": 60, "suspicions": [{"code": "same_device", "score": 60}]}
_MET: Data = {"challenge": "three-weeks", "badge": "regular", "number": 1}
_BADGE: Data = {"badge": "regular", "times": 1, "level": 1, "challenge": "three-weeks", "cause": "order:A1"}
_EXPERIMENT: Data = {
    "program": "club", "experiment": "double-points", "layer": "variant", "form": "variants", "plan_hash": "5f0c…",
    "starts_at": "2026-07-01T00:00:00+02:00", "ends_at": "2026-09-01T00:00:00+02:00", "ended_at": None,
}  # fmt: skip


def _points(**data: Any) -> Data:
    return {**OF_ALL, **data, **BALANCES}


def _member(*parts: Data, **data: Any) -> Data:
    found = dict(OF_ALL)
    for part in parts:
        found |= part
    return found | data


EXAMPLES: Mapping[str, Data] = {
    "membership.enrolled": _member(),
    "membership.left": _member(points=160, pending=0),
    "membership.merged": _member({"from": "4711000000000016", "into": "4711000000000008"}),
    "membership.erased": {"program": "club", "member": "4711000000000008"},
    "points.earned": _points(order="A1", points=60),
    "points.returned": _points(**{"return": "R1"}, order="A1", points=-20),
    "points.corrected": _points(order="A1", points=-10),
    "points.expired": _points(points=30),
    "points.hold": _points(entry=_ENTRY, points=-50),
    "points.redeem": _points(entry=_ENTRY, points=-50),
    "points.release": _points(entry=_ENTRY, points=50),
    "points.restore": _points(entry=_ENTRY, points=50),
    "points.adjust": _points(entry=_ENTRY, points=25),
    "points.transfer": _points(entry=_ENTRY, points=-40),
    "tier.changed": _member({"from": "bronze", "to": "silver"}, cause="night:2026-06-16"),
    "plan.awaits_payment": _member(_FEE),
    "plan.joined": _member(_PLAN, trial=True, last_day="2026-06-30"),
    "plan.renewed": _member(_FEE, _PERIOD),
    "plan.changed": _member({"from": "plus", "to": "gold"}),
    "plan.cancelled": _member(_PLAN, last_day="2026-06-30"),
    "plan.resumed": _member(_PLAN),
    "plan.paid": _member(_FEE),
    "plan.payment_failed": _member(_FEE, last_day="2026-07-07", next_try_at="2026-07-02T06:00:00+00:00"),
    "plan.ended": _member(_PLAN, reason="unpaid"),
    "plan.restored": _member(_PLAN),
    "plan.paid_too_late": _member({"invoice": "4711-3", "amount": "9.90", "currency": "EUR"}),
    "plan.paid_twice": _member({"invoice": "4711-3", "amount": "9.90", "currency": "EUR", "reference": "pay-2"}),
    "plan.refunded": _member(_FEE),
    "reward.redeemed": _member(_REWARD, points=500, wallet="points"),
    "reward.used": _member(_REWARD, status="used", order="A2"),
    "reward.in_progress": _member(_REWARD, status="in_progress"),
    "reward.fulfilled": _member(_REWARD, status="fulfilled"),
    "reward.cancelled": _member(_REWARD, status="cancelled", points=500),
    "reward.refunded": _member(_REWARD, {"return": "R1"}, status="refunded"),
    "reward.expired": _member(_REWARD, status="expired", points=500),
    "reward.withdrawn": _member(_REWARD, status="withdrawn", points=500),
    "reward.forfeited": _member(_REWARD, status="forfeited"),
    "referral.claimed": _member(_CLAIM),
    "referral.held": _member(_CLAIM, _DEVICE, status="held", reason="suspicious"),
    "referral.approved": _member(_CLAIM, _DEVICE),
    "referral.refused": _member(_CLAIM, status="refused", reason="bought_before"),
    "referral.earned": _member(_CLAIM, status="earned", pending_until="2026-06-29T22:00:00+00:00"),
    "referral.taken_back": _member(_CLAIM, status="taken_back", reason="below_minimum"),
    "challenge.completed": _member(_MET, BALANCES, level=1, points=50, cause="order:A1"),
    "challenge.undone": _member(_MET, BALANCES, points=-50, cause="return:R1"),
    "contest.won": _member(
        {"contest": "june", "rank": 1, "points": 500, "first_day": "2026-06-01", "last_day": "2026-06-30"}
    ),
    "badge.awarded": _member(_BADGE),
    "badge.taken_back": _member(_BADGE, cause="return:R1", times=0),
    "experiment.planned": _EXPERIMENT,
    "experiment.started": _EXPERIMENT,
    "experiment.ended": {**_EXPERIMENT, "ended_at": "2026-09-01T00:00:00+02:00"},
    "webhook.test": {},
}
