"""Programs and their versions, for program owners' tools: read, edit, check, plan, simulate, publish, export."""

from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.api.callers import author_of, retailer_of, the_one
from customers.core.calendar import local_date
from loyalty.activity.api.asking import NotThere, listed, program_of
from loyalty.activity.api.documents import DOCUMENT, FORMAT, YAML, YamlParser
from loyalty.api.models import RetailerKey
from loyalty.api.parsers import EncodableJSONParser
from loyalty.configuration import drafts
from loyalty.configuration.checking import check
from loyalty.configuration.document import apply_to, differences, schema, to_document
from loyalty.configuration.plain_yaml import to_yaml
from loyalty.planning.api.serializers import (
    ChangeOut,
    CheckOut,
    DraftIn,
    EventOut,
    InstantIn,
    MatchesIn,
    MatchesOut,
    ProgramIn,
    ProgramOut,
    SimulationIn,
    SimulationOut,
    VersionOut,
)
from loyalty.planning.costs import check_costs
from loyalty.planning.models import Simulation
from loyalty.planning.plan import plan, said, said_finding
from loyalty.planning.simulating import ask, cancel
from loyalty.points.conditions import InvalidCondition, parse
from loyalty.points.matching import matches
from loyalty.points.models.policy import words_for
from loyalty.programs.models import Program, ProgramVersion, VersionEvent

READ: dict[str, str] = {"GET": "program:read"}
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag as it was read."
)


