"""What staff do to customers, orders and members, page by page: asked for, shown before it happens, then done and noted."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.core.admin import ModelAdmin, TextInputWidget
from customers.core.errors import DomainError
from customers.core.instants import instant_said
from customers.core.values import dataclass
from customers.models import Customer, Erasure, Order
from customers.privacy import erase
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.activity.account.merging import MergedMembership, take_merge
from loyalty.activity.correcting import take_claim
from loyalty.activity.explaining import REASONS
from loyalty.activity.progress import progress
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program

PERMISSION = "customers.change_customer"
MAX_REASON = 60  # with the author's name it is the reference of what is done


@contextmanager
def tried(is_dry: bool) -> Iterator[None]:  # noqa: FBT001 - as the verbs say it
    """Do what is inside, and undo it where it is only tried out: what is refused is refused before it is confirmed."""
    with transaction.atomic():
        yield
        if is_dry:
            transaction.set_rollback(True)


class ByStaff(ModelAdmin):
    """Pages with verbs of staff: for those who may change customers."""

    done = Q(pk__in=())  # those rows whose verb was carried out already, to whom it is not offered

    def has_staff_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        is_done = self.model._default_manager.filter(self.done, pk=object_id).exists()
        return [] if is_done else super().get_actions_detail(request, object_id)


class ReasonForm(forms.Form):
    """Why staff do something."""

    reason = forms.CharField(label=gettext_lazy("reason"), max_length=MAX_REASON, widget=TextInputWidget())


class CustomerForm(ReasonForm):
    """Whom it is about, and why."""

    customer = forms.CharField(label=gettext_lazy("customer’s external id"), max_length=100, widget=TextInputWidget())
    field_order = ("customer", "reason")


class Act(Protocol):
    """Does what a form says, or tries it out; returns what happens, line by line."""

    def __call__(self, said: dict[str, str], /, *, dry_run: bool) -> Sequence[str]: ...


@dataclass(frozen=True)
class Verb:
    """
    One thing that staff do.

    :param words: what it means, before it is asked for
    :param button: what the button says that does it
    :param done: what is said once it was done, before the lines of what happened
    :param refused: why it can be done no more; empty where it can
    """

    heading: str
    words: str
    button: str
    done: str
    form: type[forms.Form]
    act: Act
    refused: str = ""


def ask(owner: ModelAdmin, request: HttpRequest, row: Model, verb: Verb, *, whom: str = "") -> HttpResponse:
    """
    Ask, show what would happen, and do it once just that was confirmed; what is refused is said beside the question.

    What is confirmed carries a signature of what was said and shown: where either differs now, it is shown anew.
    """
    back = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    if verb.refused:
        messages.error(request, verb.refused)
        return redirect(back)
    form = verb.form(request.POST or None, initial=request.GET.dict())
    shown: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        try:
            found = verb.act(form.cleaned_data, dry_run=True)
            signature = _signature(request, row, verb, form.cleaned_data, found)
            confirmed = request.POST.get("confirmed", "")
            if constant_time_compare(confirmed, signature):
                found = verb.act(form.cleaned_data, dry_run=False)
                row.refresh_from_db()  # the log names it as it is now: an erased person by nothing
                owner.log_change(request, row, f"{verb.heading}: {form.cleaned_data['reason']}")
                messages.success(request, " ".join([verb.done, *found]))
                return redirect(back)
            shown = {"found": found, "signature": signature, "is_another": bool(confirmed), "told": _told(form)}
        except DomainError as error:
            form.add_error(None, str(error))
    context = {
        **owner.admin_site.each_context(request),
        **shown,
        "title": verb.heading,
        "verb": verb,
        "kind": row._meta.verbose_name,  # and the row itself: staff see whom it concerns before they say anything
        "row": whom or row,
        "form": form,
        "back": back,
    }
    return render(request, "activity/verb.html", context)


def _told(form: forms.Form) -> list[tuple[str, str]]:
    """Return what was said, as it is read again before it is confirmed; what was left empty is not said."""
    said = ((field, form.cleaned_data.get(field.name)) for field in form.visible_fields())
    return [(str(field.label), _in_words(field, value)) for field, value in said if value is not None and value != ""]


def _in_words(field: forms.BoundField, value: Any) -> str:
    if isinstance(value, datetime):
        return instant_said(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    labels = {str(key): str(label) for key, label in getattr(field.field, "choices", ())}
    return labels.get(str(value), str(value))


def _signature(request: HttpRequest, row: Model, verb: Verb, said: dict[str, str], found: Sequence[str]) -> str:
    """Return what only a page gives that showed somebody just this."""
    told = [request.user.pk, str(row.pk), verb.heading, sorted(said.items()), [str(line) for line in found]]
    return salted_hmac("loyalty.activity.staff", json.dumps(told, default=str), algorithm="sha256").hexdigest()


def reference_of(request: HttpRequest, said: dict[str, str]) -> str:
    """Return the proof under which something is done: the reason, and whose it is."""
    return f"{said['reason']} ({request.user.get_username()})"[:100]


def merge_into(owner: ModelAdmin, request: HttpRequest, customer: Customer) -> HttpResponse:
    """Merge a customer into another one."""

    def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
        answer = take_merge(
            customer.retailer, customer.external_id, said["customer"], reference=reference_of(request, said),
            now=timezone.now(), dry_run=dry_run,
        )  # fmt: skip
        orders = ngettext("%(count)s order goes over.", "%(count)s orders go over.", answer.merged.orders)
        names = _program_names(customer)
        return [
            _("The one who stays is %(who)s.") % {"who": _who(customer.retailer_id, answer.customer)},
            orders % {"count": answer.merged.orders},
            *(_membership_in_words(each, names) for each in answer.memberships),
        ]

    verb = Verb(
        _("Merge into another customer"),
        _("All that this customer has goes to the other one, to whom its id and its member number lead. This cannot be undone."),
        _("Merge"), _("The customers are merged."), CustomerForm, act,
        _("This customer was merged into another one already.") if customer.merged_into_id else "",
    )  # fmt: skip
    return ask(owner, request, customer, verb)


def _who(retailer_id: Any, external_id: str) -> str:
    """Return a customer as staff recognise it: by name, e-mail and id."""
    found = Customer.objects.known_as(external_id).filter(retailer=retailer_id).first()
    name = f"{found.first_name} {found.last_name}".strip() if found else ""
    known = [
        name,
        found.email if found else "",
        _("external id %(id)s") % {"id": found.external_id if found else external_id},
    ]
    return ", ".join(text for text in known if text)


def _program_names(row: Customer | Order) -> dict[str, str]:
    """Return the names of a retailer's programs by slug."""
    return dict(Program.objects.filter(retailer=row.retailer_id).values_list("slug", "name"))


