"""Why a document of a campaign is not applied that was made from another state than the present one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from loyalty.campaigns.models import CampaignVersion
from loyalty.configuration.findings import Finding

MAX_PLACES, MAX_FINDINGS, MAX_SAID = 5, 50, 200
Document = Mapping[str, Any]


class ChangedSince(DomainError):
    """A document that was made from a state of its campaign which is not the present one. Its findings say where that differs."""

    code = "changed_meanwhile"
    kind = Kind.CONFLICT
    message = gettext_lazy(
        "Campaign “{code}” was changed since this document was written out: see {places}. Write version {number} out again "
        "and make your changes there, or leave “revision” out to replace what there is."
    )

    def __init__(self, version: CampaignVersion, document: Document, places: Sequence[str]) -> None:
        told = places if len(places) <= MAX_PLACES else [*places[:MAX_PLACES], "…"]
        super().__init__(code=version.campaign.code, number=version.number, places=", ".join(told))
        self.findings = tuple(
            Finding.error(self.code, place, _now_said(document, place)) for place in places[:MAX_FINDINGS]
        )


class NothingToChange(DomainError):
    """A document that was made from a campaign which is not here."""

    code = "changed_meanwhile"
    kind = Kind.CONFLICT
    message = gettext_lazy(
        "This document was written out from a campaign “{code}” that is not here. Leave “revision” out to make a new one."
    )


def _now_said(document: Document, place: str) -> str:
    """Return what a place of a document says now that was changed since."""
    name, _slash, at = place.partition("/")
    steps = document["steps"]
    said = document.get(name) if name != "steps" else steps[int(at)] if int(at) < len(steps) else None
    if said is None:
        return _("It says nothing now.") if name != "steps" else _("There is no such step now.")
    words = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    short = words if len(words) <= MAX_SAID else f"{words[:MAX_SAID]}…"
    return _("It is now: %(said)s") % {"said": short}
