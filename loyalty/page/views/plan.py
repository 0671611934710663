"""A member's paid plan: see, join, change, cancel, go on; and its invoices."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.core.calendar import day_before
from customers.core.values import dataclass
from loyalty.activity.versions import versions_of_member
from loyalty.memberships.models import Membership
from loyalty.page.visit import Visit, go, of_member, show
from loyalty.plans.account.joining import cancel, change, had_trial, join, resume
from loyalty.plans.account.offering import shown_to
from loyalty.plans.models import Invoice, PaidPlan
from loyalty.plans.overview import MembersPlan, Overview, overview

SHOWN = 12


def overview_of(member: Membership) -> Overview:
    """Return a member's plan as it is now."""
    return overview(member, versions_of_member(member), at=timezone.now())


@of_member
def plan(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member its plan, and which there are."""
    found = shown_to(visit.member, overview_of(visit.member), at=timezone.now())
    invoices = Invoice.objects.filter(subscription__membership=visit.member).select_related("plan").order_by("-id")
    may_try = found.mine is None and not had_trial(visit.member)
    said = {"here": "me", "plan": found, "invoices": invoices[:SHOWN], "may_try": may_try}
    return show(request, visit, "page/plan.html", said)


@of_member
def choose(request: HttpRequest, visit: Visit, code: str) -> HttpResponse:
    """Ask before a member joins a plan or changes to it; do it when the member says so, for what it was told."""
    found = overview_of(visit.member)
    wanted = next((each for each in found.offered if each.code == code), None)
    if wanted is None:
        raise Http404(_("There is no such plan."))
    verb = join if found.mine is None else change
    told = request.POST.get("told", "") if request.method == "POST" else None
    outcome = _choose(visit.member, wanted, lambda: verb(visit.member, code, now=timezone.now()), told=told)
    if outcome.is_done:
        messages.success(request, _said(overview_of(visit.member), wanted))
        return go(visit, "plan")
    if told is not None:
        messages.error(request, _("What it costs has changed. Please look at it again."))
    context = {"here": "me", "plan": found, "wanted": wanted, "after": outcome.after, "lines": _lines(outcome.after)}
    return show(request, visit, "page/choose.html", context | {"told": outcome.told})


@dataclass(frozen=True, slots=True)
class _Outcome:
    """
    What a member's plan is after a choice, or would be.

    :param told: a name of what it costs, and for which days: of another price it is another one
    :param is_done: whether it stays; what was only asked, or costs something else than was told, leaves no trace
    """

    after: MembersPlan | None
    told: str
    is_done: bool


def _choose(member: Membership, wanted: PaidPlan, do: Callable[[], object], *, told: str | None) -> _Outcome:
    """
    Try a choice out, and keep it where it comes to what was told.

    :param told: the name of that; empty where nobody says, None where the member is only asked
    """
    with transaction.atomic():
        is_new = do()
        after = overview_of(member).mine
        name = _named(wanted, after)
        is_done = told is not None and (not is_new or told in {"", name})
        transaction.set_rollback(not is_done)
    return _Outcome(after, name, is_done)


def _named(wanted: PaidPlan, after: MembersPlan | None) -> str:
    said = [f"{wanted.price:f}", wanted.period, after and after.state.status, after and str(after.last_day)]
    said += [f"{line['plan'].code} {line['first']} {line['last']} {line['amount']:f}" for line in _lines(after)]
    if after and after.invoice:
        said.append(f"{after.invoice.amount:f}")
    return sha256(json.dumps(said).encode()).hexdigest()


def _lines(after: MembersPlan | None) -> list[dict[str, Any]]:
    """Return what an invoice charges and credits: for a plan, from one day through another."""
    lines = after.invoice.lines if after and after.invoice else ()
    return [
        {"plan": line.plan, "first": line.first_day, "last": day_before(line.end_day), "amount": line.amount}
        for line in lines
    ]


def _said(found: Overview, wanted: PaidPlan) -> str:
    """Return what has become of a wish for a plan: it may wait for its payment, or for the period's end."""
    mine = found.mine
    if mine is not None and mine.invoice is not None:
        return _("%(plan)s begins with its payment.") % {"plan": wanted}
    is_now = mine is not None and mine.plan.key == wanted.key
    return (_("You have %(plan)s now.") if is_now else _("Your change to %(plan)s is noted.")) % {"plan": wanted}


@require_POST
@of_member
def end(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let a member's plan end with its period."""
    return _done(request, visit, cancel, _("Your plan ends with its period. Until then nothing changes."))


@require_POST
@of_member
def go_on(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let a plan that was cancelled go on."""
    return _done(request, visit, resume, _("Your plan goes on."))


def _done(request: HttpRequest, visit: Visit, verb: Callable[..., object], words: str) -> HttpResponse:
    verb(visit.member, now=timezone.now())
    messages.success(request, words)
    return go(visit, "plan")
