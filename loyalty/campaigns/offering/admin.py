"""The admin's pages of offers: drawn up with a budget, started, ended; who has which, and who has none, and why."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import (
    ExportedAdmin,
    ModelAdmin,
    QueueFilter,
    RangeDateTimeFilter,
    TextInputWidget,
    action,
    display,
    row_or_404,
)
from customers.core.labels import labelled
from customers.core.money import MAX_DECIMALS, written
from loyalty.activity import staff
from loyalty.campaigns.editing import EditedByOne, Shown, State
from loyalty.campaigns.models import DiscountCap, Offer, OfferGrant, OfferRefusal
from loyalty.campaigns.offering.managing import draw_up, end_offer, flaws_of, set_budget, start, withdraw_offer
from loyalty.campaigns.offering.reading import OfferFigures, figures_of, status_of, with_withdrawals
from loyalty.campaigns.reasons import rule_in_words
from loyalty.rewards.models import RewardRedemption

OF_CUSTOMER = ("customer__external_id__exact", "customer__memberships__number__exact")
STATE = {"draft": "info", "live": "success", "ended": "warning", "withdrawn": "danger"}
PUBLISH = "programs.publish_programversion"


class OfferForm(forms.ModelForm):  # type: ignore[type-arg] # generic for its stubs alone
    """An offer that is drawn up, with its budget."""

    limit = forms.DecimalField(
        label=_("budget"), min_value=0, max_digits=16, decimal_places=MAX_DECIMALS, widget=TextInputWidget(),
        help_text=_("What it may cost in all, in the retailer's currency. Nothing is ever spent beyond it."),
    )  # fmt: skip

    class Meta:
        model = Offer
        fields = (
            "retailer", "program", "code", "name", "name_fr", "rewards", "at_most", "first_day", "last_day", "valid_days",
            "again_after_days", "slot", "priority", "tiers", "segments", "value_from", "value_to", "categories", "brands",
            "excluded", "instead", "hold_out",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.budget_id is not None:
            self.fields["limit"].initial = self.instance.budget.limit


class BudgetForm(staff.ReasonForm):
    """What an offer may cost in all from now on."""

    limit = forms.DecimalField(
        label=_("budget"), min_value=0, max_digits=16, decimal_places=MAX_DECIMALS, widget=TextInputWidget()
    )


class OfferAdmin(EditedByOne, ModelAdmin):
    form = OfferForm
    list_display = ("name", "code", "program", "state_label", "slot", "priority", "limit_of_it", "reserved", "spent")
    list_filter: ClassVar[Any] = ("program", "state", "slot")
    search_fields: ClassVar[Any] = ("code", "name")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("program", "retailer", "budget", "hold_out", "found_in")
    ordering = ("-created_at",)
    fields = (
        "retailer", ("program", "code"), ("name", "name_fr"), "rewards", ("limit", "at_most"), ("first_day", "last_day"),
        ("valid_days", "again_after_days"), ("slot", "priority"), ("tiers", "segments"), ("value_from", "value_to"),
        ("categories", "brands"), ("excluded", "instead"), "hold_out", "found", "state",
        ("expected", "expected_as_of"), "findings", "figures",
    )  # fmt: skip
    readonly_fields = ("found", "state", "expected", "expected_as_of", "findings", "figures")
    actions_detail = ("start_it", "budget_it", "end_it", "withdraw_it")

    def also_shown(self, row: Offer) -> State:
        limit = written(row.budget.limit, row.retailer.currency)
        return {"limit": Shown(str(_("budget")), limit, limit)}

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let a draft be changed; of what is given, only the budget is, by an action of its own."""
        is_open = obj is None or obj.state == Offer.State.DRAFT
        return is_open and bool(super().has_change_permission(request, obj))

    def has_run_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return request.user.has_perm(PUBLISH)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_readonly_fields(request, obj)
        return (*found, "retailer", "program") if obj else found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields; the budget of what cannot be changed stands among its figures."""
        found = super().get_fields(request, obj)
        if self.has_change_permission(request, obj):
            return found
        return tuple("at_most" if each == ("limit", "at_most") else each for each in found)

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Write an offer down, with its budget."""
        limit: Decimal = form.cleaned_data["limit"]
        if not change:
            draw_up(obj, limit=limit, now=timezone.now())
            return
        set_budget(obj, limit)
        super().save_model(request, obj, form, change)

    @display(description=_("state"), label=STATE, ordering="state")
    def state_label(self, row: Offer) -> tuple[str, Any]:
        return row.state, row.get_state_display()

    @display(description=_("budget"))
    def limit_of_it(self, row: Offer) -> str:
        return written(row.budget.limit, row.retailer.currency)

    @display(description=_("reserved"))
    def reserved(self, row: Offer) -> str:
        return written(row.budget.reserved, row.retailer.currency)

    @display(description=_("spent"))
    def spent(self, row: Offer) -> str:
        return written(row.budget.spent, row.retailer.currency)

    @display(description=_("report"))
    def found(self, row: Offer) -> Any:
        """Lead to the report that it was drawn up from."""
        if row.found_in is None:
            return "-"
        address = reverse("admin:analytics_experimentlook_change", args=[row.found_look])
        return format_html('<a href="{}">{}</a>', address, row.found_in)

    @display(description=_("expected margin"))
    def expected(self, row: Offer) -> str:
        return "-" if row.expected_margin is None else written(row.expected_margin, row.retailer.currency)

    @display(description=_("what stands in its way"))
    def findings(self, row: Offer) -> Any:
        is_draft = not row._state.adding and row.state == Offer.State.DRAFT
        said = flaws_of(row, now=timezone.now()) if is_draft else ()
        return format_html_join("\n", "<div>{}</div>", ((each.message,) for each in said)) or "-"

    @display(description=_("what became of it"))
    def figures(self, row: Offer) -> Any:
        if row._state.adding:
            return "-"
        found = figures_of(row)[row.pk]
        lines = (*_money(found, row.retailer.currency), *_counts(found))
        return format_html_join("\n", "<div>{}: {}</div>", lines)

    @action(description=_("Start"), url_path="start", permissions=["run"])
    def start_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _("It is given from now on, and can be changed no more but for its budget.")
        said = (_("Start it"), words, _("Start"), _("It is given."))
        return self._ask(request, object_id, said, lambda row, _said: [str(start(row, now=timezone.now()))])

    @action(description=_("Change the budget"), url_path="budget", permissions=["run"])
    def budget_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: Offer, said: dict[str, Any]) -> list[str]:
            set_budget(row, said["limit"])
            return [labelled(label, value) for label, value in _money(figures_of(row)[row.pk], row.retailer.currency)]

        words = _("It cannot be less than what is reserved and spent.")
        said = (_("Change the budget"), words, _("Change it"), _("It is changed."))
        return self._ask(request, object_id, said, act, form=BudgetForm)

    @action(description=_("End"), url_path="end", permissions=["run"])
    def end_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        words = _("Nobody gets it any more. Who has it keeps it until it ends.")
        said = (_("End it"), words, _("End"), _("It has ended."))
        return self._ask(request, object_id, said, lambda row, _said: [str(end_offer(row))])

    @action(description=_("Withdraw"), url_path="withdraw", permissions=["run"])
    def withdraw_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def act(row: Offer, _said: dict[str, Any]) -> list[str]:
            number = withdraw_offer(row, now=timezone.now())
            return [
                ngettext("%(number)s member loses it.", "%(number)s members lose it.", number)
                % {"number": number_format(number)}
            ]

        words = _("Nobody gets it any more, and who has not taken it loses it. What was taken can be used.")
        return self._ask(request, object_id, (_("Withdraw it"), words, _("Withdraw"), _("It is withdrawn.")), act)

    def _ask(
        self, request: HttpRequest, object_id: str, words: Any, do: Callable[[Offer, dict[str, Any]], list[str]],
        *, form: type[forms.Form] = staff.ReasonForm,
    ) -> HttpResponse:  # fmt: skip
        rows = Offer.objects.select_related("program__retailer", "retailer", "budget", "instead")
        row = row_or_404(rows, object_id)

        def act(said: dict[str, Any], *, dry_run: bool) -> list[str]:
            with transaction.atomic():
                found = do(row, said)
                if dry_run:
                    transaction.set_rollback(True)
            return found

        heading, meaning, button, done = map(str, words)
        return staff.ask(self, request, row, staff.Verb(heading, meaning, button, done, form, act))


