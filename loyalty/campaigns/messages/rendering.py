"""What a message says to its recipient: its frozen text, with values as they are when it goes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from customers.suggesting import suggested_names
from loyalty.campaigns.feedback.links import INVITATION, SURVEY, survey_address
from loyalty.campaigns.messages.texts import fill, names_products
from loyalty.campaigns.models import Message, StepText
from loyalty.campaigns.models.words import Channel, MessageKind
from loyalty.campaigns.reaching.unsubscribing import address_of
from loyalty.campaigns.transports import Outgoing

INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True)
MAX_SUBJECT, MAX_BUTTON, MAX_LINK = 300, 100, 1_000
# With a space that does not break an SMS is written in an alphabet of which 70 characters are one, instead of 160.
BREAKING = str.maketrans("\u00a0\u202f", "  ")
# Of the program that a message's campaign is of; of who is no member of it, the customer's name alone.
MEMBERS = """
SELECT c.id, p.id, c.first_name, c.last_name, c.language, p.name, p.slug, s.number, w.available, t.name, t.name_fr
FROM (SELECT unnest(%b::uuid[]) AS customer_id, unnest(%b::bigint[]) AS program_id) k
JOIN customers_customer c ON c.id = k.customer_id
LEFT JOIN programs_program p ON p.id = k.program_id
LEFT JOIN memberships_membership s ON s.customer_id = c.id AND s.program_id = p.id AND s.left_at IS NULL
LEFT JOIN points_wallet w ON w.membership_id = s.id AND w.code = 'points'
LEFT JOIN tiers_standing g ON g.membership_id = s.id
LEFT JOIN tiers_tier t ON t.id = g.tier_id
"""
Pair = tuple[UUID, int | None]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text as its recipient reads it."""

    language: str
    subject: str
    body: str
    button: str = ""
    link: str = ""

    @property
    def digest(self) -> str:
        return sha256(repr((self.subject, self.body, self.button, self.link)).encode()).hexdigest()


class NoText(Exception):
    """That a step says nothing by a channel: no text is written, or an empty one comes of it."""


def render(texts: Iterable[StepText], channel: str, language: str, values: Mapping[str, Any]) -> Rendered:
    """
    Return what a step says by a channel: in a language, else in any that it is written in.

    :raises NoText: where it is written in none, or nothing is left of it: all that it says stands behind what is not so
    """
    own = {text.language: text for text in texts if text.channel == channel}
    text = own.get(language) or next((own[each] for each in sorted(own)), None)
    if text is None:
        raise NoText(channel)
    if not (body := fill(text.body, values, text.language).strip()):
        raise NoText(channel)
    link = fill(text.link, values, text.language).strip()[:MAX_LINK]
    has_link = link.startswith(("https://", "http://"))
    return Rendered(
        text.language,
        " ".join(fill(text.subject, values, text.language).split())[:MAX_SUBJECT],
        body,
        fill(text.button, values, text.language).strip()[:MAX_BUTTON] if has_link else "",
        link if has_link else "",
    )


def outgoing(  # noqa: PLR0913 - what a message is
    retailer: Retailer, message_id: UUID, kind: str, channel: str, address: str, said: Rendered
) -> Outgoing:
    """Return a message as it goes out, with its way out of such messages unless it is of service."""
    leaves = "" if kind == MessageKind.SERVICE or channel == Channel.INBOX else address_of(message_id)
    with translation.override(said.language):
        text = said.body if channel == Channel.PUSH else plain_text_of(said)
        html = ""
        if channel == Channel.EMAIL:
            html = html_of(retailer, said, leaves)
            text = f"{text}\n\n-- \n{_labelled(_('No more of these messages'), leaves)}" if leaves else text
        elif channel == Channel.SMS and kind == MessageKind.MARKETING:
            text = f"{text}\nSTOP: {leaves}"
        if channel == Channel.SMS:
            text = text.translate(BREAKING)
    return Outgoing(message_id, kind, address, said.language, said.subject, text, html, said.button, said.link, leaves)


