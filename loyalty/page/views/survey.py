"""A question that was asked, answered by whoever has its link: no sign-in, and the last answer counts."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods

from customers.core import tenancy
from customers.core.errors import DomainError
from customers.models import Retailer
from loyalty.campaigns.feedback.answering import (
    ChangedTooOften,
    InvalidScore,
    answer,
    last_answer,
    question_of,
    refusal_of,
)
from loyalty.campaigns.feedback.links import UnknownInvitation, invitation_of
from loyalty.campaigns.models import Invitation
from loyalty.campaigns.rules.surveys import MAX_COMMENT, SCALES
from loyalty.page.visit import guarded, shop_of


@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, token: str) -> HttpResponse:
    """Ask a question, or take its answer; who looks again reads that it is answered, and may change it."""
    try:
        with tenancy.acting_for(tenancy.ALL_TENANTS):
            invitation = invitation_of(token)
    except UnknownInvitation as refusal:
        return guarded(_nothing(request, refusal))
    with tenancy.acting_for(invitation.retailer_id), translation.override(_language(request, invitation)):
        response = guarded(_of_invitation(request, invitation, token))
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _language(request: HttpRequest, invitation: Invitation) -> str:
    """Return the language that the reader chose here, else the customer's, else the retailer's."""
    chosen = request.COOKIES.get("django_language", "")
    if chosen in Retailer.Language.values:
        return chosen
    customer = invitation.customer.merged_into or invitation.customer
    return customer.language or invitation.retailer.language


def _nothing(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    return render(request, "page/no_survey.html", {"refusal": str(refusal)}, status=404)


def _of_invitation(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    refusal = refusal_of(invitation, now=timezone.now())
    if request.method != "POST":
        return _shown(request, invitation, refusal)
    if refusal is not None:
        return _page(request, invitation, {"over": str(refusal)}, 409)
    score, comment = _score(request.POST.get("score", "")), request.POST.get("comment", "")
    try:
        answer(invitation.pk, -1 if score is None else score, comment, by="link", now=timezone.now())
    except ChangedTooOften as error:
        return _page(request, invitation, {"over": str(error)}, 409)
    except DomainError as error:
        is_score = isinstance(error, InvalidScore)
        said = {"chosen": score, "comment": comment, "refusal": error, "is_score": is_score}
        return _page(request, invitation, said, 400)
    return redirect("survey", token=token)


def _shown(request: HttpRequest, invitation: Invitation, refusal: DomainError | None) -> HttpResponse:
    """Show the question, or that it is answered."""
    before, chosen = last_answer(invitation), _score(request.GET.get("score", ""))
    if before is None and refusal is not None:
        return _page(request, invitation, {"over": str(refusal)}, 409)
    if before is None:
        return _page(request, invitation, {"chosen": chosen})
    # What it wrote is not shown: whoever was sent the address reads this as well.
    said = {"thanks": True, "may_change": refusal is None, "chosen": chosen}
    return _page(request, invitation, said)


def _score(text: str) -> int | None:
    """Return a score as browsers send it; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("10") else None


def _page(request: HttpRequest, invitation: Invitation, said: Mapping[str, object], status: int = 200) -> HttpResponse:
    asked = invitation.survey
    about = {
        "shop": shop_of(invitation.retailer), "survey": asked, "scale": SCALES[asked.kind], "limit": MAX_COMMENT,
        "question": question_of(asked, translation.get_language() or "en"),
    }  # fmt: skip
    return render(request, "page/survey.html", {**about, **said}, status=status)