def _money(found: OfferFigures, currency: str) -> list[tuple[Any, str]]:
    amounts = (
        (_("budget"), found.limit), (_("reserved"), found.reserved), (_("spent"), found.spent), (_("free"), found.free),
    )  # fmt: skip
    return [(label, written(amount, currency)) for label, amount in amounts] + _avoided(found, currency)


def _avoided(found: OfferFigures, currency: str) -> list[tuple[Any, str]]:
    """Return what was not given to the excluded, and what it would have cost, where enough others say it."""
    if not found.excluded:
        return []
    return [
        (_("not given to the excluded, at most"), written(found.not_reserved, currency)),
        (_("loss avoided, by what others did"), written(found.expected_loss_avoided, currency)),
    ]


def _counts(found: OfferFigures) -> list[tuple[Any, str]]:
    numbers = (
        (_("given"), found.granted), (_("taken"), found.taken), (_("used"), found.used), (_("declined"), found.declined),
        (_("ended unused"), found.expired),
    )  # fmt: skip
    refused = ((OfferRefusal.Reason(reason).label, number) for reason, number in found.refused.items())
    not_given = [(f"{_('not given')} ({reason})", number_format(number)) for reason, number in refused]
    return [(label, number_format(number)) for label, number in numbers] + not_given


TOLD_OF_CAPS = ("set_by", "set_at", "lifted_by", "lifted_at")


