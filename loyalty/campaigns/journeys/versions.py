"""Versions of campaigns, as decisions read them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from customers.core.values import dataclass
from loyalty.campaigns.models import CampaignVersion, Step
from loyalty.campaigns.rules.journeys import JourneyRule, StepRule


def rule_of(version: CampaignVersion) -> JourneyRule:
    """Return a version as far as it decides who enters, what is taken when, and what ends it."""
    return JourneyRule(
        version.kind,
        tuple(_step_rule(step) for step in version.steps.in_order()),
        {each["fact"]: bool(each.get("goal")) for each in version.exits},
        version.again_after_days,
        version.at_most_one_active,
        version.late_up_to_days,
        version.uses_profile,
        version.ground,
    )


def _step_rule(step: Step) -> StepRule:
    return StepRule(
        step.position, step.kind, step.wait, step.expires_after, tuple(step.channels), step.to_all_channels, step.variant,
        step.pk, step.survey_id, step.offer_id, step.ends_without,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Published:
    """A published version: what it decides, and what begins it."""

    rule: JourneyRule
    trigger: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of its trigger."""
        return str(self.trigger["kind"])


@lru_cache(maxsize=512)
def published(version_id: int) -> Published:
    """Return what a published version decides: it does not change any more."""
    version = CampaignVersion.objects.get(pk=version_id)
    assert not version.is_draft, "nobody enters on a draft"
    return Published(rule_of(version), version.trigger)
