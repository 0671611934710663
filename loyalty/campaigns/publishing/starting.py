"""The start of a campaign: what is known of it before, and the question that is asked where too few are in an arm."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.publishing.audience import Audience, audience_of
from loyalty.campaigns.publishing.checking import flaws_of
from loyalty.campaigns.publishing.managing import CampaignHasFlaws, publish
from loyalty.experiments.models import Experiment

MIN_PER_ARM = 100


class FewPerArm(DomainError):
    code = "few_per_arm"
    kind = Kind.CONFLICT
    message = _(
        "The smallest variant of the experiment will have {customers} customers, and nobody learns anything from fewer than "
        "{least}. Confirm that it shall start all the same, or hold out a larger share."
    )


class Forecast(Protocol):
    """Says which effect an experiment can detect among so many customers: the setting CAMPAIGN_FORECAST names it."""

    def __call__(self, experiment: Experiment, customers: int, *, now: datetime) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    What is known of a campaign before it starts.

    :param effect: the smallest effect that its experiment can detect, as `amount` (a customer), `percent` (of what one
        brings; None where that is nothing) and `currency`; or why nobody knows, as `reason`. None where it has no experiment
    """

    audience: Audience
    effect: Mapping[str, Any] | None

    @property
    def needs_confirmation(self) -> bool:
        """Tell whether an arm has so few customers that its start has to be confirmed."""
        smallest = self.audience.smallest_arm
        return smallest is not None and smallest < MIN_PER_ARM


def outlook_of(version: CampaignVersion, *, now: datetime) -> Outlook:
    """
    Return what is known of a campaign before a version of it starts.

    :raises CampaignHasFlaws: where it could not be published: nobody knows whom it would find
    """
    if errors := [each for each in flaws_of(version) if each.is_error]:
        raise CampaignHasFlaws(errors)
    campaign = version.campaign
    audience = audience_of(campaign, version, now=now)
    if campaign.experiment is None:
        return Outlook(audience, None)
    forecast: Forecast = import_string(settings.CAMPAIGN_FORECAST)
    return Outlook(audience, forecast(campaign.experiment, audience.expected, now=now))


@transaction.atomic
def start(version: CampaignVersion, *, author: str, confirms_few: bool, now: datetime) -> tuple[Campaign, Outlook]:
    """
    Publish a version, and return the campaign with what was known of it.

    :param confirms_few: that it shall start although an arm has too few customers
    :raises FewPerArm: where it has, and that was not said
    :raises CampaignHasFlaws: as `publish`
    """
    campaign = publish(version, author=author, now=now)
    outlook = outlook_of(version, now=now)
    if outlook.needs_confirmation and not confirms_few:
        raise FewPerArm(customers=outlook.audience.smallest_arm, least=MIN_PER_ARM)
    return campaign, outlook