class CapFilter(QueueFilter):
    """Caps that hold, where nothing else is asked for."""

    title = _("cap")
    parameter_name = "cap"
    states: ClassVar[Any] = {"in_force": _("in force"), "lifted": _("lifted")}

    def queryset(self, _request: HttpRequest, rows: Any) -> Any:
        asked = self.asked()
        return rows if asked == "all" else rows.filter(lifted_at__isnull=asked == "in_force")


class DiscountCapAdmin(ModelAdmin):
    """How many discounts members are given at most: changed whenever the retailer wants, and in force at once; none is lost."""

    list_display = ("program", "limit", "days", "set_by", "set_at", "lifted_by", "lifted_at")
    list_filter: ClassVar[Any] = ("program", CapFilter)
    list_select_related: ClassVar[Any] = ("program",)
    ordering = ("program", "days", "-pk")
    fields = ("retailer", "program", ("limit", "days"))
    delete_confirmation_template = "campaigns/lift_cap.html"
    delete_words = _("Lift the cap")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show who set it, and who lifted it, where that was done."""
        told = [(f"{done}_by", f"{done}_at") for done in ("set", "lifted") if getattr(obj, f"{done}_at", None)]
        return (*super().get_fields(request, obj), *told)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_readonly_fields(request, obj)
        return (*found, "retailer", "program", *TOLD_OF_CAPS) if obj else found

    def get_actions(self, _request: HttpRequest) -> dict[str, Any]:
        return {}  # a cap is lifted on its own page, which says what that is

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let what was lifted be read alone."""
        return (obj is None or obj.lifted_at is None) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let a cap be lifted; what was lifted stays."""
        return (obj is None or obj.lifted_at is None) and bool(super().has_delete_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: DiscountCap, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        """Keep who set it, and when; what it was before stays as a row of its own, lifted."""
        if change and not form.has_changed():
            return
        author, now = request.user.get_username(), timezone.now()
        if change:
            DiscountCap.objects.filter(pk=obj.pk).lift(author=author, now=now)
            obj.pk, obj._state.adding = None, True
        obj.set_by, obj.set_at = author, now
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: DiscountCap) -> None:
        """Lift it: it holds nobody any more, and stays to be read."""
        DiscountCap.objects.filter(pk=obj.pk).lift(author=request.user.get_username(), now=timezone.now())

    def response_delete(self, request: HttpRequest, _obj_display: str, obj_id: int) -> HttpResponse:
        """Lead to what was lifted: it is not in the list of those in force any more."""
        messages.success(request, _("The cap is lifted: from now on it holds nobody."))
        return redirect(reverse("admin:campaigns_discountcap_change", args=[obj_id]))


class OfferGrantAdmin(ExportedAdmin):
    """Who has which offer, and what became of it: looked for by customer."""

    list_display = (
        "granted_at", "customer", "offer", "occurrence", "reserved", "is_discount", "status", "chosen_over", "instead_of",
        "expires_at",
    )  # fmt: skip
    list_filter = ("offer", "state", "is_discount", ("granted_at", RangeDateTimeFilter))
    search_fields = OF_CUSTOMER
    list_select_related = ("customer", "offer", "redemption", "membership__merged_into")
    ordering = ("-pk",)
    exported = (
        "granted_at", "customer__external_id", "offer__code", "occurrence", "reserved", "status", "redemption__spent",
        "redemption__order_number", "chosen_over", "chosen_by", "instead_of", "insight_as_of", "expires_at",
        "is_discount",
    )  # fmt: skip
    fields = (
        ("customer", "offer"), "occurrence", ("status", "reserved", "is_discount"),
        ("chosen_over", "chosen_by", "instead_of"), "insight_as_of",
        ("granted_at", "expires_at", "ended_at"), "redemption",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_withdrawals(super().get_queryset(request))

    @display(description=_("status"))
    def status(self, row: OfferGrant) -> str:
        code = status_of(row, at=timezone.now())
        words = dict(OfferGrant.State.choices) | dict(RewardRedemption.Status.choices)
        return str(words[code])


class OfferRefusalAdmin(ExportedAdmin):
    """Who was not given an offer, and why: looked for by customer."""

    list_display = ("refused_at", "customer", "offer", "occurrence", "reason", "by_rule", "reserves")
    list_filter = ("offer", "reason", ("refused_at", RangeDateTimeFilter))
    search_fields = OF_CUSTOMER
    list_select_related = ("customer", "offer")
    ordering = ("-pk",)
    exported = (
        "refused_at", "customer__external_id", "offer__code", "occurrence", "reason", "rule", "reserves", "insight_as_of",
    )  # fmt: skip

    @display(description=_("rule"), ordering="rule")
    def by_rule(self, row: OfferRefusal) -> str:
        return rule_in_words(row.rule) if row.rule else "-"
