"""A member's page: who it is and what it has, what staff do with it, its statement, and each lot's story."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from customers.core.admin import RangeDateTimeFilter, ReadOnlyAdmin, action, display, row_or_404
from loyalty.activity import staff
from loyalty.activity.explaining import rule_names, said_by
from loyalty.activity.member import verbs
from loyalty.activity.member.overview import head_of, lots_of
from loyalty.activity.member.statement import open_redemptions, statement_page
from loyalty.activity.search.finding import VIEW_PERSONS
from loyalty.activity.staff import ByStaff
from loyalty.memberships.models import Membership

# What staff do from the page, as buttons: the end of the address, what is said, and what is done.
ACTIONS = (
    ("adjust", _("Adjust points"), verbs.adjust_points),
    ("redeem", _("Redeem points"), verbs.redeem_points),
    ("give-back", _("Give points back"), verbs.give_back),
    ("hold", _("Hold points"), verbs.hold_points),
)
ENDINGS = (("confirm", verbs.confirm_hold), ("release", verbs.release_hold))
NAME = "memberships_membership_{}"
# Where else a member is: the list, by which words it finds whom, and whether by the customer's id or the member's number.
ELSEWHERE = (
    ("customers_order", _("Orders"), "customer"),
    ("points_entry", _("Ledger"), "member"),
    ("rewards_rewardredemption", _("Redeemed rewards"), "member"),
    ("plans_subscription", _("Paid plans"), "member"),
    ("plans_invoice", _("Invoices"), "member"),
    ("referrals_referral", _("Referrals"), "member"),
    ("badges_memberprogress", _("Challenges"), "member"),
    ("activity_interactiondecision", _("Interactions"), "customer"),
)


@admin.register(Membership)
class MembershipAdmin(ByStaff, ReadOnlyAdmin):
    list_display = ("number", "customer", "program", "tier", "available", "pending", "enrolled_at", "state")
    list_filter = (
        "program",
        "standing__tier__name",
        ("left_at", admin.EmptyFieldListFilter),
        ("enrolled_at", RangeDateTimeFilter),
    )
    search_fields = ("number__exact", "customer__external_id__exact", "customer__email__exact")
    search_help_text = _("Member number, customer's external id or e-mail")
    fields = (("program", "source"),)  # the rest stands at the top
    ordering = ("-id",)
    change_form_outer_before_template = "activity/member.html"
    change_form_after_template = "activity/ledger.html"
    actions_detail = ("end_membership",)
    done = Q(left_at__isnull=False)

    def get_urls(self) -> list[URLPattern]:
        known = [(way, act) for way, _words, act in ACTIONS] + list(ENDINGS)
        own = [
            path(
                f"<path:object_id>/{way}/",
                self.admin_site.admin_view(partial(self._do, act)),
                name=NAME.format(way.replace("-", "_")),
            )
            for way, act in known
        ]
        return [*own, *super().get_urls()]

    def _do(self, act: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_staff_permission(request):
            raise PermissionDenied
        rows = Membership.objects.select_related("program", "customer")
        answer: HttpResponse = act(self, request, row_or_404(rows, object_id))
        return answer

    @action(description=_("End the membership"), url_path="end", permissions=["staff"])
    def end_membership(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return staff.end_membership(self, request, row_or_404(Membership.objects.select_related("program"), object_id))

    def get_queryset(self, request: HttpRequest) -> Any:
        # All that the list needs: rows that name relations themselves are not given those of `list_select_related`.
        rows = super().get_queryset(request).select_related("customer", "program", "standing__tier", "merged_into")
        return rows.prefetch_related("wallets")

    @display(description=_("tier"), ordering="standing__tier__rank")
    def tier(self, membership: Membership) -> str:
        return str(tier) if (standing := getattr(membership, "standing", None)) and (tier := standing.tier) else "-"

    @display(description=_("state"), label={"member": "success", "left": "warning", "merged": "info"})
    def state(self, membership: Membership) -> tuple[str, Any]:
        if membership.merged_into is not None:
            return "merged", _("merged into %(number)s") % {"number": membership.merged_into.number}
        return ("left", _("left")) if membership.left_at else ("member", _("member"))

    @display(description=_("available"))
    def available(self, membership: Membership) -> str:
        return str(number_format(sum(wallet.available for wallet in membership.wallets.all()), 0))

    @display(description=_("pending"))
    def pending(self, membership: Membership) -> str:
        return str(number_format(sum(wallet.pending for wallet in membership.wallets.all()), 0))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        membership = self.get_object(request, object_id) if object_id and self.has_view_permission(request) else None
        if membership is None or request.method != "GET":
            shown: HttpResponse = super().changeform_view(request, object_id, form_url, extra)
            return shown
        extra |= self._page(request, membership)
        with timezone.override(membership.program.tzinfo):  # rendered here, so that all of the page is in this zone
            response: Any = super().changeform_view(request, object_id, form_url, extra)
            return response.render() if hasattr(response, "render") else response  # type: ignore[no-any-return]

    def _page(self, request: HttpRequest, membership: Membership) -> dict[str, Any]:
        head = head_of(membership)
        found = statement_page(membership, request.GET, head["wallet_names"])
        entries = list(found.page.object_list)
        rules = rule_names(membership.program_id, entries)
        may_act = self.has_staff_permission(request) and membership.left_at is None
        shown = [entry.pk for entry in entries]
        back = set(open_redemptions(membership).filter(pk__in=shown).values_list("pk", flat=True)) if may_act else set()
        return {
            **head,
            **lots_of(membership),
            "name": self._name(request, membership),
            "statement": found,
            "entries": [(entry, said_by(entry, rules, to_staff=True), entry.pk in back) for entry in entries],
            "may_act": may_act,
            "acts": [(words, _address(membership, way)) for way, words, _act in ACTIONS] if may_act else [],
            "give_back_address": _address(membership, "give-back"),
            "hold_addresses": [(_("Confirm"), _address(membership, "confirm")), (_("Release"), _address(membership, "release"))],
            "elsewhere": _elsewhere(request, membership),
            "sees_persons": request.user.has_perm(VIEW_PERSONS),
        }  # fmt: skip

    def _name(self, request: HttpRequest, membership: Membership) -> str:
        customer = membership.customer
        return f"{customer.first_name} {customer.last_name}".strip() if request.user.has_perm(VIEW_PERSONS) else ""


def _address(membership: Membership, way: str) -> str:
    return reverse(f"admin:{NAME.format(way.replace('-', '_'))}", args=[membership.pk])


def _elsewhere(request: HttpRequest, membership: Membership) -> list[tuple[Any, str]]:
    """Return the lists that have something of a member, for those who may see them."""
    words = {"customer": membership.customer.external_id, "member": membership.number}
    found = []
    for name, title, by in ELSEWHERE:
        app, model = name.split("_", 1)
        if request.user.has_perm(f"{app}.view_{model}"):
            found.append((title, f"{reverse(f'admin:{name}_changelist')}?{urlencode({'q': words[by]})}"))
    return found
