"""What a shopper was asked, and may still answer."""

from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import the_one
from customers.api.strict import Strict
from customers.models import Customer
from loyalty.activity.api.asking import NotThere
from loyalty.activity.api.member import shopper
from loyalty.campaigns.feedback.answering import answer, open_invitations, question_of
from loyalty.campaigns.feedback.links import survey_address
from loyalty.campaigns.models import Invitation, Survey
from loyalty.campaigns.rules.surveys import MAX_COMMENT, SCALES


class NoSuchSurvey(NotThere):
    message = _("You were not asked anything under {id}.")


class MySurveyOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Of the invitation: by it the question is answered.")
    kind = serializers.ChoiceField(choices=Survey.Kind.choices, help_text="Which scale its answer has.")
    question = serializers.CharField(help_text="What is asked, in the language of the request.")
    lowest = serializers.IntegerField(help_text="The lowest score.")
    highest = serializers.IntegerField(help_text="The highest, and best, score.")
    asked_at = serializers.DateTimeField(help_text="When it was asked.")
    expires_at = serializers.DateTimeField(help_text="Until when it may be answered.")
    link = serializers.CharField(help_text="The page that asks it, without signing in.")


class MyAnswerIn(Strict):
    score = serializers.IntegerField(min_value=0, max_value=10, help_text="On the scale of the question.")
    comment = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_COMMENT, default="", help_text="In the shopper's own words."
    )


class MyAnswerOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="invitation_id", help_text="Of the invitation.")
    score = serializers.IntegerField(help_text="What was answered.")
    comment = serializers.CharField(help_text="Empty for none.")
    number = serializers.IntegerField(help_text="1 for the first answer, more for what was said instead.")
    answered_at = serializers.DateTimeField(help_text="When it was answered.")


def _shown(row: Invitation) -> dict[str, Any]:
    scale = SCALES[row.survey.kind]
    return {
        "id": row.pk, "kind": row.survey.kind, "question": question_of(row.survey, translation.get_language() or "en"),
        "lowest": scale.lowest, "highest": scale.highest, "asked_at": row.asked_at, "expires_at": row.expires_at,
        "link": survey_address(row.pk),
    }  # fmt: skip


def _mine(customer: Customer, key: UUID) -> Invitation:
    own = Invitation.objects.filter(pk=key, customer=customer)
    before = Invitation.objects.filter(pk=key, customer__merged_into=customer)
    return the_one(own | before, lambda: NoSuchSurvey(id=key))


class MySurveysView(AskedView):
    @extend_schema(responses=MySurveyOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """List what I was asked and may still answer, the newest first."""
        found = open_invitations(shopper(request), now=timezone.now())
        return Response(MySurveyOut([_shown(row) for row in found], many=True).data)


class MySurveyView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=MyAnswerIn, responses={200: MyAnswerOut, 201: MyAnswerOut}, tags=["me"])
    def post(self, request: Request, survey_id: UUID) -> Response:
        """Answer what I was asked, or instead of what I answered before: the last answer counts; the same changes nothing."""
        invitation = _mine(shopper(request), survey_id)
        given = MyAnswerIn(data=request.data)
        given.is_valid(raise_exception=True)
        with all_or_dry(request):
            row = answer(invitation.pk, **given.validated_data, by="api", now=(now := timezone.now()))
        made = row.answered_at == now
        return Response(MyAnswerOut(row).data, status=status.HTTP_201_CREATED if made else status.HTTP_200_OK)
