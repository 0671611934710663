"""What staff note of a contact with support, such as a call: recorded and decided as what a shop's systems report of one."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.batches import Status
from customers.core.admin import ModelAdmin, SelectWidget, SmallTextareaWidget, SplitDateTimeWidget, TextInputWidget
from customers.core.contacts import CONTACT, MAX_COMMENT, MAX_TOPIC
from customers.core.ids import new_id
from customers.facts import InteractionFact
from customers.interaction_pages import topics_of
from customers.models import Customer, Interaction
from loyalty.activity.intake import InteractionAnswer, take_interactions
from loyalty.activity.staff import Verb, ask, tried

MAX_CHANNEL = 50
NUMBER = "staff:{key}"  # of a contact that staff noted: what is sent twice is recorded once


def _this_minute() -> Any:
    return timezone.localtime().replace(second=0, microsecond=0)


class ContactForm(forms.Form):
    """When a contact was, what it was about and how it ended; nobody has to say why it is noted."""

    key = forms.UUIDField(widget=forms.HiddenInput(), initial=new_id)
    reason = forms.CharField(widget=forms.HiddenInput(), required=False)
    occurred_at = forms.SplitDateTimeField(
        label=gettext_lazy("when"), initial=_this_minute, widget=SplitDateTimeWidget()
    )
    channel = forms.CharField(
        label=gettext_lazy("channel"), max_length=MAX_CHANNEL, required=False, widget=TextInputWidget(),
        help_text=gettext_lazy("Such as phone, chat or store."),
    )  # fmt: skip
    topic = forms.CharField(label=gettext_lazy("topic"), max_length=MAX_TOPIC, required=False, widget=TextInputWidget())
    outcome = forms.ChoiceField(
        label=gettext_lazy("outcome"), choices=[("", "-"), *Interaction.Outcome.choices], required=False,
        widget=SelectWidget(),
    )  # fmt: skip
    comment = forms.CharField(
        label=gettext_lazy("comment"), max_length=MAX_COMMENT, required=False, widget=SmallTextareaWidget(),
        help_text=gettext_lazy("Is the person’s: in its export, and gone with its erasure."),
    )  # fmt: skip
    topics: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.topics:
            self.fields["topic"].help_text = _("Among those of before: %(topics)s.") % {
                "topics": ", ".join(self.topics)
            }


def record_contact(owner: ModelAdmin, request: HttpRequest, customer: Customer) -> HttpResponse:
    """Note a contact of a customer with support."""
    known = topics_of(Interaction.objects.filter(retailer=customer.retailer_id))
    form = type("ContactForm", (ContactForm,), {"topics": tuple(known)})

    def act(said: dict[str, Any], *, dry_run: bool) -> list[str]:
        fact = InteractionFact(
            NUMBER.format(key=said["key"]), customer.external_id, CONTACT, said["occurred_at"],
            channel=said["channel"], topic=said["topic"], outcome=said["outcome"], comment=said["comment"],
        )  # fmt: skip
        with tried(dry_run):
            (answer,) = take_interactions(customer.retailer, [fact], now=timezone.now())
        if answer.outcome.error is not None:
            raise answer.outcome.error
        if answer.outcome.status is Status.UNCHANGED:
            return [_("This was done already: nothing changes.")]
        when = timezone.localtime(fact.occurred_at, customer.retailer.tzinfo)
        facts = {"when": date_format(when, "DATETIME_FORMAT"), "zone": customer.retailer.zone}
        return [_("The contact is of %(when)s (%(zone)s).") % facts, *_given(answer)]

    verb = Verb(
        _("Note a contact with support"),
        _("It is recorded as those that your systems report: journeys that begin or end with a contact learn of it."),
        _("Note it"), _("The contact is noted."), form, act,
        _("This customer was merged into another one already.") if customer.merged_into_id
        else _("This person was erased already.") if customer.erased_at else "",
    )  # fmt: skip
    return ask(owner, request, customer, verb)


def _given(answer: InteractionAnswer) -> list[str]:
    """Say what a contact earns, where a program gives something for one."""
    points = sum(each.interaction.points for each in answer.decisions if each.interaction is not None)
    words = ngettext("It gives %(points)s point.", "It gives %(points)s points.", points)
    return [words % {"points": points}] if points else []
