"""Rewards in the admin: the catalogue with its stock, redeemed rewards, imports of codes, and causes."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ExportedAdmin, RangeDateTimeFilter, action, display, money, row_or_404
from customers.core.errors import DomainError
from customers.core.images import address_of
from customers.core.languages import in_readers_language
from loyalty.activity.rewards import staff as verbs
from loyalty.activity.rewards.code_files import read_codes
from loyalty.activity.rewards.desk import desk_page
from loyalty.activity.rewards.figures import SEE, figures_page
from loyalty.activity.rewards.importing import import_codes
from loyalty.activity.staff import ByStaff
from loyalty.programs.models import ProgramVersion
from loyalty.rewards.models import CauseEntry, CodeBatch, Reward, RewardCode, RewardCounter, RewardRedemption

IMPORT = "rewards.add_codebatch"


class CodesForm(forms.Form):
    """A file of codes."""

    file = forms.FileField(
        label=_("file"), help_text=_("A code a line, or a CSV file with a column that is named code.")
    )


@admin.register(RewardRedemption)
class RewardRedemptionAdmin(ByStaff, ExportedAdmin):
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
    exported = (
        "redeemed_at", "program__slug", "membership__number", "reward__code", "reward__kind", "reference", "status", "wallet",
        "points", "price_rule", "amount", "matched", "expires_at", "used_at", "ended_at", "order_number", "note",
    )  # fmt: skip
    actions_list = ("to_desk",)
    actions_detail = ("fulfil", "cancel", "refund")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(partial(desk_page, self))
        desk = path("desk/", view, name="rewards_rewardredemption_desk")
        return [desk, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_withdrawals()

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
        status = redemption.status_at(timezone.now())
        return status.value, str(status.label)

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


def _redemption(object_id: str) -> RewardRedemption:
    """Return a redeemed reward that the one who asks may see; 404 for any other one."""
    return row_or_404(RewardRedemption.objects.select_related("reward", "program", "membership"), object_id)


@admin.register(Reward)
class RewardAdmin(ByStaff, ExportedAdmin):
    """The catalogue in force: what there is, what is taken of it, what is left."""

    list_display = ("title", "program", "kind", "wallet", "points", "left", "taken", "in_pool", "picture")
    list_filter = ("version__program", "kind", "codes")
    search_fields = ("code", "name", "name_fr")
    search_help_text = _("Code or name")
    list_select_related = ("version__program",)
    ordering = ("version__program", "place")
    exported = (
        "version__program__slug", "code", "name", "kind", "wallet", "points", "stock", "was_added", "was_taken", "left",
        "in_pool",
    )  # fmt: skip
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
        of_pool = RewardCode.objects.filter(
            program=OuterRef("version__program"), reward_key=OuterRef("key"), redemption=None
        )
        waiting = of_pool.order_by().values("reward_key").annotate(codes=Count("pk"))
        rewards = super().get_queryset(request).filter(version=Subquery(latest.values("pk")[:1]))
        return rewards.annotate(
            was_taken=Coalesce(Subquery(counters.values("taken")[:1]), 0),
            was_added=Coalesce(Subquery(counters.values("added")[:1]), 0),
            waiting=Coalesce(Subquery(waiting.values("codes")[:1]), 0),
        )

    @display(description=_("name"), ordering="name")
    def title(self, reward: Reward) -> str:
        return str(reward)

    @display(description=_("program"))
    def program(self, reward: Reward) -> str:
        return str(reward.version.program)

    @display(description=_("in stock"))
    def left(self, reward: Any) -> str:
        return "-" if reward.stock is None else str(reward.stock + reward.was_added - reward.was_taken)

    @display(description=_("taken"))
    def taken(self, reward: Any) -> str:
        return str(reward.was_taken)

    @display(description=_("codes in the pool"))
    def in_pool(self, reward: Any) -> str:
        return str(reward.waiting) if reward.codes == Reward.Codes.POOL else "-"

    @display(description=_("image"))
    def picture(self, reward: Reward) -> str:
        return (
            format_html('<img src="{}" alt="" height="32" loading="lazy">', address_of(reward.image))
            if reward.image
            else "-"
        )

    def has_import_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(IMPORT)

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
    return row_or_404(Reward.objects.select_related("version__program"), object_id)


class OfRewards(ExportedAdmin):
    """Rows that name a reward by its identity: shown by its name in the newest version that has it."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        newest = Reward.objects.filter(key=OuterRef("reward_key")).order_by("-version__number")
        names = {f"reward_{name}": Subquery(newest.values(name)[:1]) for name in ("name", "name_fr", "code")}
        rows: QuerySet[Any] = super().get_queryset(request).annotate(**names)
        return rows

    @display(description=_("reward"))
    def of_reward(self, row: Any) -> str:
        return in_readers_language(row.reward_name or "-", row.reward_name_fr or "")


@admin.register(CodeBatch)
class CodeBatchAdmin(OfRewards):
    list_display = ("imported_at", "program", "of_reward", "file_name", "codes", "known", "author")
    list_filter = ("program", ("imported_at", RangeDateTimeFilter))
    search_fields = ("file_name", "author", "reward_code", "reward_name")
    search_help_text = _("File, who imported it, or the reward’s code or name")
    list_select_related = ("program",)
    fields = ("imported_at", "program", "of_reward", "file_name", "codes", "known", "author")
    readonly_fields = ("of_reward",)
    ordering = ("-pk",)
    exported = ("imported_at", "program__slug", "reward_code", "file_name", "codes", "known", "author")


@admin.register(CauseEntry)
class CauseEntryAdmin(OfRewards):
    list_display = ("occurred_at", "program", "of_reward", "kind", "worth", "document")
    list_filter = ("program", "kind", ("occurred_at", RangeDateTimeFilter))
    search_fields = ("document__exact", "redemption__membership__number__exact", "reward_code", "reward_name")
    search_help_text = _("Document, member number, or the cause’s code or name")
    list_select_related = ("program__retailer",)
    fields = ("occurred_at", "recorded_at", "program", "of_reward", "kind", "worth", "redemption", "document")
    readonly_fields = ("of_reward", "worth")
    ordering = ("-pk",)
    exported = ("occurred_at", "program__slug", "reward_code", "kind", "amount", "document")

    @display(description=_("amount"), ordering="amount")
    def worth(self, entry: CauseEntry) -> str:
        return money(entry.amount, entry.program.retailer.currency)
