"""Ready-made journeys: documents that ship with this, in English and French. One becomes a draft, and is edited as any other."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.document_parts import Document
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.publishing.documents import FORMAT, LANGUAGES, apply_document, schema
from loyalty.configuration.plain_yaml import read_yaml
from loyalty.programs.models import Program

SHIPPED = Path(__file__).parent / "ready"
# As one reads them: from the first day of a member to the last.
ORDER = (
    "welcome", "first-purchase", "abandoned-cart", "birthday", "anniversary", "points-expiring", "tier-within-reach",
    "tier-at-risk", "win-back", "vip-at-risk", "review-request", "plan-renewal", "stage-prospect", "stage-new", "stage-loyal",
    "stage-lapsing",
)  # fmt: skip


class NoSuchReadyMade(DomainError):
    code = "no_such_ready_made"
    kind = Kind.NOT_FOUND
    message = _("There is no ready-made journey “{name}”. There are: {known}.")


class CampaignCodeTaken(DomainError):
    code = "campaign_exists"
    kind = Kind.CONFLICT
    message = _(
        "There is a campaign {campaign} already, and it stays as it is. Choose another code; to change that campaign, edit "
        "its draft or apply a document with its code."
    )


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """
    A journey that ships with this.

    :param titles: by language
    :param abouts: what it does, by language
    :param content: what its document says, but for its program, code and name
    """

    name: str
    titles: Mapping[str, str]
    abouts: Mapping[str, str]
    content: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What it is called, in the reader's language."""
        return _own(self.titles)

    @property
    def about(self) -> str:
        """What it does, in the reader's language."""
        return _own(self.abouts)

    def document(self, program: Program, code: str = "") -> Document:
        """Return it as a document of a program. :param code: its own name where it is empty"""
        about = {
            "campaign": FORMAT, "program": program.slug, "code": code or self.name,
            "name": self.titles[program.retailer.language],
        }  # fmt: skip
        found = {**about, **deepcopy(dict(self.content))}
        return {name: found[name] for name in schema()["properties"] if name in found}  # in the order of an export


def _own(texts: Mapping[str, str]) -> str:
    language = (translation.get_language() or "en")[:2]
    return texts.get(language, texts["en"])


@cache
def ready_made() -> Mapping[str, ReadyMade]:
    """Return all of them by name, in their order."""
    return {name: _read(name) for name in ORDER}


def ready_made_named(name: str) -> ReadyMade:
    """Return one of them. :raises NoSuchReadyMade: naming those that there are"""
    found = ready_made().get(name)
    if found is None:
        raise NoSuchReadyMade(name=name, known=", ".join(ORDER))
    return found


@transaction.atomic
def begin(program: Program, name: str, *, code: str = "", now: datetime) -> CampaignVersion:
    """
    Return the draft of a new campaign made of a ready-made journey; nothing is sent before it is published.

    :param code: of the campaign; its name where it is empty, with a number where there is one of that name
    :raises NoSuchReadyMade: naming those that there are
    :raises CampaignCodeTaken: where there is a campaign of that code
    """
    found = ready_made_named(name)
    if code and Campaign.objects.filter(retailer=program.retailer, code=code).exists():
        raise CampaignCodeTaken(campaign=code)
    return apply_document(program.retailer, found.document(program, code or _free(program.retailer, name)), now=now)


def _free(retailer: Retailer, name: str) -> str:
    taken = set(Campaign.objects.filter(retailer=retailer, code__startswith=name).values_list("code", flat=True))
    return next(each for each in chain([name], (f"{name}-{number}" for number in count(2))) if each not in taken)


def _read(name: str) -> ReadyMade:
    said = read_yaml((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"))
    titles, abouts = said.pop("title"), said.pop("about")
    return ReadyMade(name, titles, abouts, {**said, "steps": [_step(each) for each in said["steps"]]})


def _step(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step with its texts, which are the same by each of its channels."""
    own = {name: value for name, value in said.items() if name not in LANGUAGES}
    texts = {language: said[language] for language in LANGUAGES if language in said}
    by_channel = {channel: deepcopy(texts) for channel in said.get("channels", ())}
    return own | ({"texts": by_channel} if texts else {})
