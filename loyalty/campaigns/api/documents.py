"""Campaigns as documents, ready-made journeys, and the start of a campaign, for retailers' tools."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import author_of, retailer_of, the_one
from loyalty.activity.api.asking import NotThere, listed, program_of
from loyalty.activity.api.documents import DOCUMENT, FORMAT, YAML, YamlParser
from loyalty.api.parsers import EncodableJSONParser
from loyalty.campaigns.api.serializers import (
    CampaignAppliedOut,
    CampaignCheckOut,
    CampaignMovesOut,
    CampaignOutlookOut,
    CampaignPlanOut,
    CampaignStartIn,
    CampaignStartOut,
    ReadyMadeIn,
    ReadyMadeOut,
)
from loyalty.campaigns.api.views import campaign_of
from loyalty.campaigns.models import CampaignVersion
from loyalty.campaigns.publishing.documents import (
    Said,
    check_document,
    findings_of,
    say,
    schema,
    written_out,
)
from loyalty.campaigns.publishing.managing import draft_of
from loyalty.campaigns.publishing.moving import move_entries
from loyalty.campaigns.publishing.outdated import ChangedSince, NothingToChange
from loyalty.campaigns.publishing.ready_made import begin, ready_made, ready_made_named
from loyalty.campaigns.publishing.starting import outlook_of, start
from loyalty.configuration.document import Change
from loyalty.configuration.findings import Finding
from loyalty.configuration.plain_yaml import to_yaml

NUMBER = OpenApiParameter(
    "number", int, description="Of the version; the one in force, or else the draft, if left out."
)
PROGRAM = OpenApiParameter("program", str, required=True, description="The slug of the program that it is for.")
BODY = {"application/json": OpenApiTypes.OBJECT, YAML: OpenApiTypes.STR}


class NoSuchCampaignVersion(NotThere):
    message = _("Campaign “{code}” has no version {number}. It has: {known}.")


class CampaignSchemaView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT}, tags=["campaigns"])
    def get(self, _request: Request) -> Response:
        """Return the JSON Schema of a campaign's document."""
        return Response(schema(), content_type="application/schema+json")


class CampaignDocumentView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(parameters=[FORMAT, NUMBER], responses=DOCUMENT, tags=["campaigns"])
    def get(self, request: Request, code: str) -> Response | HttpResponse:
        """Return a campaign as one document, as JSON or YAML, with its revision."""
        return written(request, written_out(_version(request, code)))


class OfDocument(AskedView):
    """A view that takes a document, as JSON or YAML."""

    parser_classes = (EncodableJSONParser, YamlParser)


class CampaignCheckView(OfDocument):
    scopes: ClassVar = {"POST": "program:read"}

    @extend_schema(request=BODY, responses=CampaignCheckOut, tags=["campaigns"])
    def post(self, request: Request) -> Response:
        """Say what is wrong with a campaign's document, place by place; nothing is kept."""
        findings = check_document(request.data, retailer_of(request))
        if not findings:
            findings = _findings_kept_nowhere(request)
        body = {"publishable": not any(each.is_error for each in findings), "findings": map(finding_out, findings)}
        return Response(CampaignCheckOut(body).data)


class CampaignPlanView(OfDocument):
    scopes: ClassVar = {"POST": "program:read"}

    @extend_schema(request=BODY, responses=CampaignPlanOut, tags=["campaigns"])
    def post(self, request: Request) -> Response:
        """Say what a campaign's document would change and who would enter; nothing is kept."""
        with transaction.atomic():
            found = _said(request)
            is_sound = not any(each.is_error for each in found.findings)
            outlook = outlook_of(found.version, now=timezone.now()) if is_sound else None
            body = CampaignPlanOut({**told(found.changes, found.findings), "outlook": outlook}).data
            transaction.set_rollback(True)
        return Response(body)


class CampaignApplyView(OfDocument):
    scopes: ClassVar = {"POST": "program:write"}

    @extend_schema(request=BODY, responses=CampaignAppliedOut, tags=["campaigns"])
    def post(self, request: Request) -> Response:
        """Make a draft of a campaign's document, of a new campaign or of the one with its code; nothing is sent."""
        found = _said(request)
        about = _of_draft(found.version)
        return Response(CampaignAppliedOut({**about, **told(found.changes, found.findings)}).data)


