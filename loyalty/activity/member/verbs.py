"""What staff do with a member's points: asked for, shown before it happens, then done by the ledger's own verbs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.core.admin import ModelAdmin
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.session import LedgerReceipt
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.activity.member.forms import (
    AdjustForm,
    ConfirmForm,
    HoldForm,
    RedeemForm,
    WhichForm,
    of_choices,
    of_wallets,
)
from loyalty.activity.member.holds import open_holds
from loyalty.activity.member.statement import open_redemptions
from loyalty.activity.member.wallets import wallet_names
from loyalty.activity.search.hits import in_groups
from loyalty.activity.staff import Verb, ask, tried
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Hold

Said = dict[str, Any]
SHOWN = 50
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# What becomes of points: of one, and of several.
GIVEN = ("%(points)s is given.", "%(points)s are given.")
TAKEN = ("%(points)s is taken.", "%(points)s are taken.")
REDEEMED = ("%(points)s is redeemed.", "%(points)s are redeemed.")
SET_ASIDE = ("%(points)s is set aside.", "%(points)s are set aside.")
COME_BACK = ("%(points)s comes back, with its own expiry.", "%(points)s come back, each with its own expiry.")
EXPIRED = ("%(points)s has expired meanwhile.", "%(points)s have expired meanwhile.")
GO_BACK = ("%(points)s goes back.", "%(points)s go back.")


def _noted(request: HttpRequest, said: Said) -> dict[str, str]:
    """Return what the books keep of a decision: why, and whose it is."""
    return {"reason": said["reason"], "author": request.user.get_username()}


def _refused(membership: Membership) -> str:
    return str(_("This membership has ended already.")) if membership.left_at else ""


def _whom(membership: Membership) -> str:
    customer = membership.customer
    name = f"{customer.first_name} {customer.last_name}".strip()
    return ", ".join(part for part in (name, in_groups(membership.number), str(membership.program)) if part)


def _points(count: int) -> str:
    return ngettext("%(points)s point", "%(points)s points", abs(count)) % {"points": number_format(abs(count), 0)}


def _told(one: str, many: str, count: int) -> str:
    """Say what becomes of so many points, with its verb in their number."""
    return ngettext(one, many, abs(count)) % {"points": _points(count)}


def _outcome(receipt: LedgerReceipt, one: str, many: str) -> list[str]:
    """Say what a receipt says: what moved, and what can be spent afterwards."""
    if not receipt.is_new:
        return [_("This was done already: nothing changes.")]
    return [_told(one, many, receipt.points), _spendable(receipt.available)]


def _spendable(available: int) -> str:
    return _("%(points)s can be spent then.") % {"points": _points(available)}


def adjust_points(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Give points, or take them."""

    def act(said: Said, *, dry_run: bool) -> list[str]:
        with tried(dry_run):
            receipt = adjust(
                membership, said["points"], reference=f"staff:{said['key']}", now=timezone.now(),
                wallet=said["wallet"], **_noted(request, said),
            )  # fmt: skip
        return _outcome(receipt, *(GIVEN if said["points"] > 0 else TAKEN))

    verb = Verb(
        _("Adjust points"),
        _("Points are given or taken by your decision. The reason and your name stay in the ledger."),
        _("Adjust"), _("The points are adjusted."), of_wallets(AdjustForm, wallet_names(membership, at=timezone.now())),
        act, _refused(membership),
    )  # fmt: skip
    return _ask(owner, request, membership, verb)


