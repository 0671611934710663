"""The pages of what plans bring and cost: month by month, and member by member."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.checks import plain
from customers.core.calendar import add_months, local_date
from customers.core.exporting import MAX_EXPORTED, figures_response
from customers.core.values import dataclass
from loyalty.memberships.models import Membership
from loyalty.plans.benefits import MemberCosts, costs_of_members
from loyalty.plans.models import PaidPlan, Subscription
from loyalty.plans.report import SHOWN_MONTHS, PlanMembers, PlanMonth, Report, report
from loyalty.points.closing import EVER
from loyalty.points.liability import month_of
from loyalty.programs.models import Program

SEE = "programs.see_liability"
PAGE = 50
CHUNK = 1_000
MONTHS = (
    "first",
    "began",
    "joined",
    "ended",
    "churn_percent",
    "fees",
    "points",
    "points_cost",
    "discount",
    "perks_cost",
    "cost",
    "result",
)
PLANS = ("trial", "active", "past_due", "cancelled", "began", "joined", "changed", "ended", "churn_percent")
CHURN = Decimal("0.0001")  # of a percent: as many digits as shares have in files of figures
COSTS = ("paid", "refunded", "points", "points_cost", "saved_points", "discount", "perks_cost", "cost", "margin")


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member that has or had a plan, its latest one, and what it paid and cost."""

    member: Membership
    plan: Subscription
    costs: MemberCosts


class ReportPages:
    """What plans bring and cost, program by program, for who may see what is owed."""

    def __init__(self, owner: ModelAdmin[Any]) -> None:
        self.owner = owner

    def urls(self) -> list[URLPattern]:
        frame = self.owner.admin_site.admin_view
        return [
            path("report/", frame(self.report), name="plans_subscription_report"),
            path("report/members/", frame(self.members), name="plans_subscription_members"),
        ]

    def report(self, request: HttpRequest) -> HttpResponse:
        """Show what plans bring and cost month by month; with `format=csv` as a file, or its `table` plans or cohorts."""
        programs, chosen = _programs(request)
        found = report(chosen, now=timezone.now()) if chosen else None
        if found and chosen and request.GET.get("format") == "csv":
            return _FILES.get(request.GET.get("table", ""), _months_file)(found, chosen)
        return self._show(request, "plans/report.html", programs, chosen, {"report": found})

    def members(self, request: HttpRequest) -> HttpResponse:
        """Show what plans bring and cost member by member, as searched and filtered; with `format=csv` all of them as a file."""
        programs, chosen = _programs(request)
        if chosen is None:
            return self._show(request, "plans/members.html", programs, None, {})
        asked = _Asked.of(request, chosen, timezone.now())
        if request.GET.get("format") == "csv":
            return _members_file(asked)
        page = Paginator(asked.members(), PAGE).get_page(request.GET.get("page"))
        kept = request.GET.copy()
        kept.pop("page", None)
        return self._show(request, "plans/members.html", programs, chosen, {
            "page": page, "rows": asked.rows(list(page)), "asked": asked, "months": _months(chosen),
            "codes": _codes(chosen), "statuses": Subscription.Status.choices, "kept": kept.urlencode(),
        })  # fmt: skip

    def _show(
        self,
        request: HttpRequest,
        template: str,
        programs: QuerySet[Program],
        chosen: Program | None,
        own: dict[str, Any],
    ) -> HttpResponse:
        context = self.owner.admin_site.each_context(request) | {
            "title": _("What plans bring and cost"), "programs": programs, "program": chosen,
            "currency": chosen.retailer.currency if chosen else "", "opts": self.owner.model._meta,
        }  # fmt: skip
        return render(request, template, context | own)


