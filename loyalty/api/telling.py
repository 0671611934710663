"""What the document says of webhooks: each kind of event, with its body and an example."""

from collections.abc import Mapping
from typing import Any

from loyalty.outbox.catalogue import EXAMPLES

HEADERS = {
    "webhook-id": "Of the event: the same again is the same event.",
    "webhook-timestamp": "The instant of sending, in seconds.",
    "webhook-signature": "By the Standard Webhooks scheme, with the endpoint's secret.",
}
WHEN_TOLD = """
membership.enrolled | A customer joins, or joins again.
membership.left | A member leaves; with what was lost.
membership.merged | Two members turned out to be one; told of both.
membership.erased | The person was erased, and its number leads nowhere: forget it as well.
points.earned | Something gave points: an `order`, an `interaction`, a `day`, a `gift` of a tier, a `referral` or a `challenge`.
points.returned | A return took points, or a referral's reward was taken back.
points.corrected | A corrected order keeps more or less.
points.expired | Points expired.
points.hold | Points were held.
points.redeem | Points were spent; 0 where they were held before.
points.release | Held points were given back.
points.restore | A redemption was reversed.
points.adjust | Staff gave or took points.
points.transfer | Points came from, or went to, another member.
tier.changed | A member's tier changed; null for no tier.
plan.awaits_payment | A member wants a plan, which begins with its payment.
plan.joined | A plan begins.
plan.renewed | A period begins, and is to be paid.
plan.changed | A member has another plan.
plan.cancelled | A plan is not renewed any more.
plan.resumed | A plan that was cancelled goes on.
plan.paid | An invoice was paid.
plan.payment_failed | A payment failed; the benefits go on through `last_day`.
plan.ended | A plan ended.
plan.restored | A plan had ended although it was paid in time, and goes on.
plan.paid_too_late | A payment for a plan that had ended, which goes back.
plan.paid_twice | An invoice that was paid was paid once more: the second payment goes back.
plan.refunded | Staff refunds a part of an invoice.
reward.redeemed | A member redeemed a reward.
reward.used | A voucher was used at a till.
reward.in_progress | A product or an experience is on its way.
reward.fulfilled | It has come.
reward.cancelled | A reward came back with its points.
reward.refunded | A reward came back; of a `return`, its number.
reward.expired | An unused reward ended by time.
reward.withdrawn | The catalogue has a reward no more.
reward.forfeited | A member left with a reward that it had not used.
referral.claimed | A member said who referred it; its order is awaited.
referral.held | Something of it is suspicious: somebody has to decide.
referral.approved | Somebody decided that it is a referral.
referral.refused | It is none, or somebody decided so.
referral.earned | The friend's order earned both rewards.
referral.taken_back | Both rewards are taken back.
challenge.completed | A member met a challenge.
challenge.undone | A return undid it.
contest.won | A contest was finished, and a member has won.
badge.awarded | With a challenge that gives a badge, or by staff.
badge.taken_back | A badge is taken back.
experiment.planned | An experiment is planned.
experiment.started | An experiment starts.
experiment.ended | An experiment ended.
webhook.test | Somebody tried the webhook out.
"""
MEANINGS = dict(line.split(" | ", 1) for line in WHEN_TOLD.strip().splitlines())
KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (list, "array"),
    (dict, "object"),
    (str, "string"),
)


def describe_webhooks(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what is posted to a retailer's endpoints."""
    result["webhooks"] = {name: {"post": _posted(name, data)} for name, data in EXAMPLES.items()}
    return result


def _posted(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    example = {"type": name, "timestamp": "2026-06-15T12:00:00+00:00", "data": dict(data)}
    when = MEANINGS.get(name, f"{name}.")
    return {
        "operationId": name.replace(".", "_"),
        "summary": when.partition(":")[0].partition(";")[0].rstrip("."),
        "description": when,
        "tags": ["webhooks"],
        "security": [{}],
        "parameters": [
            {"name": header, "in": "header", "required": True, "schema": {"type": "string"}, "description": words}
            for header, words in HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(name, data), "example": example}},
        },
        "responses": {"2XX": {"description": "Taken; anything else is tried again."}},
    }


def _schema(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "const": name},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": {"type": "object", "properties": {each: {"type": _kind(value)} for each, value in data.items()}},
        },
    }


def _kind(value: object) -> list[str]:
    return [*[kind for of, kind in KINDS if isinstance(value, of)][:1], "null"]
