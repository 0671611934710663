"""Why a document of a campaign is not applied that was made from another state than the present one."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from loyalty.campaigns.document_parts import changed_findings, named
from loyalty.campaigns.models import CampaignVersion


class ChangedSince(DomainError):
    """A document that was made from a state of its campaign which is not the present one. Its findings say where that differs."""

    code = "changed_meanwhile"
    kind = Kind.CONFLICT
    message = gettext_lazy(
        "Campaign “{code}” was changed since this document was written out: see {places}. Write version {number} out again "
        "and make your changes there, or leave “revision” out to replace what there is."
    )

    def __init__(self, version: CampaignVersion, document: Mapping[str, Any], places: Sequence[str]) -> None:
        super().__init__(code=version.campaign.code, number=version.number, places=named(places))
        self.findings = changed_findings(self.code, document, places)


class NothingToChange(DomainError):
    """A document that was made from a campaign which is not here."""

    code = "changed_meanwhile"
    kind = Kind.CONFLICT
    message = gettext_lazy(
        "This document was written out from a campaign “{code}” that is not here. Leave “revision” out to make a new one."
    )
