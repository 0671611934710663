"""A member's inbox, and how it wants to be reached."""

import re
from datetime import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from loyalty.campaigns.messages.reading import inbox, mark_read
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.reaching.preferences import InvalidPreference, channels_of, choose, preferences_of
from loyalty.page.views.push import push_of
from loyalty.page.visit import Visit, go, of_member, show

ROWS = 50
HOUR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")


@of_member
def inbox_of(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member its newest messages; what it has seen now is read."""
    customer, now = visit.member.customer, timezone.now()
    rows = list(inbox(customer).order_by("-claimed_at", "-pk")[:ROWS])
    chosen = preferences_of(customer, now=now)
    context = {
        "here": "me",
        "rows": rows,
        "chosen": chosen,
        "push": push_of(customer, agrees=bool(chosen.agreed[Channel.PUSH])),
        "channels": [(channel, Channel(channel).label) for channel in (*channels_of(customer), Channel.INBOX)],
    }
    response = show(request, visit, "page/messages.html", context)
    if request.method == "GET":
        mark_read(inbox(customer).filter(pk__in=[row.pk for row in rows]), now=now)
    return response


@require_POST
@of_member
def reaching(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Write down how a member wants to be reached."""
    zone = request.POST.get("zone", "").strip()
    said: dict[str, Any] = {
        "preferred_channel": request.POST.get("preferred_channel", ""),
        "zone": "" if zone == visit.shop.retailer.zone else zone,
    }
    try:
        said |= {name: _time(request.POST.get(name, "")) for name in ("quiet_from", "quiet_to")}
        choose(visit.member.customer, said, {}, source="page", now=timezone.now())
    except (InvalidPreference, NoHour) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Your choices are saved."))
    return go(visit, "messages")


class NoHour(Exception):
    """That a text is no hour of the day, in words."""


def _time(text: str) -> time | None:
    """
    Return an hour of the day as browsers send it; None where none was chosen.

    :raises NoHour: for what is none, so that nobody loses its quiet hours by a slip
    """
    if not text:
        return None
    if HOUR.fullmatch(text) is None:
        raise NoHour(_("“%(said)s” is no hour of the day, such as 21:00.") % {"said": text[:20]})
    return time.fromisoformat(text)
