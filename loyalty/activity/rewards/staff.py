"""What staff do with rewards: asked for, shown before it happens, then done and noted (`loyalty.activity.staff`)."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.admin import ModelAdmin, TextInputWidget
from customers.core.money import written
from loyalty.activity.rewards.redeemed import RewardReceipt
from loyalty.activity.rewards.supplying import add_stock, fulfil_reward, pay_out
from loyalty.activity.rewards.undoing import cancel_reward, refund_reward
from loyalty.activity.staff import ReasonForm, Verb, ask
from loyalty.rewards.models import Reward, RewardRedemption

MAX_PIECES = 1_000_000


class StockForm(ReasonForm):
    """How many pieces, and why."""

    pieces = forms.IntegerField(
        label=gettext_lazy("pieces, or negative to take off"), min_value=-MAX_PIECES, max_value=MAX_PIECES,
        widget=TextInputWidget({"type": "number"}),
    )  # fmt: skip
    field_order = ("pieces", "reason")


class PayoutForm(ReasonForm):
    """Under which document, and why."""

    document = forms.CharField(label=gettext_lazy("document of the payment"), max_length=100, widget=TextInputWidget())
    field_order = ("document", "reason")


class FulfilmentForm(ReasonForm):
    """What has become of it."""

    status = forms.ChoiceField(
        label=gettext_lazy("status"),
        choices=[("in_progress", gettext_lazy("in progress")), ("fulfilled", gettext_lazy("fulfilled"))],
    )
    field_order = ("status", "reason")


def _tried(work: Callable[[], Any], *, dry_run: bool) -> Any:
    """Do something, or only try it out."""
    with transaction.atomic():
        done = work()
        if dry_run:
            transaction.set_rollback(True)
    return done


def _came_back(receipt: RewardReceipt) -> list[str]:
    facts = {"points": receipt.points, "expired": receipt.expired, "available": receipt.available}
    return [
        _("%(points)s points come back and can be spent; %(expired)s have expired meanwhile.") % facts,
        _("The member can spend %(available)s points then.") % facts,
    ]


def cancel(owner: ModelAdmin, request: HttpRequest, redemption: RewardRedemption) -> HttpResponse:
    """Cancel a reward that is not used."""

    def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
        return _came_back(_tried(lambda: cancel_reward(redemption, now=timezone.now()), dry_run=dry_run))

    verb = Verb(
        _("Cancel the reward"),
        _("The member no longer has the reward; its points come back to the lots that paid, with their own expiry."),
        _("Cancel it"), _("The reward is cancelled."), ReasonForm, act, _over(redemption),
    )  # fmt: skip
    return ask(owner, request, redemption, verb)


def refund(owner: ModelAdmin, request: HttpRequest, redemption: RewardRedemption) -> HttpResponse:
    """Refund a reward, used or not."""

    def act(_said: dict[str, str], *, dry_run: bool) -> list[str]:
        return _came_back(_tried(lambda: refund_reward(redemption, now=timezone.now()), dry_run=dry_run))

    verb = Verb(
        _("Refund the reward"),
        _("Used or not, its points come back to the lots that paid, with their own expiry."),
        _("Refund it"), _("The reward is refunded."), ReasonForm, act, _over(redemption),
    )  # fmt: skip
    return ask(owner, request, redemption, verb)


def _over(redemption: RewardRedemption) -> str:
    if redemption.ended_at is None:
        return ""
    return _("This reward is over already: %(status)s.") % {"status": redemption.get_status_display()}


def fulfil(owner: ModelAdmin, request: HttpRequest, redemption: RewardRedemption) -> HttpResponse:
    """Note that a product or an experience is on its way, or has come to its member."""

    def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
        status = RewardRedemption.Status(said["status"])
        _tried(lambda: fulfil_reward(redemption, status, note=said["reason"], now=timezone.now()), dry_run=dry_run)
        return [_("Its status is then: %(status)s.") % {"status": status.label}]

    verb = Verb(
        _("Send or fulfil the reward"),
        _("The reason is kept as a note with it, such as the parcel’s number; the member reads it."),
        _("Note it"), _("It is noted."), FulfilmentForm, act, _over(redemption),
    )  # fmt: skip
    return ask(owner, request, redemption, verb)


def stock(owner: ModelAdmin, request: HttpRequest, reward: Reward) -> HttpResponse:
    """Add pieces to a reward's stock, or take some off."""

    def act(said: dict[str, Any], *, dry_run: bool) -> list[str]:
        program = reward.version.program
        added = _tried(lambda: add_stock(program, reward.key, int(said["pieces"])), dry_run=dry_run)
        return [
            _("The version says %(stock)s; %(added)s were added since, or taken off.")
            % {"stock": reward.stock, "added": added}
        ]

    verb = Verb(
        _("Change the stock"), _("Pieces are added to what the version says, or taken off it."),
        _("Change it"), _("The stock is changed."), StockForm, act,
        "" if reward.stock is not None else _("This reward has no stock: its version says no number."),
    )  # fmt: skip
    return ask(owner, request, reward, verb)


def payout(owner: ModelAdmin, request: HttpRequest, reward: Reward) -> HttpResponse:
    """Note that a cause was paid all that it was given."""

    def act(said: dict[str, str], *, dry_run: bool) -> list[str]:
        program, now = reward.version.program, timezone.now()
        entry = _tried(lambda: pay_out(program, reward.key, document=said["document"], now=now), dry_run=dry_run)
        facts = {"amount": written(-entry.amount, program.retailer.currency), "document": entry.document}
        if entry.recorded_at < now:
            return [_("With the document %(document)s %(amount)s were paid out before: nothing is noted now.") % facts]
        return [_("%(amount)s are paid out; what was given so far cannot come back.") % facts]

    verb = Verb(
        _("Pay out"), _("All that the cause was given and has not got yet is noted as paid."),
        _("Note it"), _("It is noted."), PayoutForm, act,
        "" if reward.kind == Reward.Kind.DONATION else _("Only donations are paid out."),
    )  # fmt: skip
    return ask(owner, request, reward, verb)
