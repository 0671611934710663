"""A step as one member would read it now: looked at before it is published, and sent to whoever looks."""

from datetime import date, datetime
from smtplib import SMTPException
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.campaigns.feedback.links import SURVEY, survey_address
from loyalty.campaigns.messages.loading import load_settings
from loyalty.campaigns.messages.rendering import (
    NoText,
    Rendered,
    by_language,
    html_of,
    plain_text_of,
    render,
    says_suggestions,
    values_of_members,
    values_of_suggestions,
)
from loyalty.campaigns.messages.sending import route_of
from loyalty.campaigns.models import Step
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.rules.triggers import TRIGGERS
from loyalty.campaigns.transports import Outgoing
from loyalty.campaigns.transports.mail import mail_of
from loyalty.memberships.models import Membership

EXAMPLES: dict[str, Any] = {
    "cart": "C1", "birthday_on": date(2026, 12, 10), "expires_on": date(2026, 12, 31), "expiring_points": 250,
    "last_order_on": date(2026, 9, 1), "contact_on": date(2026, 11, 30), "order": "A1",
    "order_on": date(2026, 11, 20), "anniversary_on": date(2026, 12, 10),
    "years": 2, "next_tier": {"en": "Gold", "fr": "Or"}, "tier_missing": {"en": "50 points", "fr": "50 points"},
    "keeps_through": date(2026, 12, 31), "plan": {"en": "Plus", "fr": "Plus"}, "renews_on": date(2026, 12, 20),
}  # fmt: skip
OFFER_UNTIL = date(2026, 12, 31)


class NobodyToShow(DomainError):
    code = "no_such_member"
    kind = Kind.NOT_FOUND
    message = _("There is no member with the number {number}.")


class NothingToShow(DomainError):
    code = "nothing_to_show"
    kind = Kind.NOT_FOUND
    message = _("This step says nothing by {channel}.")


class NoAddress(DomainError):
    code = "no_address"
    kind = Kind.INVALID
    message = _("Your user has no e-mail address, so nothing was sent. Whoever manages the users can enter one.")


class PreviewNotSent(DomainError):
    code = "preview_not_sent"
    kind = Kind.REFUSED
    message = _("The mail server did not take it, so nothing was sent: {why}.")


def preview(step: Step, member: Membership, channel: str, language: str = "", *, now: datetime) -> Rendered:
    """
    Return what a step says to a member by a channel: with the member's own values, and examples of what it is about.

    :param language: the member's own where it is empty
    :raises NothingToShow: where it says nothing by the channel
    """
    pair = (member.customer_id, member.program_id)
    values = values_of_members(member.retailer, [pair])[pair]
    kind = TRIGGERS.get(str(step.version.trigger.get("kind")))
    language = language or values["language"]
    asked = {SURVEY: survey_address(new_id())} if step.survey_id else {}  # leads nowhere: nobody is asked
    about = asked | _offer_before(step, language)
    about |= {name: by_language(EXAMPLES[name], language) for name in (kind.values if kind else ())}
    texts = list(step.texts.all())
    if says_suggestions(texts):
        own = values_of_suggestions(member.retailer, {member.customer_id: language}, at=now)
        about |= own[member.customer_id]
    try:
        return render(texts, channel, language, {**values, "unsubscribe": "", **about})
    except NoText as error:
        raise NothingToShow(channel=Channel(channel).label) from error


def _offer_before(step: Step, language: str) -> dict[str, Any]:
    """Return what a step may say of the offer that the steps before it gave last, as who got it reads it; nothing without one."""
    before = Step.objects.filter(version=step.version_id, kind=Step.Kind.OFFER, position__lt=step.position)
    last = before.select_related("offer").order_by("position").last()
    if last is None or last.offer is None:
        return {}
    name = last.offer.name_fr if language == Retailer.Language.FRENCH and last.offer.name_fr else last.offer.name
    return {"offer": name, "offer_until": OFFER_UNTIL}


def send_to(address: str, step: Step, member: Membership, said: Rendered) -> None:
    """
    Mail a preview to somebody who is no member: by the site's mail server, and marked as one.

    :raises NoAddress: where there is none
    :raises PreviewNotSent: where the mail server does not take it
    """
    if not address:
        raise NoAddress
    settings = load_settings(member.retailer)
    subject = f"[{_('Preview')}] {said.subject}"
    with translation.override(said.language):
        text, html = plain_text_of(said), html_of(member.retailer, said)
    message = Outgoing(new_id(), step.version.kind, address, said.language, subject, text, html)
    try:
        mail_of(route_of(member.retailer, settings, Channel.EMAIL), message).send()
    except (OSError, SMTPException) as error:
        raise PreviewNotSent(why=error) from error