def redeem_points(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Spend points."""

    def act(said: Said, *, dry_run: bool) -> list[str]:
        with tried(dry_run):
            receipt = redeem(
                membership, said["points"], reference=f"staff:{said['key']}", now=timezone.now(),
                wallet=said["wallet"], noted=_noted(request, said),
            )  # fmt: skip
        return _outcome(receipt, *REDEEMED)

    verb = Verb(
        _("Redeem points"),
        _("The member pays with points, those that expire next first. What is redeemed can be given back."),
        _("Redeem"), _("The points are redeemed."), of_wallets(RedeemForm, wallet_names(membership, at=timezone.now())),
        act, _refused(membership),
    )  # fmt: skip
    return _ask(owner, request, membership, verb)


def hold_points(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Set points aside."""

    def act(said: Said, *, dry_run: bool) -> list[str]:
        now = timezone.now()
        with tried(dry_run):
            _made, available = hold(
                membership, said["points"], reference=f"staff:{said['key']}", now=now, wallet=said["wallet"],
                life=timedelta(minutes=said["minutes"]), noted=_noted(request, said),
            )  # fmt: skip
        minutes = ngettext(
            "They go back by themselves after %(count)s minute.",
            "They go back by themselves after %(count)s minutes.",
            said["minutes"],
        )
        return [
            _told(*SET_ASIDE, said["points"]),
            minutes % {"count": number_format(said["minutes"], 0)},
            _spendable(available),
        ]

    verb = Verb(
        _("Hold points"),
        _("Points are set aside for a payment: confirmed, they are redeemed; released, or in time, they go back."),
        _("Hold points"), _("The points are held."), of_wallets(HoldForm, wallet_names(membership, at=timezone.now())), act,
        _refused(membership),
    )  # fmt: skip
    return _ask(owner, request, membership, verb)


def give_back(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Undo a redemption."""

    def act(said: Said, *, dry_run: bool) -> list[str]:
        with tried(dry_run):
            receipt = reverse(membership, UUID(said["which"]), now=timezone.now(), noted=_noted(request, said))
        lines = _outcome(receipt, *COME_BACK)
        if receipt.expired:
            lines.insert(1, _told(*EXPIRED, receipt.expired))
        return lines

    choices = [(str(entry.pk), _redemption(entry, membership)) for entry in _redemptions(request, membership)]
    verb = Verb(
        _("Give points back"),
        _("A redemption is undone: the same points come back. What paid for a reward comes back with the reward."),
        _("Give back"), _("The points are given back."), of_choices(WhichForm, _("redemption"), choices), act,
        _refused(membership) or ("" if choices else _("This member has no redemption to give back.")),
    )  # fmt: skip
    return _ask(owner, request, membership, verb)


def _redemptions(request: HttpRequest, membership: Membership) -> list[Entry]:
    """Return the newest redemptions of a member, and the one that the page was opened for, however old it is."""
    found = open_redemptions(membership)
    asked = (request.POST or request.GET).get("which", "")
    older = found.filter(pk=asked) if UUID_TEXT.fullmatch(asked) else ()
    return list({entry.pk: entry for entry in [*found[:SHOWN], *older]}.values())


def _redemption(entry: Entry, membership: Membership) -> str:
    at = date_format(timezone.localtime(entry.occurred_at, membership.program.tzinfo), "SHORT_DATETIME_FORMAT")
    order = entry.order.number if entry.order else ""
    said = (at, _points(entry.explanation["points"]), order, str(entry.explanation.get("reference", "")))
    return " · ".join(part for part in said if part)


def confirm_hold(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Redeem what is held, all or a part."""

    def end(held: Hold, said: Said) -> list[str]:
        asked = said["points"]
        done = confirm(held.pk, now=timezone.now(), points=asked, noted=_noted(request, said))
        back = done.points - done.redeemed
        lines = [_told(*REDEEMED, done.redeemed)]
        return [*lines, _told(*GO_BACK, back)] if back else lines

    words = _("What is held is redeemed; with fewer points the rest goes back.")
    return _end_hold(owner, request, membership, _Ending(_("Confirm a hold"), words, _("Confirm"), ConfirmForm, end))


def release_hold(owner: ModelAdmin, request: HttpRequest, membership: Membership) -> HttpResponse:
    """Give back what is held."""

    def end(held: Hold, said: Said) -> list[str]:
        done = release(held.pk, now=timezone.now(), noted=_noted(request, said))
        return [_told(*GO_BACK, done.points)]

    words = _("What is held goes back, and can be spent again.")
    return _end_hold(owner, request, membership, _Ending(_("Release a hold"), words, _("Release"), WhichForm, end))


def _held(held: Hold, membership: Membership) -> str:
    at = date_format(timezone.localtime(held.held_at, membership.program.tzinfo), "SHORT_DATETIME_FORMAT")
    return f"{_points(held.points)} · {at} · {held.reference}"


class _Ending:
    """One way in which a hold ends."""

    def __init__(
        self, heading: str, words: str, button: str, form: type[WhichForm], end: Callable[[Hold, Said], list[str]]
    ) -> None:
        self.heading, self.words, self.button, self.form, self.end = heading, words, button, form, end


def _end_hold(owner: ModelAdmin, request: HttpRequest, membership: Membership, ending: _Ending) -> HttpResponse:
    holds = {str(each.pk): each for each in open_holds(membership, at=timezone.now())}

    def act(said: Said, *, dry_run: bool) -> list[str]:
        with tried(dry_run):
            return ending.end(holds[said["which"]], said)

    choices = [(key, _held(each, membership)) for key, each in holds.items()]
    verb = Verb(
        ending.heading, ending.words, ending.button, _("The hold has ended."),
        of_choices(ending.form, _("hold"), choices), act,
        "" if holds else _("This member has no open hold."),
    )  # fmt: skip
    return _ask(owner, request, membership, verb)


def _ask(owner: ModelAdmin, request: HttpRequest, membership: Membership, verb: Verb) -> HttpResponse:
    with timezone.override(membership.program.tzinfo):
        return ask(owner, request, membership, verb, whom=_whom(membership))
