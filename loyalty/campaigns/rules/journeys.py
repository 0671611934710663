"""What a journey is, who enters it, and who goes on in it for somebody else. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.campaigns.rules.consent import INBOX, PROFILING, Consents, allows

MESSAGE, WAIT, OFFER = "message", "wait", "offer"
HAD_IT = "had_it"


@dataclass(frozen=True, slots=True)
class StepRule:
    """
    A step of a version.

    :param expires_after: a wait after which its message says nothing any more; empty until the day that it is about is over
    :param variant: of the campaign's experiment that gets it; empty for all but the control
    :param survey_id: that it asks; None where it asks none
    :param offer_id: which it gives; None for none
    :param ends_without: whether who does not get that offer gets no later step either
    """

    position: int
    kind: str
    wait: str = ""
    expires_after: str = ""
    channels: tuple[str, ...] = ()
    to_all_channels: bool = False
    variant: str = ""
    step_id: int = 0
    survey_id: UUID | None = None
    offer_id: int | None = None
    ends_without: bool = True


@dataclass(frozen=True, slots=True)
class JourneyRule:
    """
    A version of a campaign, as far as it decides who enters and what ends it.

    :param exits: the facts that end an entry; of each whether it is what the campaign is for
    """

    kind: str
    steps: tuple[StepRule, ...]
    exits: Mapping[str, bool]
    again_after_days: int | None = None
    at_most_one_active: bool = True
    late_up_to_days: int = 3
    uses_profile: bool = False
    ground: str = ""

    @property
    def channels(self) -> frozenset[str]:
        """All channels by which it says something."""
        return frozenset(channel for step in self.steps for channel in step.channels)


@dataclass(frozen=True, slots=True)
class Before:
    """
    What a campaign knows of somebody who may enter.

    :param is_active: whether it is in it already
    :param last_entered_at: None where it never was
    """

    zone: ZoneInfo
    consents: Consents
    is_active: bool = False
    last_entered_at: datetime | None = None
    has_bought: bool = True


def not_entered(rule: JourneyRule, before: Before, at: datetime) -> str:
    """Return why somebody does not enter; empty where it does."""
    if rule.uses_profile and not before.consents.get(PROFILING, False):
        return "no_profiling"
    if not _may_be_told(rule, before):
        return "no_consent"
    if rule.at_most_one_active and before.is_active:
        return "active"
    if rule.again_after_days is not None and before.last_entered_at is not None:
        since = local_date(before.last_entered_at, before.zone)
        if local_date(at, before.zone) < since + timedelta(days=rule.again_after_days):
            return "again_after"
    return ""


def not_carried(rule: JourneyRule, before: Before, *, had_it: bool, is_held_out: bool) -> str:
    """
    Return why what somebody was in does not go on for the one into whom it was merged; empty where it does.

    By which channels it may be told, each message asks again when it goes.

    :param before: of the one who stays
    :param had_it: whether that one is, or was, in it because of the same
    """
    if is_held_out:
        return "held_out"
    if had_it:
        return HAD_IT
    if rule.uses_profile and not before.consents.get(PROFILING, False):
        return "no_profiling"
    return "active" if rule.at_most_one_active and before.is_active else ""


def _may_be_told(rule: JourneyRule, before: Before) -> bool:
    """Tell whether any channel of a journey is allowed: consent is read for the first time."""
    channels = rule.channels or {INBOX}
    return any(
        allows(before.consents, kind=rule.kind, channel=channel, ground=rule.ground, has_bought=before.has_bought)
        for channel in channels
    )
