"""Experiments, for a retailer's systems: written, checked, planned, started, ended; and in which variant a customer is."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import author_of, retailer_of
from customers.core.errors import DomainError, Kind
from customers.models import Retailer
from customers.privacy import find as find_customer
from loyalty.activity.api.asking import listed
from loyalty.activity.near_misses import flaws_to_start, preview_of, start_experiment, tiers_of
from loyalty.experiments.api.serializers import (
    ContaminationOut,
    CustomerArmsOut,
    EndIn,
    ExperimentCheckOut,
    ExperimentEventOut,
    ExperimentIn,
    ExperimentOut,
    PlanIn,
    StartIn,
)
from loyalty.experiments.assigning import arms_of, sizes
from loyalty.experiments.contamination import contamination_of
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import ExperimentFact, VariantFact, change, create, find, plan
from loyalty.experiments.running import end
from loyalty.experiments.wording import said_of
from loyalty.programs.models import Program
from loyalty.tiers.models import Tier


class NoSuchTier(DomainError):
    code = "unknown_tier"
    kind = Kind.INVALID
    message = _("There is no tier “{code}” in a published version. There are: {known}.")


def said_experiments(rows: Any) -> list[dict[str, Any]]:
    """Return experiments as plain values of `ExperimentOut`, with how many are in each variant."""
    experiments = list(rows.select_related("program", "within").prefetch_related("variants"))
    counted, tiers = sizes(experiments), tiers_of(experiments)
    return [_said(each, counted[each.pk], tiers.get(each.tier_key)) for each in experiments]


def _said(row: Experiment, counted: Any, tier: Tier | None) -> dict[str, Any]:
    variants = sorted(row.variants.all(), key=lambda each: each.position)
    own = ("code", "name", "layer", "form", "salt", "unit", "metric", "window_days", "duration_days", "state", "plan_hash",
           "detectable", "starts_at", "ends_at", "ended_at")  # fmt: skip
    return {name: getattr(row, name) for name in own} | {
        "program": row.program.slug if row.program else None,
        "within": row.within.code if row.within else "",
        "tier": tier.code if tier else "",
        "missing_percent": row.missing_percent,
        "variants": [
            {
                "code": each.code,
                "name": each.name,
                "share_bp": each.share_bp,
                "is_control": each.is_control,
                "assigned": counted[each.code],
            }
            for each in variants
        ],
    }


def _one(row: Experiment) -> Any:
    (said,) = said_experiments(Experiment.objects.filter(pk=row.pk))
    return ExperimentOut(said).data


def _fact(retailer: Retailer, said: dict[str, Any]) -> ExperimentFact:
    slug = said.pop("program")
    program = Program.objects.filter(retailer=retailer, slug=slug).first() if slug else None
    if slug and program is None:
        raise Http404
    variants = tuple(VariantFact(**each) for each in said.pop("variants"))
    tier = _tier(program, said.pop("tier"))
    return ExperimentFact(program=program, variants=variants, tier=tier, **said)


def _tier(program: Program | None, code: str) -> UUID | None:
    """Return the identity of a tier of a program's versions. :raises NoSuchTier: naming those that there are"""
    if not code or program is None:
        return None
    rows = Tier.objects.filter(version__program=program, version__status="published")
    found = rows.filter(code=code).order_by("-version__effective_from").first()
    if found is None:
        known = sorted(set(rows.values_list("code", flat=True)))
        raise NoSuchTier(code=code, known=listed(known))
    return found.key