class CampaignStartView(AskedView):
    scopes: ClassVar = {"GET": "program:read", "POST": "program:publish"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=CampaignOutlookOut, tags=["campaigns"])
    def get(self, request: Request, code: str) -> Response:
        """Say who would enter on a campaign's draft, and what its experiment can detect."""
        with transaction.atomic():
            draft = draft_of(campaign_of(request, code))
            body = CampaignOutlookOut(outlook_of(draft, now=timezone.now())).data
            transaction.set_rollback(True)
        return Response(body)

    @extend_schema(request=CampaignStartIn, responses=CampaignStartOut, tags=["campaigns"])
    def post(self, request: Request, code: str) -> Response:
        """Publish a campaign's draft: members enter on it from now on."""
        given = CampaignStartIn(data=request.data)
        given.is_valid(raise_exception=True)
        campaign = campaign_of(request, code)
        with all_or_dry(request):
            draft = draft_of(campaign)
            _, outlook = start(draft, author=author_of(request), now=timezone.now(), **given.validated_data)
            body = CampaignStartOut({"campaign": campaign_of(request, code), "outlook": outlook}).data
        return Response(body)


class CampaignMoveView(AskedView):
    scopes: ClassVar = {"POST": "program:publish"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=CampaignMovesOut, tags=["campaigns"])
    def post(self, request: Request, code: str) -> Response:
        """Move who is in a campaign on an earlier version to the one in force; try it out first with dry_run."""
        campaign = campaign_of(request, code)
        with all_or_dry(request):
            body = CampaignMovesOut(move_entries(campaign, now=timezone.now())).data
        return Response(body)


class ReadyMadesView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=ReadyMadeOut(many=True), tags=["campaigns"])
    def get(self, _request: Request) -> Response:
        """List the ready-made journeys."""
        return Response(ReadyMadeOut(ready_made().values(), many=True).data)


class ReadyMadeView(AskedView):
    scopes: ClassVar = {"GET": "program:read", "POST": "program:write"}

    @extend_schema(parameters=[FORMAT, PROGRAM], responses=DOCUMENT, tags=["campaigns"])
    def get(self, request: Request, name: str) -> Response | HttpResponse:
        """Return a ready-made journey as a document of a program, to be changed and applied."""
        program = program_of(request, request.query_params.get("program", ""))
        return written(request, ready_made_named(name).document(program))

    @extend_schema(request=ReadyMadeIn, responses={201: CampaignAppliedOut}, tags=["campaigns"])
    def post(self, request: Request, name: str) -> Response:
        """Make a draft of a ready-made journey, to be edited; nothing is sent before it is published."""
        given = ReadyMadeIn(data=request.data)
        given.is_valid(raise_exception=True)
        program = program_of(request, given.validated_data["program"])
        draft = begin(program, name, code=given.validated_data["code"], now=timezone.now())
        about = {**_of_draft(draft), "changes": []}
        body = CampaignAppliedOut({**about, "findings": map(finding_out, findings_of(draft))}).data
        return Response(body, status=status.HTTP_201_CREATED)


def _findings_kept_nowhere(request: Request) -> list[Finding]:
    with transaction.atomic():
        try:
            return _said(request).findings
        except (ChangedSince, NothingToChange) as error:
            return [Finding.error(error.code, "revision", str(error))]
        finally:
            transaction.set_rollback(True)


def _said(request: Request) -> Said:
    return say(retailer_of(request), request.data, now=timezone.now())


def _of_draft(draft: CampaignVersion) -> dict[str, Any]:
    return {"code": draft.campaign.code, "version": draft.number, "revision": written_out(draft)["revision"]}


def told(changes: Iterable[Change], findings: Iterable[Finding]) -> dict[str, Any]:
    """Return what a document changes, and what is wrong with it, as systems are told it."""
    return {"changes": [each.said() for each in changes], "findings": [finding_out(each) for each in findings]}


def finding_out(each: Finding) -> dict[str, str]:
    """Return a finding as systems are told it."""
    severity = "error" if each.is_error else "warning"
    return {"severity": severity, "code": each.code, "place": each.place, "message": each.message}


def _version(request: Request, code: str) -> CampaignVersion:
    campaign = campaign_of(request, code)
    versions = CampaignVersion.objects.select_related("campaign__program", "campaign__experiment").filter(
        campaign=campaign
    )
    number = request.query_params.get("number", "")
    if not number:
        return versions.get(pk=campaign.version_id) if campaign.version_id else versions.get(published_at=None)
    known = versions.order_by("number").values_list("number", flat=True)
    rows = versions.filter(number=number) if number.isdecimal() else versions.none()
    return the_one(rows, lambda: NoSuchCampaignVersion(code=code, number=number, known=listed(known)))


def written(request: Request, document: Any) -> Response | HttpResponse:
    """Return a document as it is asked for."""
    if request.query_params.get("as") == "yaml":
        return HttpResponse(to_yaml(document), content_type=f"{YAML}; charset=utf-8")
    return Response(document)
