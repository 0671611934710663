"""What staff do to customers, orders and members, page by page: asked for, shown before it happens, then done and noted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.core.admin import ModelAdmin, TextInputWidget
from customers.core.errors import DomainError
from customers.models import Customer, Order
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.activity.account.merging import MergedMembership, take_merge
from loyalty.activity.correcting import take_claim
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership

PERMISSION = "customers.change_customer"
MAX_REASON = 60  # with the author's name it is the reference of what is done


class ReasonForm(forms.Form):
    """Why staff do something."""

    reason = forms.CharField(label=gettext_lazy("reason"), max_length=MAX_REASON, widget=TextInputWidget())


class CustomerForm(ReasonForm):
    """Whom it is about, and why."""

    customer = forms.CharField(label=gettext_lazy("customer’s external id"), max_length=100, widget=TextInputWidget())
    field_order = ("customer", "reason")


@dataclass(frozen=True)
class Verb:
    """
    One thing that staff do.

    :param words: what it means, before it is asked for
    :param button: what the button says that does it
    :param act: does it, or tries it out; returns what happens, line by line
    """

    heading: str
    words: str
    button: str
    form: type[forms.Form]
    act: Callable[[dict[str, str], bool], Sequence[str]]


def ask(owner: ModelAdmin, request: HttpRequest, row: Model, verb: Verb) -> HttpResponse:
    """Ask, show what would happen, and do it once that was confirmed; what is refused is said beside the question."""
    form = verb.form(request.POST or None)
    back = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    found: Sequence[str] = ()
    if request.method == "POST" and form.is_valid():
        is_confirmed = "confirmed" in request.POST
        try:
            found = verb.act(form.cleaned_data, not is_confirmed)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            if is_confirmed:
                owner.log_change(request, row, f"{verb.heading}: {form.cleaned_data['reason']}")
                messages.success(request, " ".join([verb.heading, *found]))
                return redirect(back)
    context = {**owner.admin_site.each_context(request), "title": verb.heading, "heading": verb.heading, "words": verb.words,
               "button": verb.button, "form": form, "found": found, "is_tried": bool(found), "back": back}  # fmt: skip
    return render(request, "activity/verb.html", context)


def reference_of(request: HttpRequest, said: dict[str, str]) -> str:
    """Return the proof under which something is done: the reason, and whose it is."""
    return f"{said['reason']} ({request.user.get_username()})"[:100]


def merge_into(owner: ModelAdmin, request: HttpRequest, customer: Customer) -> HttpResponse:
    """Merge a customer into another one."""

    def act(said: dict[str, str], dry_run: bool) -> list[str]:  # noqa: FBT001 - whether it is tried out
        answer = take_merge(
            customer.retailer, customer.external_id, said["customer"], reference=reference_of(request, said),
            now=timezone.now(), dry_run=dry_run,
        )  # fmt: skip
        orders = ngettext("%(count)s order goes over.", "%(count)s orders go over.", answer.merged.orders)
        return [orders % {"count": answer.merged.orders}, *map(_membership_in_words, answer.memberships)]

    verb = Verb(
        _("Merge into another customer"),
        _("All that this customer has goes to the other one, to whom its id and its member number lead. This cannot be undone."),
        _("Merge"), CustomerForm, act,
    )  # fmt: skip
    return ask(owner, request, customer, verb)


def _membership_in_words(member: MergedMembership) -> str:
    if not member.merged_number:
        return _("Member %(number)s of %(program)s stays as it is.") % {
            "number": member.number, "program": member.program,
        }  # fmt: skip
    return _("%(points)s points, and %(pending)s pending ones, of member %(from)s go to member %(to)s of %(program)s.") % {
        "points": sum(member.points.values()), "pending": sum(member.pending.values()), "from": member.merged_number,
        "to": member.number, "program": member.program,
    }  # fmt: skip


def claim_for(owner: ModelAdmin, request: HttpRequest, order: Order) -> HttpResponse:
    """Give a guest's order to a customer."""

    def act(said: dict[str, str], dry_run: bool) -> list[str]:  # noqa: FBT001 - whether it is tried out
        answer = take_claim(
            order.retailer, order.number, said["customer"], reference=reference_of(request, said), now=timezone.now(),
            dry_run=dry_run,
        )  # fmt: skip
        return [_given_in_words(each) for each in answer.decisions] or [
            _("The customer is a member of no program: the order gives nothing now.")
        ]

    verb = Verb(
        _("Claim for a customer"),
        _("A guest’s order becomes a customer’s who has proved that it is theirs, and earns what it would have earned."),
        _("Claim"), CustomerForm, act,
    )  # fmt: skip
    return ask(owner, request, order, verb)


def _given_in_words(decision: Decision) -> str:
    points = decision.order.points if decision.order else 0
    words = ngettext("It gives %(points)s point in %(program)s.", "It gives %(points)s points in %(program)s.", points)
    return words % {"points": points, "program": decision.versions.slug}


def end_membership(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Let a member leave its program."""

    def act(_said: dict[str, str], dry_run: bool) -> list[str]:  # noqa: FBT001 - whether it is tried out
        now = timezone.now()
        lost = lost_by_leaving(membership, at=now) if dry_run else leave(membership, now=now)
        lines = [
            _("%(points)s points and %(pending)s pending ones are lost.")
            % {"points": sum(lost.points.values()), "pending": sum(lost.pending.values())}
        ]
        if lost.tier:
            lines.append(_("The tier %(tier)s is lost.") % {"tier": lost.tier})
        if lost.holds:
            lines.append(ngettext("%(count)s hold ends.", "%(count)s holds end.", lost.holds) % {"count": lost.holds})
        return lines

    verb = Verb(
        _("End the membership"),
        _("The member leaves the program. Whoever enrols again begins anew, under the same number."),
        _("End it"), ReasonForm, act,
    )  # fmt: skip
    return ask(owner, request, membership, verb)