class ExperimentsView(AskedView):
    scopes: ClassVar = {"GET": "program:read", "POST": "program:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=ExperimentOut(many=True), tags=["experiments"])
    def get(self, request: Request) -> Response:
        """List experiments and hold-outs, the newest first, with how many are in each variant."""
        rows = Experiment.objects.filter(retailer=retailer_of(request)).order_by("-created_at", "-pk")
        return Response(ExperimentOut(said_experiments(rows), many=True).data)

    @extend_schema(request=ExperimentIn, responses={201: ExperimentOut}, tags=["experiments"])
    def post(self, request: Request) -> Response:
        """Write an experiment down as a draft."""
        retailer = retailer_of(request)
        fact = _fact(retailer, said_in(ExperimentIn, request))
        with all_or_dry(request):
            row = create(retailer, fact, author=author_of(request), now=timezone.now())
            body = _one(row)
        return Response(body, status=status.HTTP_201_CREATED)


class ExperimentView(AskedView):
    scopes: ClassVar = {"GET": "program:read", "PUT": "program:write"}
    switches: ClassVar = {"PUT": (DRY_RUN,)}

    @extend_schema(responses=ExperimentOut, tags=["experiments"])
    def get(self, request: Request, code: str) -> Response:
        """Return an experiment with how many are in each variant so far."""
        return Response(_one(find(retailer_of(request), code)))

    @extend_schema(request=ExperimentIn, responses=ExperimentOut, tags=["experiments"])
    def put(self, request: Request, code: str) -> Response:
        """Change a draft; it has to be planned anew."""
        row = find(retailer_of(request), code)
        fact = _fact(retailer_of(request), said_in(ExperimentIn, request))
        with all_or_dry(request):
            body = _one(change(row, fact, author=author_of(request), now=timezone.now()))
        return Response(body)


class ExperimentCheckView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=ExperimentCheckOut, tags=["experiments"])
    def get(self, request: Request, code: str) -> Response:
        """Say whether an experiment could start now, and whom it would divide; of near misses, how many there are now."""
        row, now = find(retailer_of(request), code), timezone.now()
        found = preview_of(row, starts_at=now, now=now)
        flaws = flaws_to_start(row, now=now)
        findings = [
            {"is_error": flaw.is_error, "code": flaw.code, "place": flaw.place, "message": said_of(flaw)}
            for flaw in flaws
        ]
        can_start = row.is_draft and not any(flaw.is_error for flaw in flaws)
        body = {"can_start": can_start, "customers": found.customers, "expected": found.expected, "findings": findings}
        return Response(ExperimentCheckOut(body).data)


class ExperimentPlanView(AskedView):
    scopes: ClassVar = {"POST": "program:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=PlanIn, responses=ExperimentOut, tags=["experiments"])
    def post(self, request: Request, code: str) -> Response:
        """Plan an experiment: what it is to show is frozen by a digest."""
        row, said = find(retailer_of(request), code), said_in(PlanIn, request)
        with all_or_dry(request):
            body = _one(plan(row, **said, author=author_of(request), now=timezone.now()))
        return Response(body)


class ExperimentStartView(AskedView):
    scopes: ClassVar = {"POST": "program:publish"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=StartIn, responses=ExperimentOut, tags=["experiments"])
    def post(self, request: Request, code: str) -> Response:
        """Start a planned experiment: all customers who are known are assigned, and from now on each who becomes known."""
        row, said = find(retailer_of(request), code), said_in(StartIn, request)
        with all_or_dry(request):
            body = _one(start_experiment(row, **said, author=author_of(request), now=timezone.now()))
        return Response(body)


class ExperimentEndView(AskedView):
    scopes: ClassVar = {"POST": "program:publish"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=EndIn, responses=ExperimentOut, tags=["experiments"])
    def post(self, request: Request, code: str) -> Response:
        """End an experiment: nobody is treated otherwise any more, and all assignments stay."""
        row, said = find(retailer_of(request), code), said_in(EndIn, request)
        with all_or_dry(request):
            body = _one(end(row, **said, author=author_of(request), now=timezone.now()))
        return Response(body)


class ExperimentEventsView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=ExperimentEventOut(many=True), tags=["experiments"])
    def get(self, request: Request, code: str) -> Response:
        """Say who did what with an experiment; the newest first."""
        rows = find(retailer_of(request), code).events.order_by("-pk")
        return Response(ExperimentEventOut(rows[:1_000], many=True).data)


class ContaminationView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=ContaminationOut, tags=["experiments"])
    def get(self, request: Request, code: str) -> Response:
        """Count what blurs the difference between an experiment's variants."""
        return Response(ContaminationOut(contamination_of(find(retailer_of(request), code))).data)


class CustomerArmsView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=CustomerArmsOut, tags=["experiments"])
    def get(self, request: Request, external_id: str) -> Response:
        """Say in which variants a customer is; nobody else is to know, least of all the customer."""
        found = find_customer(retailer_of(request), external_id)
        customer = found.merged_into or found
        body = {"customer": customer.external_id, "experiments": arms_of(customer, now=timezone.now())}
        return Response(CustomerArmsOut(body).data)