def plain_text_of(said: Rendered) -> str:
    """Return a text without its form, its button as a line; in the language that is active."""
    return said.body if not said.link else f"{said.body}\n\n{_labelled(said.button, said.link)}"


def _labelled(label: str, link: str) -> str:
    """Return where something leads, as the language that is active writes it."""
    return _("%(label)s: %(link)s") % {"label": label, "link": link}


def html_of(retailer: Retailer, said: Rendered, unsubscribe: str = "") -> str:
    """Return a text as the HTML of a mail, in the language that is active; its styles stand in its tags."""
    paragraphs = [part.strip() for part in said.body.replace("\r\n", "\n").split("\n\n") if part.strip()]
    html = render_to_string(
        "campaigns/mail.html",
        {
            "language": said.language, "subject": said.subject, "paragraphs": paragraphs, "button": said.button,
            "link": said.link, "retailer": retailer.name, "unsubscribe": unsubscribe,
        },
    )  # fmt: skip
    return str(INLINER.inline(html))


def texts_of(step_ids: Iterable[int]) -> dict[int, list[StepText]]:
    """Return the texts of steps, by step."""
    found: dict[int, list[StepText]] = {}
    for text in StepText.objects.filter(step__in=set(step_ids)):
        found.setdefault(text.step_id, []).append(text)
    return found


def by_language(value: Any, language: str) -> Any:
    """Return a value as a language has it, where it is kept in each."""
    return value.get(language, "") if isinstance(value, dict) else value


def values_of(retailer: Retailer, messages: Sequence[Message]) -> dict[UUID, dict[str, Any]]:
    """Return what the texts of messages may say of their recipients now, and of the facts that they are about."""
    pairs = {row.pk: (row.customer_id, row.campaign.program_id if row.campaign else None) for row in messages}
    known = values_of_members(retailer, pairs.values())
    found = {}
    for row in messages:
        own = known[pairs[row.pk]]
        about = {name: by_language(value, own["language"]) for name, value in row.values.items()}
        asked = {SURVEY: survey_address(UUID(hex=about[INVITATION]))} if INVITATION in about else {}
        found[row.pk] = {**own, "unsubscribe": address_of(row.pk), **about, **asked}
    return found


def values_of_suggestions(
    retailer: Retailer, languages: Mapping[UUID, str], *, at: datetime
) -> dict[UUID, dict[str, str]]:
    """
    Return the products that texts may name to customers, by the profile that each allows at an instant.

    :param languages: in which each of them is told
    """
    found = {}
    for key, names in suggested_names(retailer, list(languages), at=at).items():
        with translation.override(languages[key]):
            found[key] = {
                "again": _listed(names.again), "new_to_you": _listed(names.new), "popular": _listed(names.popular)
            }  # fmt: skip
    return found


def _listed(names: Sequence[str]) -> str:
    """Return names as a text has them: one, two and three."""
    *first, last = names or ("",)
    return _("%(first)s and %(second)s") % {"first": ", ".join(first), "second": last} if first else last


def says_suggestions(texts: Iterable[StepText]) -> bool:
    """Tell whether texts name products for whoever reads them."""
    return any(names_products(getattr(text, name)) for text in texts for name in ("subject", "body", "button", "link"))


def values_of_members(retailer: Retailer, pairs: Iterable[Pair]) -> dict[Pair, dict[str, Any]]:
    """Return what texts may say of customers in programs as they are now; of none in no program, what is known anyway."""
    found: dict[Pair, dict[str, Any]] = {}
    for row in bulk.fetch(MEMBERS, bulk.columns_of(sorted(set(pairs), key=str))):
        customer, program, first, last, language, name, slug, number, points, tier, tier_fr = row
        language = language or retailer.language
        page = reverse("page:home", args=[retailer.slug, slug]) if slug else reverse("page:start", args=[retailer.slug])
        found[customer, program] = {
            "language": language,
            "first_name": first,
            "last_name": last,
            "retailer": retailer.name,
            "program": name or "",
            "number": number or "",
            "points": points or 0,
            "tier": (tier_fr if language == Retailer.Language.FRENCH and tier_fr else tier) or "",
            "page": settings.PUBLIC_URL.rstrip("/") + page,
        }
    return found