def _membership_in_words(member: MergedMembership, names: dict[str, str]) -> str:
    program = names[member.program]
    if not member.merged_number:
        return _("Member %(number)s of %(program)s stays as it is.") % {
            "number": member.number, "program": program,
        }  # fmt: skip
    return _("%(points)s points, and %(pending)s pending ones, of member %(from)s go to member %(to)s of %(program)s.") % {
        "points": sum(member.points.values()), "pending": sum(member.pending.values()), "from": member.merged_number,
        "to": member.number, "program": program,
    }  # fmt: skip


def erase_person(owner: ModelAdmin, request: HttpRequest, customer: Customer) -> HttpResponse:
    """Erase the person that a customer is."""

    def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
        erased = erase(
            customer, asked_by=Erasure.AskedBy.STAFF, reason=said["reason"], author=request.user.get_username(),
            now=timezone.now(), dry_run=dry_run,
        )  # fmt: skip
        stay = ngettext("%(count)s order stays, of nobody.", "%(count)s orders stay, of nobody.", erased.orders)
        return [stay % {"count": erased.orders}, *(_lost_in_words(each) for each in erased.lost["memberships"])]

    verb = Verb(
        _("Erase the person"),
        _(
            "All that leads to the person goes for ever: name, addresses, id, member numbers, consents. Orders and points stay "
            "in the books, of nobody. The reason is kept: do not name the person in it."
        ),
        _("Erase"), _("The person is erased."), ReasonForm, act,
        _("This person was erased already.") if customer.erased_at else "",
    )  # fmt: skip
    return ask(owner, request, customer, verb)


def _lost_in_words(member: dict[str, Any]) -> str:
    words = _(
        "Nobody can use %(points)s points, %(pending)s pending ones and %(rewards)s rewards of member %(number)s of "
        "%(program)s any more."
    )
    return words % {
        "number": member["member_number"], "program": member["program"], "points": sum(member["points"].values()),
        "pending": sum(member["pending"].values()), "rewards": member["rewards"],
    }  # fmt: skip


def claim_for(owner: ModelAdmin, request: HttpRequest, order: Order) -> HttpResponse:
    """Give a guest's order to a customer."""

    def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
        answer = take_claim(
            order.retailer, order.number, said["customer"], reference=reference_of(request, said), now=timezone.now(),
            dry_run=dry_run,
        )  # fmt: skip
        names = _program_names(order)
        nothing = _("The customer is a member of no program: the order gives nothing now.")
        return [
            _("It goes to %(who)s.") % {"who": _who(order.retailer_id, said["customer"])},
            *([_given_in_words(each, names) for each in answer.decisions] or [nothing]),
        ]

    verb = Verb(
        _("Claim for a customer"),
        _("A guest’s order becomes a customer’s who has proved that it is theirs, and earns what it would have earned."),
        _("Claim"), _("The order is the customer’s now."), CustomerForm, act,
        _("This order has a customer already.") if order.customer_id else "",
    )  # fmt: skip
    return ask(owner, request, order, verb)


def _given_in_words(decision: Decision, names: dict[str, str]) -> str:
    points = decision.order.points if decision.order else 0
    words = ngettext("It gives %(points)s point in %(program)s.", "It gives %(points)s points in %(program)s.", points)
    said = words % {"points": points, "program": names[decision.versions.slug]}
    return f"{said} {REASONS[decision.reason]}" if decision.reason else said


def end_membership(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Let a member leave its program."""

    def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
        now = timezone.now()
        tier = progress(membership, at=now).current
        lost = lost_by_leaving(membership, at=now) if dry_run else leave(membership, now=now)
        lines = [
            _("%(points)s points and %(pending)s pending ones are lost.")
            % {"points": sum(lost.points.values()), "pending": sum(lost.pending.values())}
        ]
        if tier is not None:
            lines.append(_("The tier %(tier)s is lost.") % {"tier": tier})
        if lost.holds:
            lines.append(ngettext("%(count)s hold ends.", "%(count)s holds end.", lost.holds) % {"count": lost.holds})
        if lost.plan:
            words = _(
                "The paid plan %(plan)s ends; what is left of its fee is forfeited. Cancel it first to refund it."
            )
            lines.append(words % {"plan": lost.plan})
        return lines

    verb = Verb(
        _("End the membership"),
        _("The member leaves the program. Whoever enrols again begins anew, under the same number."),
        _("End it"), _("The membership has ended."), ReasonForm, act,
        _("This membership has ended already.") if membership.left_at else "",
    )  # fmt: skip
    return ask(owner, request, membership, verb)