class NoETag(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "no_etag"
    default_detail = _("Say in If-Match which state you change: the ETag that came with it.")


class NotAVersion(NotThere):
    message = _("Program “{slug}” has no version {number}. It has: {known}.")


class NoSuchSimulation(NotThere):
    message = _("Program “{slug}” has no what-if {id}. /api/v1/programs/{slug}/simulations lists those that there are.")


class ProgramView(AskedView):
    """What belongs to one of the caller's programs."""

    scopes: ClassVar[dict[str, str]] = READ

    def program(self, request: Request, slug: str) -> Program:
        return program_of(request, slug)

    def version(self, request: Request, slug: str, number: int) -> ProgramVersion:
        versions = ProgramVersion.objects.select_related("program__retailer").filter(
            program=self.program(request, slug)
        )
        known = versions.order_by("number").values_list("number", flat=True)
        return the_one(
            versions.filter(number=number), lambda: NotAVersion(number=number, slug=slug, known=listed(known))
        )


class ProgramsView(AskedView):
    scopes: ClassVar = {"GET": "program:read", "POST": "program:write"}

    @extend_schema(responses=ProgramOut(many=True), tags=["programs"])
    def get(self, request: Request) -> Response:
        """List your programs with their versions."""
        programs = Program.objects.filter(retailer=retailer_of(request)).order_by("slug")
        return Response([_program(each) for each in programs.prefetch_related("versions")])

    @extend_schema(request=ProgramIn, responses={201: ProgramOut}, tags=["programs"])
    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Create a program with an empty first draft."""
        given = ProgramIn(data=request.data)
        given.is_valid(raise_exception=True)
        retailer, asked = retailer_of(request), given.validated_data
        if Program.objects.filter(retailer=retailer, slug=asked["slug"]).exists():
            raise drafts.ProgramExists(slug=asked["slug"])
        draft = drafts.create_program(retailer, **asked)
        return Response(_program(draft.program), status=status.HTTP_201_CREATED)


class ProgramDetailView(ProgramView):
    @extend_schema(responses=ProgramOut, tags=["programs"])
    def get(self, request: Request, slug: str) -> Response:
        """Return a program with its versions."""
        return Response(_program(self.program(request, slug)))


class SchemaView(AskedView):
    scopes: ClassVar = READ

    @extend_schema(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT}, tags=["programs"])
    def get(self, _request: Request) -> Response:
        """Return the JSON Schema of a version's document."""
        return Response(schema(), content_type="application/schema+json")


class VersionsView(ProgramView):
    scopes: ClassVar = {"POST": "program:write"}

    @extend_schema(request=DraftIn, responses={201: VersionOut}, tags=["programs"])
    def post(self, request: Request, slug: str) -> Response:
        """Open a draft, as a copy of a version."""
        given = DraftIn(data=request.data)
        given.is_valid(raise_exception=True)
        program, asked = self.program(request, slug), given.validated_data
        source = self.version(request, slug, asked["copy_of"]) if "copy_of" in asked else None
        draft = drafts.open_draft(
            program, copy_of=source, note=asked["note"], author=author_of(request), now=timezone.now()
        )
        return _tagged(Response(VersionOut(draft).data, status=status.HTTP_201_CREATED), draft)


class VersionView(ProgramView):
    scopes: ClassVar = {"GET": "program:read", "PUT": "program:write", "DELETE": "program:write"}
    parser_classes = (EncodableJSONParser, YamlParser)

    @extend_schema(parameters=[FORMAT], responses=DOCUMENT, tags=["programs"])
    def get(self, request: Request, slug: str, number: int) -> Response | HttpResponse:
        """Return a version as one document, as JSON or YAML."""
        version = self.version(request, slug, number)
        document = to_document(version)
        if request.query_params.get("as") == "yaml":
            return _tagged(HttpResponse(to_yaml(document), content_type=f"{YAML}; charset=utf-8"), version)
        return _tagged(Response(document), version)

    @extend_schema(
        request={"application/json": OpenApiTypes.OBJECT, YAML: OpenApiTypes.STR}, parameters=[IF_MATCH],
        responses=ChangeOut(many=True), tags=["programs"],
    )  # fmt: skip
    def put(self, request: Request, slug: str, number: int) -> Response:
        """Make a draft what a document says, and return what that changed."""
        version = self.version(request, slug, number)
        with transaction.atomic():  # the tag is read under the edit's lock
            changes = drafts.edit(
                version,
                lambda draft: apply_to(draft, request.data),
                author=author_of(request),
                now=timezone.now(),
                revision=_revision(request),
            )
            version.refresh_from_db()
        return _tagged(Response([change.said() for change in changes]), version)

    @extend_schema(responses={204: None}, tags=["programs"])
    def delete(self, request: Request, slug: str, number: int) -> Response:
        """Delete a draft."""
        drafts.discard(self.version(request, slug, number), author=author_of(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class CheckView(ProgramView):
    @extend_schema(responses=CheckOut, tags=["programs"])
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Say what is wrong with a version, and what may not be meant."""
        version = self.version(request, slug, number)
        today = local_date(timezone.now(), version.program.tzinfo)
        findings = [*check(version), *check_costs(version, today=today)]
        body = {"publishable": not any(each.is_error for each in findings), "findings": map(said_finding, findings)}
        return Response(CheckOut(body).data)


class PlanView(ProgramView):
    EFFECTIVE = OpenApiParameter("effective_from", OpenApiTypes.DATETIME, description="Now if left out.")

    @extend_schema(parameters=[EFFECTIVE], responses=OpenApiTypes.OBJECT, tags=["programs"])
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Say what publishing a version would change: differences, members who move, points and liability."""
        version, now = self.version(request, slug, number), timezone.now()
        instant = _instant({"effective_from": request.query_params.get("effective_from", now.isoformat())})
        return Response(said(plan(version, effective_from=instant, now=now)))


class CompareView(ProgramView):
    @extend_schema(responses=ChangeOut(many=True), tags=["programs"])
    def get(self, request: Request, slug: str, number: int, other: int) -> Response:
        """Say how a version differs from another one."""
        before, after = (self.version(request, slug, each) for each in (other, number))
        return Response([change.said() for change in differences(to_document(before), to_document(after))])


class ProposeView(ProgramView):
    scopes: ClassVar = {"POST": "program:write"}

    @extend_schema(request=InstantIn, responses=VersionOut, tags=["programs"])
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Ask somebody else to publish a draft from an instant on."""
        version = self.version(request, slug, number)
        instant = _instant(request.data)
        found = drafts.propose(
            version, effective_from=instant, author=author_of(request), person=_person(request), now=timezone.now()
        )
        return _tagged(Response(VersionOut(found).data), found)


class PublishView(ProgramView):
    scopes: ClassVar = {"POST": "program:publish"}

    @extend_schema(request=InstantIn, responses=VersionOut, tags=["programs"])
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Freeze a draft and put it in force from an instant on."""
        version, instant = self.version(request, slug, number), _instant(request.data)
        found = drafts.publish(
            version, effective_from=instant, author=author_of(request), person=_person(request), now=timezone.now()
        )
        return _tagged(Response(VersionOut(found).data), found)


class WithdrawView(ProgramView):
    scopes: ClassVar = {"POST": "program:publish"}

    @extend_schema(request=None, responses=VersionOut, tags=["programs"])
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Take a published version back before it is in force."""
        found = drafts.withdraw(self.version(request, slug, number), author=author_of(request), now=timezone.now())
        return Response(VersionOut(found).data)


class EventsView(ProgramView):
    @extend_schema(responses=EventOut(many=True), tags=["programs"])
    def get(self, request: Request, slug: str) -> Response:
        """Say who did what with the versions of a program; the newest thousand."""
        events: QuerySet[VersionEvent] = VersionEvent.objects.filter(program=self.program(request, slug))
        return Response(EventOut(events.order_by("-pk")[:1_000], many=True).data)


class MatchesView(ProgramView):
    scopes: ClassVar = {"POST": "program:read"}

    @extend_schema(request=MatchesIn, responses=MatchesOut, tags=["programs"])
    def post(self, request: Request, slug: str) -> Response:
        """Count which members, orders and lines met a condition lately."""
        given = MatchesIn(data=request.data)
        given.is_valid(raise_exception=True)
        program = self.program(request, slug)
        try:
            condition = parse(given.validated_data["condition"])
        except InvalidCondition as error:
            raise ValidationError({"condition": words_for(error)}, code=error.reason) from error
        today = local_date(timezone.now(), program.tzinfo)
        since = today - timedelta(days=given.validated_data["days"])
        found = matches(condition, program_id=program.pk, zone=program.zone, since=since, until=today)
        return Response(MatchesOut(found).data)


class SimulationsView(ProgramView):
    scopes: ClassVar = {"GET": "program:read", "POST": "program:simulate"}

    @extend_schema(responses=SimulationOut(many=True), tags=["programs"])
    def get(self, request: Request, slug: str) -> Response:
        """List what-ifs, the newest hundred first, without their results."""
        program = self.program(request, slug)
        found = _simulations(program).order_by("-pk")[:100]
        return Response([{**row, "result": None} for row in SimulationOut(found, many=True).data])

    @extend_schema(request=SimulationIn, responses={202: SimulationOut}, tags=["programs"])
    def post(self, request: Request, slug: str) -> Response:
        """Ask what a version would have come to in the past; a task works on it. The same again while one waits is that one."""
        given = SimulationIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        version = self.version(request, slug, asked["version"])
        now = timezone.now()
        made = ask(version, since=asked["since"], until=asked["until"], author=author_of(request), now=now)
        return Response(SimulationOut(made).data, status=status.HTTP_202_ACCEPTED)


class SimulationView(ProgramView):
    scopes: ClassVar = {"GET": "program:read", "DELETE": "program:simulate"}

    @extend_schema(responses=SimulationOut, tags=["programs"])
    def get(self, request: Request, slug: str, simulation_id: int) -> Response:
        """Return how far a what-if is, and its result."""
        return Response(SimulationOut(self._simulation(request, slug, simulation_id)).data)

    @extend_schema(responses={200: SimulationOut}, tags=["programs"])
    def delete(self, request: Request, slug: str, simulation_id: int) -> Response:
        """Cancel a what-if."""
        asked = self._simulation(request, slug, simulation_id)
        return Response(SimulationOut(cancel(asked, now=timezone.now())).data)

    def _simulation(self, request: Request, slug: str, simulation_id: int) -> Simulation:
        rows = _simulations(self.program(request, slug)).filter(pk=simulation_id)
        return the_one(rows, lambda: NoSuchSimulation(id=simulation_id, slug=slug))


def _simulations(program: Program) -> QuerySet[Simulation]:
    return Simulation.objects.filter(version__program=program).select_related("version")


def _program(program: Program) -> Any:
    versions = sorted(program.versions.all(), key=lambda version: -version.number)
    body = {
        "slug": program.slug,
        "name": program.name,
        "zone": program.zone,
        "two_to_publish": program.two_to_publish,
        "versions": versions,
    }
    return ProgramOut(body).data


def _person(request: Request) -> str | None:
    """Return who made the key that asks, empty where nobody knows; None for somebody who asks in person."""
    return request.auth.made_by if isinstance(request.auth, RetailerKey) else None


def _instant(said_by_caller: Any) -> Any:
    given = InstantIn(data=said_by_caller)
    given.is_valid(raise_exception=True)
    return given.validated_data["effective_from"]


Answer = TypeVar("Answer", bound=HttpResponse)


def _tagged(response: Answer, version: ProgramVersion) -> Answer:
    response["ETag"] = f'"{version.revision}"'
    return response


def _revision(request: Request) -> str:
    text = request.headers.get("If-Match", "").strip()
    if not text:
        raise NoETag
    return text.removeprefix("W/").strip('"')
