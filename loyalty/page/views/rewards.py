"""What a member gets for its points: the catalogue, redeeming, and the codes that it shows at the till."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.activity.rewards.undoing import cancel_reward
from loyalty.page import reading
from loyalty.page.visit import Visit, go, of_member, show
from loyalty.rewards.models import RewardRedemption

OPEN = (RewardRedemption.Status.ISSUED, RewardRedemption.Status.IN_PROGRESS)
PAST = 20
LARGEST = 2**31 - 1


class RedeemForm(forms.Form):
    """
    What a member says when it redeems: under which name, so that the same form sent twice is one request.

    It says too what the page had told of the reward: nobody pays another price than it read.
    """

    reference = forms.SlugField(max_length=80, widget=forms.HiddenInput)
    wallet = forms.SlugField(max_length=50, required=False, widget=forms.HiddenInput)
    told = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    points = forms.IntegerField(label=gettext_lazy("How many points"), min_value=1, max_value=LARGEST, required=False)


@of_member
def catalogue(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member what it can get."""
    now = timezone.now()
    mine = reading.open_redemptions(visit.member, at=now)
    return show(request, visit, "page/rewards.html", {
        "here": "rewards",
        "rewards": reading.catalogue(visit.member, at=now),
        "open": mine,
        "past": reading.redemptions(visit.member).exclude(pk__in=mine.order_by().values("pk"))[:PAST],
    })  # fmt: skip


@require_http_methods(["GET", "POST"])
@of_member
def reward(request: HttpRequest, visit: Visit, code: str) -> HttpResponse:
    """Show a reward, and redeem it when the member says so."""
    found = next((each for each in reading.catalogue(visit.member, at=timezone.now()) if each["code"] == code), None)
    if found is None:
        raise Http404(_("The catalogue has no such reward for you."))
    found["match_left"] = reading.match_left(visit.member, code, at=timezone.now()) if found["match_percent"] else None
    form = RedeemForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not _is_other(visit, found, form.cleaned_data):
            return _redeem(request, visit, code, form.cleaned_data)
        messages.error(request, _("What it costs, or gives, has changed. Please look at it again."))
    asked = RedeemForm(initial={"reference": f"page-{get_random_string(20)}", "told": reading.deal_of(found)})
    said = {"here": "rewards", "reward": found, "form": asked, "has_errors": bool(form.errors)}
    return show(request, visit, "page/reward.html", said)


def _is_other(visit: Visit, found: dict[str, Any], said: dict[str, Any]) -> bool:
    """Tell whether a reward is another than a form tells; of what was carried out before nobody asks."""
    if said["told"] in {"", reading.deal_of(found)}:
        return False
    return not reading.redemptions(visit.member).filter(reference=said["reference"]).exists()


def _redeem(request: HttpRequest, visit: Visit, code: str, said: dict[str, Any]) -> HttpResponse:
    receipt = redeem_reward(
        visit.member, code, reference=said["reference"], wallet=said["wallet"], points=said["points"],
        now=timezone.now(),
    )  # fmt: skip
    messages.success(request, _("It is yours."))
    return go(visit, "redeemed", redemption_id=receipt.redemption.pk)


@of_member
def redeemed(request: HttpRequest, visit: Visit, redemption_id: UUID) -> HttpResponse:
    """Show a reward that a member has, with the code for the till."""
    found = get_object_or_404(reading.redemptions(visit.member), pk=redemption_id)
    status = found.status_at(timezone.now())
    code = reading.code_of(found) if status in OPEN else ""
    said = {"here": "rewards", "redemption": found, "status": status, "code": code}
    return show(request, visit, "page/redeemed.html", said)


@require_POST
@of_member
def cancel(request: HttpRequest, visit: Visit, redemption_id: UUID) -> HttpResponse:
    """Cancel a reward that was not used: its points come back."""
    found = get_object_or_404(reading.redemptions(visit.member), pk=redemption_id)
    receipt = cancel_reward(found, by_member=True, now=timezone.now())
    back = receipt.points - receipt.expired
    words = ngettext(
        "Cancelled: %(points)s point is back in your wallet.",
        "Cancelled: %(points)s points are back in your wallet.",
        back,
    )
    messages.success(request, words % {"points": back})
    return go(visit, "rewards")
