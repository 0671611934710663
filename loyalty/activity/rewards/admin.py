"""Rewards in the admin: the catalogue with its stock, redeemed rewards, imports of codes, causes, and a desk for tills."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.core.admin import RangeDateTimeFilter, ReadOnlyAdmin, TextInputWidget, action, display, money
from customers.core.errors import DomainError
from customers.core.exporting import csv_response
from customers.core.images import address_of
from loyalty.access.staff import post_of
from loyalty.activity.rewards import staff as verbs
from loyalty.activity.rewards.code_files import read_codes
from loyalty.activity.rewards.figures import SEE, figures_page
from loyalty.activity.rewards.importing import import_codes, left_in_pools
from loyalty.activity.rewards.tills import (
    NoSuchVoucher,
    Voucher,
    VoucherNotIssued,
    check_voucher,
    confirm_voucher,
    hold_voucher,
)
from loyalty.activity.staff import PERMISSION
from loyalty.api.wrong_codes import WrongCodes, told
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import CauseEntry, CodeBatch, Reward, RewardCounter, RewardRedemption
from loyalty.rewards.sealing import MAX_CODE

IMPORT = "rewards.add_codebatch"


class CodeForm(forms.Form):
    """A code as it is scanned or typed, and the order for which it is used."""

    code = forms.CharField(
        label=_("code"), max_length=MAX_CODE,
        widget=TextInputWidget({"autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    order = forms.CharField(label=_("order"), max_length=100, required=False, widget=TextInputWidget())


class CodesForm(forms.Form):
    """A file of codes."""

    file = forms.FileField(
        label=_("file"), help_text=_("A code a line, or a CSV file with a column that is named code.")
    )


class WithStaffVerbs(ReadOnlyAdmin):
    """Pages with verbs of staff: for those who may change customers."""

    def has_staff_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_import_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(IMPORT)


@admin.register(RewardRedemption)
class RewardRedemptionAdmin(WithStaffVerbs):
    list_display = (
        "redeemed_at",
        "reward",
        "member",
        "points",
        "worth",
        "state",
        "expires_at",
        "used_at",
        "order_number",
    )
    list_filter = (
        "program", "status", "reward__kind", ("redeemed_at", RangeDateTimeFilter), ("used_at", RangeDateTimeFilter),
    )  # fmt: skip
    search_fields = ("membership__number__exact", "reference__exact", "order_number__exact", "reward__code__exact")
    search_help_text = _("Member number, reference, order number or the reward’s code")
    list_select_related = ("reward", "membership", "program__retailer")
    exclude = ("reward_key",)
    ordering = ("-pk",)
    actions = ("export",)
    actions_list = ("to_desk",)
    actions_detail = ("fulfil", "cancel", "refund")

    def get_urls(self) -> list[URLPattern]:
        desk = path("desk/", self.admin_site.admin_view(self.desk), name="rewards_rewardredemption_desk")
        return [desk, *super().get_urls()]

    @display(description=_("amount"), ordering="amount")
    def worth(self, row: RewardRedemption) -> str:
        return money(row.amount, row.program.retailer.currency)

    @display(description=_("member"))
    def member(self, redemption: RewardRedemption) -> str:
        return redemption.membership.number

    @display(
        description=_("status"),
        label={
            "issued": "info",
            "in_progress": "info",
            "used": "success",
            "fulfilled": "success",
            "expired": "warning",
        },
    )
    def state(self, redemption: RewardRedemption) -> tuple[str, str]:
        return redemption.status, redemption.get_status_display()

    @action(description=_("Export as CSV"))
    def export(self, _request: HttpRequest, rows: QuerySet[RewardRedemption]) -> HttpResponse:
        heading = ("redeemed_at", "program", "member", "reward", "kind", "reference", "status", "wallet", "points",
                   "price", "amount", "matched", "expires_at", "used_at", "ended_at", "order", "note")  # fmt: skip
        found = (
            (row.redeemed_at.isoformat(), row.program.slug, row.membership.number, row.reward.code, row.reward.kind,
             row.reference, row.status, row.wallet, row.points, row.price_rule, row.amount, row.matched,
             row.expires_at, row.used_at, row.ended_at, row.order_number, row.note)
            for row in rows.select_related("program", "membership", "reward").iterator()
        )  # fmt: skip
        return csv_response("rewards.csv", heading, found)

    @action(description=_("Redemption desk"), url_path="to-desk", permissions=["staff"])
    def to_desk(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:rewards_rewardredemption_desk"))

    @action(description=_("Send or fulfil"), url_path="fulfil", permissions=["staff"])
    def fulfil(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return verbs.fulfil(self, request, _redemption(object_id))

    @action(description=_("Cancel"), url_path="cancel", permissions=["staff"])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return verbs.cancel(self, request, _redemption(object_id))

    @action(description=_("Refund"), url_path="refund", permissions=["staff"])
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return verbs.refund(self, request, _redemption(object_id))

    def desk(self, request: HttpRequest) -> HttpResponse:
        """A code is scanned or typed: what it is good for, and the button that uses it."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        form = CodeForm(request.POST or None)
        voucher: Voucher | None = None
        if request.method == "POST" and form.is_valid():
            tried = WrongCodes(f"staff-{request.user.pk}")
            try:
                if wait := tried.wait():
                    form.add_error("code", told(wait))
                else:
                    voucher = self._at_desk(request, form.cleaned_data)
            except DomainError as error:
                if isinstance(error, NoSuchVoucher | VoucherNotIssued):
                    tried.note()
                form.add_error("code", str(error))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Redemption desk"),
            "form": form,
            "voucher": voucher,
            "opts": self.model._meta,
        }
        return render(request, "activity/reward_desk.html", context)

    def _at_desk(self, request: HttpRequest, said: dict[str, str]) -> Voucher:
        now = timezone.now()
        post = post_of(request)
        if post is None or post.retailer is None:
            raise PermissionDenied
        retailer = post.retailer
        voucher = check_voucher(retailer, said["code"], now=now)
        if "use" not in request.POST:
            return voucher
        reference = f"desk:{request.user.get_username()}:{now:%Y%m%dT%H%M%S.%f}"[:80]
        held = hold_voucher(retailer, voucher, reference=reference, till=gettext("desk"), now=now)
        used = confirm_voucher(retailer, held.token, order=said["order"], now=now)
        row = RewardRedemption.objects.get(pk=voucher.redemption_id)
        self.log_change(request, row, str(_("Used at the desk")))
        messages.success(request, gettext("The voucher is used."))
        return used.voucher