@dataclass(frozen=True, slots=True)
class _Asked:
    """
    Which members of a program are asked for, and of which time.

    :param month: such as 2026-10; empty for all of it
    """

    program: Program
    since: datetime
    until: datetime
    month: str = ""
    search: str = ""
    code: str = ""
    status: str = ""

    @classmethod
    def of(cls, request: HttpRequest, program: Program, now: datetime) -> "_Asked":
        """Return what a request asks for; a month that is none is all of the time."""
        said = {name: request.GET.get(name, "").strip() for name in ("month", "q", "plan", "status")}
        try:
            since, until = month_of(said["month"], program.tzinfo)
        except ValueError:
            since, until, said["month"] = EVER, now, ""
        return cls(program, since, min(until, now), said["month"], said["q"], said["plan"], said["status"])

    def members(self) -> QuerySet[Membership]:
        """Return members that have or had a plan, the newest first."""
        plans = Subscription.objects.filter(membership=OuterRef("pk"), program=self.program)
        if self.code:
            plans = plans.filter(plan__code=self.code)
        if self.status:
            plans = plans.filter(status=self.status)
        found = (
            Membership.objects.filter(Exists(plans), program=self.program).select_related("customer").order_by("-pk")
        )
        known_as = Q(number=self.search) | Q(customer__external_id=self.search) | Q(customer__email__iexact=self.search)
        return found.filter(known_as) if self.search else found

    def rows(self, members: Sequence[Membership]) -> list[MemberRow]:
        """Return what some members paid and cost, with the plan that each has or had last."""
        keys = [member.pk for member in members]
        costs = costs_of_members(self.program, keys, since=self.since, until=self.until)
        plans = Subscription.objects.filter(membership__in=keys).select_related("plan")
        newest_first = plans.order_by(F("ended_at").desc(nulls_first=True), "-pk")
        latest = {plan.membership_id: plan for plan in reversed(list(newest_first))}
        return [MemberRow(member, latest[member.pk], costs[member.pk]) for member in members]


def _programs(request: HttpRequest) -> tuple[QuerySet[Program], Program | None]:
    """Return the programs that offer plans, and the one that is asked for."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    programs = (
        Program.objects.filter(versions__plans__isnull=False).select_related("retailer").distinct().order_by("name")
    )
    slug = request.GET.get("program", "")
    return programs, get_object_or_404(programs, slug=slug) if slug else programs.first()


def _months(program: Program) -> list[str]:
    this = local_date(timezone.now(), program.tzinfo).replace(day=1)
    return [f"{add_months(this, -back):%Y-%m}" for back in range(SHOWN_MONTHS)]


def _codes(program: Program) -> list[str]:
    codes = PaidPlan.objects.filter(version__program=program, version__status="published").values_list(
        "code", flat=True
    )
    return sorted(set(codes))


def _cell(row: PlanMonth | PlanMembers, name: str) -> Any:
    """Return a figure of a row as its file writes it: a third in percent has no end."""
    figure = getattr(row, name)
    if name != "churn_percent" or figure is None:
        return figure
    return Decimal(plain(figure.quantize(CHURN, ROUND_HALF_UP)))


def _months_file(found: Report, program: Program) -> HttpResponse:
    rows = ([_cell(month, each) for each in MONTHS] for month in found.months)
    return figures_response(f"{program.slug}-plans.csv", MONTHS, rows)


def _plans_file(found: Report, program: Program) -> HttpResponse:
    rows = ([each.plan.code, *(_cell(each, name) for name in PLANS)] for each in found.plans)
    return figures_response(f"{program.slug}-plan-churn.csv", ("plan", *PLANS), rows)


def _cohorts_file(found: Report, program: Program) -> HttpResponse:
    """Return a line per cohort and month: how many of those who first had a plan in one have one when the other ends."""
    rows = (
        (each.first, each.members, add_months(each.first, after), left)
        for each in found.cohorts
        for after, left in enumerate(each.left)
    )
    return figures_response(f"{program.slug}-plan-cohorts.csv", ("first_plan_in", "members", "month", "left"), rows)


_FILES = {"plans": _plans_file, "cohorts": _cohorts_file}


def _members_file(asked: _Asked) -> HttpResponse:
    header = ("member", "customer", "plan", "status", "joined_at", *COSTS)
    name = f"{asked.program.slug}-plan-members{'-' + asked.month if asked.month else ''}.csv"
    return figures_response(name, header, _lines(asked))


def _lines(asked: _Asked) -> Iterator[list[Any]]:
    members = asked.members()[:MAX_EXPORTED].iterator(CHUNK)
    while chunk := list(islice(members, CHUNK)):
        for row in asked.rows(chunk):
            plan, costs = row.plan, [getattr(row.costs, each) for each in COSTS]
            yield [
                row.member.number,
                row.member.customer.external_id,
                plan.plan.code,
                plan.status,
                plan.joined_at,
                *costs,
            ]
