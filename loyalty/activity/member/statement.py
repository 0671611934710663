"""A member's statement as staff read it: by wallet, kind and days, a page at a time. Reads only."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.paginator import Page, Paginator
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Case, Exists, OuterRef, QuerySet, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from customers.core.admin import SelectWidget, TextInputWidget
from customers.core.calendar import day_after, midnight
from customers.core.made_up import MadeUp
from customers.core.values import dataclass
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from loyalty.points.statement import statement_of
from loyalty.rewards.models import RewardRedemption

SHOWN = 25  # entries of a page


FIRST, LAST = date(1900, 1, 1), date(2999, 12, 31)  # days that any zone has


def _day(label: Any) -> forms.DateField:
    bounds = [MinValueValidator(FIRST), MaxValueValidator(LAST)]
    return forms.DateField(label=label, required=False, widget=TextInputWidget({"type": "date"}), validators=bounds)


class StatementForm(forms.Form):
    """Which entries of a statement to show."""

    wallet = forms.ChoiceField(label=_("wallet"), required=False, widget=SelectWidget())
    kind = forms.ChoiceField(
        label=_("kind"), required=False, choices=[("", _("all")), *Entry.Kind.choices], widget=SelectWidget()
    )
    since = _day(_("from the day"))
    through = _day(_("through the day"))

    def __init__(self, *args: Any, wallets: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["wallet"].choices = [("", _("all")), *wallets.items()]  # type: ignore[attr-defined] # of a choice
        if len(wallets) < 2:  # noqa: PLR2004 - with one there is nothing to choose
            del self.fields["wallet"]


@dataclass(frozen=True, slots=True)
class StatementPage:
    """
    A page of a statement.

    :param query: of the address, without the page's number: what its other pages are asked with
    """

    form: StatementForm
    page: Page[Entry]
    query: str
    is_filtered: bool


def statement_page(membership: Membership, asked: QueryDict, wallets: dict[str, str]) -> StatementPage:
    """Return the page of a statement that an address asks for; what cannot be meant is told in its form, and shows all."""
    form = StatementForm(asked or None, wallets=wallets)
    said = form.cleaned_data if form.is_bound and form.is_valid() else {}
    entries = _between(statement_of(membership), said.get("since"), said.get("through"), membership.program.tzinfo)
    if said.get("wallet"):
        entries = entries.filter(wallet__code=said["wallet"])
    if said.get("kind"):
        entries = entries.filter(kind=said["kind"])
    kept = asked.copy()
    kept.pop("page", None)
    return StatementPage(
        form, Paginator(entries, SHOWN).get_page(asked.get("page")), kept.urlencode(), any(said.values())
    )


def _between(entries: QuerySet[Entry], since: date | None, through: date | None, zone: ZoneInfo) -> QuerySet[Entry]:
    """Return the entries of some days of a zone."""
    if since is not None:
        entries = entries.filter(occurred_at__gte=midnight(since, zone))
    if through is not None:
        entries = entries.filter(occurred_at__lt=midnight(day_after(through), zone))
    return entries


def open_redemptions(membership: Membership) -> QuerySet[Entry]:
    """Return what a member redeemed that can be given back by itself: not undone, and no reward's price; the newest first."""
    undone = Entry.objects.filter(wallet=OuterRef("wallet"), cause=MadeUp("restore:", OuterRef("pk")))
    reward = RewardRedemption.objects.filter(membership=membership, reference=OuterRef("reference"))
    redeemed = statement_of(membership).filter(kind=Entry.Kind.REDEEM, occurred_at__gte=membership.enrolled_at)
    named = redeemed.alias(reference=KeyTextTransform("reference", "explanation"))
    # Within CASE each is looked up by its cause; a join would read all that ever happened to the wallet, once for each.
    returned = Case(When(Exists(undone), then=Value(1)), default=Value(0))
    return named.alias(returned=returned).filter(returned=0).exclude(Exists(reward))
