"""Why a document of an offer is not applied that was made from another state than the present one."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.campaigns.document_parts import changed_findings, named


class OfferChangedSince(DomainError):
    """A document that was made from a state of its offer which is not the present one. Its findings say where that differs."""

    code = "changed_meanwhile"
    kind = Kind.CONFLICT
    message = _(
        "Offer “{code}” was changed since this document was written out: see {places}. Write it out again and make your changes "
        "there, or leave “revision” out to replace what there is."
    )

    def __init__(self, document: Mapping[str, Any], places: Sequence[str]) -> None:
        super().__init__(code=document["code"], places=named(places))
        self.findings = changed_findings(self.code, document, places)


class NoOfferToChange(DomainError):
    """A document that was made from an offer which is not here."""

    code = "changed_meanwhile"
    kind = Kind.CONFLICT
    message = _(
        "This document was written out from an offer “{code}” that is not here. Leave “revision” out to make a new one."
    )
