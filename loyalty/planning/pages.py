"""The pages on which a retailer reads, shapes, tries and publishes a version."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.core.calendar import day_after, local_date, midnight
from customers.core.errors import DomainError
from loyalty.activity.versions import read_version
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.configuration import drafts
from loyalty.configuration.badge_words import badge_in_words, board_in_words, challenge_in_words
from loyalty.configuration.checking import check
from loyalty.configuration.document import InvalidDocument, apply_to, differences, to_document
from loyalty.configuration.drafts import NoSuchVersion
from loyalty.configuration.plain_yaml import read_yaml, to_yaml
from loyalty.configuration.referral_words import referrals_in_words
from loyalty.configuration.reward_words import reward_in_words
from loyalty.configuration.wording import plan_in_words, rule_in_words, scheme_in_words, tier_in_words, wallet_in_words
from loyalty.planning.charts import charts_of
from loyalty.planning.forms import DocumentForm, PublishForm, SimulationForm
from loyalty.planning.models import Simulation
from loyalty.planning.movers import standings
from loyalty.planning.naming import movers_of, standings_of, tier_names
from loyalty.planning.plan import Plan, fingerprint, plan
from loyalty.planning.simulating import ask, cancel
from loyalty.planning.tier_rows import COLUMNS, as_typed, at_row, posted_rows, with_tiers
from loyalty.plans.models import PaidPlan
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.programs.models import ProgramVersion, VersionEvent
from loyalty.referrals.models import ReferralPolicy
from loyalty.rewards.models import Reward
from loyalty.tiers.models import Tier, TierPolicy

SHOWN_EVENTS = 20
VIEW, CHANGE = "programs.view_programversion", "programs.change_programversion"
ADD, PUBLISH = "programs.add_programversion", "programs.publish_programversion"
SEE_WHAT_IF, ASK_WHAT_IF = "planning.view_simulation", "planning.add_simulation"

# What each page of a version adds to its name in the window's title: several of them are open side by side.
TITLES = {
    "tiers": gettext_lazy("Tiers"), "plan": gettext_lazy("Plan"), "what_if": gettext_lazy("What if"),
    "simulation": gettext_lazy("What if"), "document": gettext_lazy("Document"), "compare": gettext_lazy("What changes"),
}  # fmt: skip
Page = Callable[..., HttpResponse]


class Pages:
    """All of them: each names the permission that it needs."""

    def __init__(self, owner: ModelAdmin[Any]) -> None:
        self.owner = owner

    def urls(self) -> list[URLPattern]:
        pages: tuple[tuple[str, str, str, Page], ...] = (
            ("page", "programs_programversion_page", VIEW, self.page),
            ("tiers", "programs_programversion_tiers", CHANGE, self.tiers),
            ("distribution", "programs_programversion_distribution", VIEW, self.distribution),
            ("plan", "programs_programversion_plan", VIEW, self.plan),
            ("publish", "programs_programversion_publish_version", PUBLISH, self.publish),
            ("propose", "programs_programversion_propose", CHANGE, self.propose),
            ("withdraw", "programs_programversion_withdraw", PUBLISH, self.withdraw),
            ("copy", "programs_programversion_copy", ADD, self.copy),
            ("document", "programs_programversion_document", VIEW, self.document),
            ("compare", "programs_programversion_compare", VIEW, self.compare),
            ("what-if", "planning_simulation_ask", SEE_WHAT_IF, self.what_if),
            ("what-if/<int:simulation_id>", "planning_simulation_page", SEE_WHAT_IF, self.simulation),
            ("what-if/<int:simulation_id>/cancel", "planning_simulation_cancel", ASK_WHAT_IF, self.cancel),
        )
        return [path(f"<int:pk>/{way}/", self._guarded(needed, view), name=name) for way, name, needed, view in pages]

    def _guarded(self, needed: str, view: Page) -> Page:
        def guarded(request: HttpRequest, pk: int, **given: Any) -> HttpResponse:
            if not request.user.has_perm(needed):
                raise PermissionDenied
            versions = ProgramVersion.objects.select_related("program__retailer")
            version = get_object_or_404(versions, pk=pk)
            try:
                with timezone.override(version.program.tzinfo):  # a retailer thinks of its own midnight
                    return view(request, version, **given)
            except NoSuchVersion as gone:
                raise Http404(str(gone)) from gone

        made: Page = self.owner.admin_site.admin_view(guarded)
        return made

    def page(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """The program as a person thinks of it: earn, tiers, spend, limits."""
        program = version.program
        versions = ProgramVersion.objects.filter(program=program).exclude(pk=version.pk).order_by("-number")
        events = VersionEvent.objects.filter(program=program, number=version.number).order_by("-pk")
        return self._render(request, "page", version, {
            **_in_words(version),
            "findings": check(version),
            "others": versions[:20],
            "events": events[:SHOWN_EVENTS],
            "in_force": program.in_force_at(timezone.now()) == version,
            "withdrawable": version.status == "published" and (version.effective_from or timezone.now()) > timezone.now(),
        })  # fmt: skip

    def tiers(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """Tiers as rows that move, with how many members each would hold."""
        drafts_only(version)
        tiers = list(Tier.objects.filter(version=version).order_by("-rank"))
        rows: list[Mapping[str, Any]] = [{name: getattr(tier, name) for name in COLUMNS} for tier in tiers]
        problems: list[str] = []
        if request.method == "POST":
            rows = posted_rows(request)
            try:
                drafts.edit(
                    version,
                    lambda draft: apply_to(draft, with_tiers(to_document(draft), rows)),
                    author=request.user.get_username(),
                    now=timezone.now(),
                    revision=request.POST.get("revision"),
                )
            except InvalidDocument as error:
                problems = [at_row(finding.place, finding.message) for finding in error.findings]
            except DomainError as error:
                problems = [str(error)]
            else:
                messages.success(request, _("The tiers are saved."))
                return _to("page", version)
        policy = TierPolicy.objects.filter(version=version).first() or TierPolicy(version=version)
        return self._render(request, "tiers", version, {
            "rows": [{**row, "threshold": as_typed(row["threshold"]), "multiplier": as_typed(row["multiplier"])} for row in rows],
            "problems": problems,
            "policy": policy,
            "words": scheme_in_words(policy, tiers),
        })  # fmt: skip

    def distribution(self, _request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """What members have of what the tiers count: values with the members that have them, the smallest first."""
        on = local_date(timezone.now(), version.program.tzinfo)
        found: dict[Decimal, int] = {}
        held: dict[str, int] = {}
        for standing in standings(version.program, read_version(version.pk), on=on):
            found[standing.counts] = found.get(standing.counts, 0) + 1
            held[standing.current or ""] = held.get(standing.current or "", 0) + 1
        values = sorted(found)
        body = {
            "values": [float(value) for value in values],
            "members": [found[value] for value in values],
            "held": held,
        }
        return JsonResponse(body)

    def plan(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """What publishing would change, and the form that publishes."""
        now = timezone.now()
        form = PublishForm(request.GET or None, initial={"effective_from": _proposed(version, now)})
        instant = form.cleaned_data["effective_from"] if form.is_bound and form.is_valid() else _proposed(version, now)
        return self._plan_page(request, version, instant)

    def publish(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """Publish the plan that was shown, once that is confirmed, or tell why not."""
        words = _("Version %(number)s is published.")
        return self._decide(request, version, drafts.publish, words, asks="confirmed" not in request.POST)

    def propose(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """Ask somebody else to publish."""
        return self._decide(request, version, drafts.propose, _("Version %(number)s is proposed."))

    def _decide(
        self,
        request: HttpRequest,
        version: ProgramVersion,
        decide: Callable[..., Any],
        words: str,
        *,
        asks: bool = False,
    ) -> HttpResponse:
        if request.method != "POST":
            return _to("plan", version)
        form = PublishForm(request.POST)
        now = timezone.now()
        if not form.is_valid():
            return self._plan_page(request, version, _proposed(version, now), form=form)
        instant = form.cleaned_data["effective_from"]
        found = plan(version, effective_from=instant, now=now)
        if not constant_time_compare(form.cleaned_data["seen"], fingerprint(found)):
            return self._plan_page(request, version, instant, found=found, is_another=True)
        try:
            if asks:
                drafts.require_publishable(version, instant, now)
                return self._plan_page(request, version, instant, found=found, asks=True)
            decide(version, effective_from=instant, author=request.user.get_username(), now=now)
        except NoSuchVersion:
            raise
        except DomainError as error:
            form.add_error(None, str(error))
            return self._plan_page(request, version, instant, form=form, found=found)
        messages.success(request, words % {"number": version.number})
        return _to("page", version)

    def _plan_page(
        self,
        request: HttpRequest,
        version: ProgramVersion,
        instant: datetime,
        *,
        form: Any = None,
        found: Plan | None = None,
        **asked: bool,
    ) -> HttpResponse:
        found = found or plan(version, effective_from=instant, now=timezone.now())
        initial = {"effective_from": instant, "seen": fingerprint(found)}
        return self._render(request, "plan", version, {
            **asked,
            "form": form if form is not None and form.errors else PublishForm(initial=initial),
            "seen": initial["seen"],
            "instant": instant,
            "plan": found,
            "names": tier_names(version, found),
            "lists": [(words, members, standings_of(request, members)) for words, members in (
                (_("go up"), found.movers.up),
                (_("go down"), found.movers.down),
                (_("would no longer qualify, but are protected"), found.movers.at_risk),
            )],
            "may_publish": request.user.has_perm(PUBLISH) and version.is_draft,
            "may_propose": request.user.has_perm(CHANGE) and version.is_draft,
            "currency": version.program.retailer.currency,
            "extra_cost": found.estimate.cost_then - found.estimate.cost_now,
            "what_if": what_if_of(version) if request.user.has_perm(SEE_WHAT_IF) else None,
        })  # fmt: skip

    def withdraw(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """Take a version back before it is in force."""
        return self._do(request, version, drafts.withdraw, _("Version %(number)s is withdrawn."))

    def _do(self, request: HttpRequest, version: ProgramVersion, verb: Callable[..., Any], words: str) -> HttpResponse:
        _require_post(request)
        try:
            verb(version, author=request.user.get_username(), now=timezone.now())
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, words % {"number": version.number})
        return _to("page", version)

    def copy(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """Open a draft that begins as this version."""
        _require_post(request)
        author, now = request.user.get_username(), timezone.now()
        draft = drafts.open_draft(version.program, copy_of=version, author=author, now=now)
        messages.success(
            request, _("Draft %(number)s is a copy of version %(of)s.") % {"number": draft.number, "of": version.number}
        )
        return _to("page", draft)

    def document(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """The version as one document, to read, take along, or change."""
        text = to_yaml(to_document(version))
        if request.GET.get("download"):
            response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
            name = f"{version.program.slug}-{version.number}.yaml"
            response["Content-Disposition"] = f'attachment; filename="{name}"'
            return response
        form = DocumentForm(request.POST or None, initial={"document": text, "revision": version.revision})
        may_change = version.is_draft and request.user.has_perm(CHANGE)
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            if form.is_valid() and self._applied(request, version, form):
                return _to("page", version)
        return self._render(request, "document", version, {"form": form, "text": text, "may_change": may_change})

    def _applied(self, request: HttpRequest, version: ProgramVersion, form: DocumentForm) -> bool:
        try:
            said = read_yaml(form.cleaned_data["document"])
            changes = drafts.edit(
                version,
                lambda draft: apply_to(draft, said),
                author=request.user.get_username(),
                now=timezone.now(),
                revision=form.cleaned_data["revision"],
            )
        except InvalidDocument as error:
            for finding in error.findings:
                form.add_error(None, f"{finding.place}: {finding.message}")
            return False
        except DomainError as error:
            form.add_error(None, str(error))
            return False
        words = ngettext("%(count)s change was applied.", "%(count)s changes were applied.", len(changes))
        messages.success(request, words % {"count": len(changes)})
        return True

    def compare(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """How this version differs from another one of its program."""
        text = request.GET.get("with", "")
        others = ProgramVersion.objects.filter(program=version.program)
        other = others.filter(number=int(text)).first() if text.isdigit() else None
        if other is None:
            raise Http404
        changes = differences(to_document(other), to_document(version))
        return self._render(request, "compare", version, {"other": other, "changes": changes})

    def what_if(self, request: HttpRequest, version: ProgramVersion) -> HttpResponse:
        """Earlier what-ifs of a version, and the form that asks for another."""
        today = local_date(timezone.now(), version.program.tzinfo)
        initial = {"since": today - timedelta(days=180), "until": today}
        form = SimulationForm(request.POST or None, initial=initial)
        if request.method == "POST":
            if not request.user.has_perm(ASK_WHAT_IF):
                raise PermissionDenied
            if form.is_valid():
                try:
                    made = ask(version, **form.cleaned_data, author=request.user.get_username(), now=timezone.now())
                except DomainError as error:
                    form.add_error(None, str(error))
                else:
                    return redirect(reverse("admin:planning_simulation_page", args=[version.pk, made.pk]))
        earlier = Simulation.objects.filter(version=version).order_by("-pk")[:20]
        context = {"form": form, "earlier": earlier, "may_ask": request.user.has_perm(ASK_WHAT_IF)}
        return self._render(request, "what_if", version, context)

    def simulation(self, request: HttpRequest, version: ProgramVersion, simulation_id: int) -> HttpResponse:
        """How far a what-if is, or what it came to."""
        found = get_object_or_404(Simulation, pk=simulation_id, version=version)
        context: dict[str, Any] = {"simulation": found, "may_cancel": request.user.has_perm(ASK_WHAT_IF)}
        if found.result:
            context |= {
                "result": found.result,
                **charts_of(found.result),
                "movers": movers_of(request, found.result),
            }
            context["is_stale"] = found.revision != version.revision
        return self._render(request, "simulation", version, context)

    def cancel(self, request: HttpRequest, version: ProgramVersion, simulation_id: int) -> HttpResponse:
        """Cancel a what-if."""
        _require_post(request)
        found = get_object_or_404(Simulation, pk=simulation_id, version=version)
        try:
            cancel(found, now=timezone.now())
        except DomainError as error:
            messages.error(request, str(error))
        return redirect(reverse("admin:planning_simulation_page", args=[version.pk, found.pk]))

    def _render(
        self, request: HttpRequest, name: str, version: ProgramVersion, context: dict[str, Any]
    ) -> HttpResponse:
        frame = self.owner.admin_site.each_context(request) | {
            "version": version,
            "program": version.program,
            "opts": self.owner.model._meta,
            "title": f"{version} - {TITLES[name]}" if name in TITLES else str(version),
            "page_name": name,
            "may_change": version.is_draft and request.user.has_perm(CHANGE),
            "may_see_what_ifs": request.user.has_perm(SEE_WHAT_IF),
            "may_copy": request.user.has_perm(ADD),
            "may_withdraw": request.user.has_perm(PUBLISH),
        }
        return render(request, f"planning/{name}.html", frame | context)


def what_if_of(version: ProgramVersion) -> dict[str, Any] | None:
    """Return what the latest what-if of a version as it is now said of its points; None where nobody asked."""
    asked = Simulation.objects.filter(version=version, revision=version.revision, status=Simulation.Status.DONE)
    found = asked.order_by("-pk").first()
    if found is None or found.result is None:
        return None
    given, actual = found.result["draft"]["net"], found.result["actual"]["net"]
    return {"simulation": found, "difference": given - actual, "given": given, "actual": actual}


def drafts_only(version: ProgramVersion) -> None:
    """Refuse a page that changes a version to one that is published."""
    if not version.is_draft:
        raise PermissionDenied


def _require_post(request: HttpRequest) -> None:
    if request.method != "POST":
        raise PermissionDenied


def _to(name: str, version: ProgramVersion) -> HttpResponse:
    return redirect(reverse(f"admin:programs_programversion_{name}", args=[version.pk]))


def _proposed(version: ProgramVersion, now: datetime) -> datetime:
    """Return the instant for which a version is published or proposed, or the midnight that ends the present day."""
    zone = version.program.tzinfo
    known = version.effective_from or version.proposed_for
    return known or midnight(day_after(local_date(now, zone)), zone)


def _in_words(version: ProgramVersion) -> dict[str, Any]:
    """Return what a version promises, each of its rows with the words for it."""
    currency = version.program.retailer.currency
    policy = TierPolicy.objects.filter(version=version).first() or TierPolicy(version=version)
    tiers = list(Tier.objects.filter(version=version).order_by("-rank"))
    groups = {group.code: group for group in EarningGroup.objects.filter(version=version)}
    rules = [
        (rule, rule_in_words(rule, currency), groups.get(rule.group))
        for rule in EarningRule.objects.filter(version=version).order_by("code")
    ]
    wallets = PointsPolicy.objects.filter(version=version).order_by("pk")
    return {
        "rules": rules,
        "scheme": scheme_in_words(policy, tiers),
        "tiers": [(tier, tier_in_words(tier, policy, currency)) for tier in tiers],
        "plans": [
            (each, plan_in_words(each, currency)) for each in PaidPlan.objects.filter(version=version).order_by("rank")
        ],
        "rewards": [
            (each, reward_in_words(each, currency)) for each in Reward.objects.filter(version=version).order_by("place")
        ],
        "referrals": [
            sentence
            for each in ReferralPolicy.objects.filter(version=version)
            for sentence in referrals_in_words(each, currency)
        ],
        "badges": [(each, badge_in_words(each)) for each in Badge.objects.filter(version=version).order_by("place")],
        "challenges": [
            (each, challenge_in_words(each, currency))
            for each in Challenge.objects.filter(version=version).order_by("place")
        ],
        "boards": [(each, board_in_words(each)) for each in Board.objects.filter(version=version).order_by("place")],
        "wallets": [(wallet, wallet_in_words(wallet)) for wallet in wallets],
    }