def _redemption(object_id: str) -> RewardRedemption:
    """Return a redeemed reward that the one who asks may see; 404 for any other one."""
    return get_object_or_404(RewardRedemption.objects.select_related("reward", "program", "membership"), pk=object_id)


@admin.register(Reward)
class RewardAdmin(WithStaffVerbs):
    """The catalogue in force: what there is, what is taken of it, what is left."""

    list_display = ("title", "program", "kind", "wallet", "points", "left", "taken", "in_pool", "picture")
    list_filter = ("version__program", "kind", "codes")
    search_fields = ("code", "name", "name_fr")
    search_help_text = _("Code or name")
    list_select_related = ("version__program",)
    ordering = ("version__program", "place")
    actions = ("export",)
    actions_list = ("to_figures",)
    actions_detail = ("change_stock", "bring_codes", "pay")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        codes = path("<path:object_id>/codes/", view(self.codes), name="rewards_reward_codes")
        figures = path("figures/", view(partial(figures_page, self.admin_site)), name="rewards_reward_figures")
        return [figures, codes, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> Any:
        latest = ProgramVersion.objects.filter(
            program=OuterRef("version__program"),
            status=ProgramVersion.Status.PUBLISHED,
            effective_from__lte=timezone.now(),
        ).order_by("-effective_from")
        counters = RewardCounter.objects.filter(program=OuterRef("version__program"), reward_key=OuterRef("key"))
        rewards = super().get_queryset(request).filter(version=Subquery(latest.values("pk")[:1]))
        return rewards.annotate(
            was_taken=Subquery(counters.values("taken")[:1]), was_added=Subquery(counters.values("added")[:1])
        )

    @display(description=_("name"), ordering="name")
    def title(self, reward: Reward) -> str:
        return str(reward)

    @display(description=_("program"))
    def program(self, reward: Reward) -> str:
        return str(reward.version.program)

    @display(description=_("in stock"))
    def left(self, reward: Any) -> str:
        return "-" if reward.stock is None else str(reward.stock + (reward.was_added or 0) - (reward.was_taken or 0))

    @display(description=_("taken"))
    def taken(self, reward: Any) -> str:
        return "-" if reward.was_taken is None else str(reward.was_taken)

    @display(description=_("codes in the pool"))
    def in_pool(self, reward: Reward) -> str:
        if reward.codes != Reward.Codes.POOL:
            return "-"
        return str(left_in_pools(reward.version.program).get(reward.key, 0))

    @display(description=_("image"))
    def picture(self, reward: Reward) -> str:
        return (
            format_html('<img src="{}" alt="" height="32" loading="lazy">', address_of(reward.image))
            if reward.image
            else "-"
        )

    @action(description=_("Export as CSV"))
    def export(self, _request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        heading = ("program", "code", "name", "kind", "wallet", "points", "stock", "added", "taken")
        found = (
            (row.version.program.slug, row.code, row.name, row.kind, row.wallet, row.points, row.stock,
             row.was_added or 0, row.was_taken or 0)
            for row in rows
        )  # fmt: skip
        return csv_response("catalogue.csv", heading, found)

    def has_figures_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(SEE)

    @action(description=_("Rewards in figures"), url_path="to-figures", permissions=["figures"])
    def to_figures(self, _request: HttpRequest) -> HttpResponse:
        return redirect(reverse("admin:rewards_reward_figures"))

    @action(description=_("Change the stock"), url_path="stock", permissions=["staff"])
    def change_stock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return verbs.stock(self, request, _reward(object_id))

    @action(description=_("Pay out"), url_path="pay-out", permissions=["staff"])
    def pay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return verbs.payout(self, request, _reward(object_id))

    @action(description=_("Import codes"), url_path="bring-codes", permissions=["import"])
    def bring_codes(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:rewards_reward_codes", args=[object_id]))

    def codes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a file of codes into the reward's pool, or say what is wrong with it."""
        if not request.user.has_perm(IMPORT):
            raise PermissionDenied
        reward = _reward(object_id)
        form = CodesForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._imported(request, reward, form.cleaned_data["file"])
            except DomainError as error:
                form.add_error("file", str(error))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import codes"),
            "form": form,
            "reward": reward,
            "opts": self.model._meta,
        }
        return render(request, "activity/reward_codes.html", context)

    def _imported(self, request: HttpRequest, reward: Reward, file: Any) -> HttpResponse:
        done = import_codes(
            reward.version.program, reward.key, read_codes(file.file), file_name=file.name,
            author=request.user.get_username(), now=timezone.now(),
        )  # fmt: skip
        words = gettext(
            "%(new)s codes are in the pool now; %(known)s were known before; %(refused)s lines were refused."
        )
        messages.success(request, words % {"new": done.new, "known": done.known, "refused": done.refused})
        for place, problem in done.problems[:5]:
            messages.warning(request, gettext("Line %(line)s: %(problem)s") % {"line": place, "problem": problem})
        return redirect(reverse("admin:rewards_reward_change", args=[reward.pk]))


def _reward(object_id: str) -> Reward:
    return get_object_or_404(Reward.objects.select_related("version__program"), pk=object_id)


@admin.register(CodeBatch)
class CodeBatchAdmin(ReadOnlyAdmin):
    list_display = ("imported_at", "program", "file_name", "codes", "known", "author")
    list_filter = ("program", ("imported_at", RangeDateTimeFilter))
    search_fields = ("file_name", "author")
    list_select_related = ("program",)
    exclude = ("reward_key",)
    ordering = ("-pk",)


@admin.register(CauseEntry)
class CauseEntryAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "program", "cause", "kind", "worth", "document")
    list_filter = ("program", "kind", ("occurred_at", RangeDateTimeFilter))
    search_fields = ("document__exact", "redemption__membership__number__exact")
    search_help_text = _("Document or member number")
    list_select_related = ("program__retailer", "redemption__reward")
    exclude = ("reward_key",)
    ordering = ("-pk",)
    actions = ("export",)

    @display(description=_("amount"), ordering="amount")
    def worth(self, entry: CauseEntry) -> str:
        return money(entry.amount, entry.program.retailer.currency)

    @display(description=_("cause"))
    def cause(self, entry: CauseEntry) -> str:
        if entry.redemption is not None:
            return str(entry.redemption.reward)
        return str(Reward.objects.filter(key=entry.reward_key).order_by("-pk").first() or "-")

    @action(description=_("Export as CSV"))
    def export(self, _request: HttpRequest, rows: QuerySet[CauseEntry]) -> HttpResponse:
        heading = ("occurred_at", "program", "cause", "kind", "amount", "document")
        found = (
            (row.occurred_at.isoformat(), row.program.slug, self.cause(row), row.kind, row.amount, row.document)
            for row in rows
        )
        return csv_response("causes.csv", heading, found)
