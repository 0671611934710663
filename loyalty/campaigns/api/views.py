"""Messages and preferences for shoppers; campaigns for retailers' systems; receipts for providers."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import customer_of, retailer_of, the_one
from customers.api.pagination import NewestFirst
from customers.core import tenancy
from customers.models import Retailer
from loyalty.activity.api.asking import NotThere, listed
from loyalty.activity.api.member import shopper
from loyalty.campaigns.api.serializers import (
    CampaignOut,
    MessageReceiptIn,
    MessageReceiptOut,
    MyMessageOut,
    OutcomeOut,
    PreferencesIn,
    PreferencesOut,
)
from loyalty.campaigns.messages.reading import inbox, mark_read, message_in_inbox, outcomes_of
from loyalty.campaigns.messages.receiving import ReceiptFact, require_signature, take_receipt
from loyalty.campaigns.models import Campaign, Message, MessageChannel
from loyalty.campaigns.publishing.managing import end, pause, resume
from loyalty.campaigns.reaching.preferences import choose, preferences_of


class NoSuchMessage(NotThere):
    message = _("There is no message {id} in your inbox.")


class NoSuchCampaign(NotThere):
    message = _("There is no campaign “{code}”. There are: {known}.")


class NoSuchReceipts(NotThere):
    message = _("No retailer “{slug}” sends by a provider of “{channel}” here.")


class InboxPages(NewestFirst):
    ordering = "-claimed_at"


class MyMessagesView(AskedView, ListAPIView[Message]):
    serializer_class = MyMessageOut
    pagination_class = InboxPages

    def get_queryset(self) -> QuerySet[Message]:
        if getattr(self, "swagger_fake_view", False):
            return Message.objects.none()
        return inbox(shopper(self.request))

    @extend_schema(tags=["me"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """List my messages, the newest first."""
        return super().get(request, *given, **named)


class MyMessageReadView(AskedView):
    ids = ()  # the message is there
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=MyMessageOut, tags=["me"])
    def post(self, request: Request, message_id: UUID) -> Response:
        """Note that I have read a message; again it changes nothing."""
        rows = message_in_inbox(shopper(request), message_id)
        the_one(rows, lambda: NoSuchMessage(id=message_id))
        with all_or_dry(request):
            mark_read(rows, now=timezone.now())
            return Response(MyMessageOut(rows.get()).data)


class MyPreferencesView(AskedView):
    switches: ClassVar = {"PATCH": (DRY_RUN,)}

    @extend_schema(responses=PreferencesOut, tags=["me"])
    def get(self, request: Request) -> Response:
        """Return how I want to be reached."""
        return Response(PreferencesOut(preferences_of(shopper(request), now=timezone.now())).data)

    @extend_schema(request=PreferencesIn, responses=PreferencesOut, tags=["me"])
    def patch(self, request: Request) -> Response:
        """Choose how I want to be reached; what is not said stays."""
        given = PreferencesIn(data=request.data)
        given.is_valid(raise_exception=True)
        said, now, customer = dict(given.validated_data), timezone.now(), shopper(request)
        agreed = dict(said.pop("agreed", {}))
        with all_or_dry(request):
            choose(customer, said, agreed, source="api", now=now)
            return Response(PreferencesOut(preferences_of(customer, now=now)).data)


class ReceiptsView(AskedView):
    """For providers of messages: who signs is who may."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()  # a provider tells all that happened at once, from few addresses

    @extend_schema(request=MessageReceiptIn, responses=MessageReceiptOut, tags=["messages"], auth=[])
    def post(self, request: Request, slug: str, channel: str) -> Response:
        """Take in what became of a message, signed by its provider (Standard Webhooks); the same again changes nothing."""
        with tenancy.acting_for(tenancy.ALL_TENANTS):
            retailer = Retailer.objects.filter(slug=slug).first()
            own = MessageChannel.objects.filter(retailer=retailer, channel=channel, provider="http").first()
        if retailer is None or own is None:
            raise NoSuchReceipts(slug=slug, channel=channel)
        now = timezone.now()
        require_signature(dict(request.headers), request._request.body, own.secret, now=now)
        given = MessageReceiptIn(data=request.data)
        given.is_valid(raise_exception=True)
        with tenancy.acting_for(retailer.pk):
            is_new = take_receipt(retailer, own, ReceiptFact(**given.validated_data), now=now)
        return Response(MessageReceiptOut({"is_new": is_new}).data)


def campaigns_of(request: Request) -> QuerySet[Campaign]:
    """Return the caller's campaigns."""
    return Campaign.objects.filter(retailer=retailer_of(request)).select_related("program", "version", "experiment")


def campaign_of(request: Request, code: str) -> Campaign:
    """Return one of the caller's campaigns. :raises NoSuchCampaign: naming those that there are"""
    rows = campaigns_of(request)
    known = rows.order_by("code").values_list("code", flat=True)
    return the_one(rows.filter(code=code), lambda: NoSuchCampaign(code=code, known=listed(known)))


class CampaignsView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=CampaignOut(many=True), tags=["campaigns"])
    def get(self, request: Request) -> Response:
        """List campaigns and journeys, the newest first."""
        return Response(CampaignOut(campaigns_of(request).order_by("-created_at", "-pk"), many=True).data)


class CampaignView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=CampaignOut, tags=["campaigns"])
    def get(self, request: Request, code: str) -> Response:
        """Return a campaign."""
        return Response(CampaignOut(campaign_of(request, code)).data)


class _ChangeView(AskedView):
    scopes: ClassVar = {"POST": "program:publish"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    def _changed(self, request: Request, code: str) -> Response:
        campaign = campaign_of(request, code)
        with all_or_dry(request):
            self.change(campaign)
            body = CampaignOut(campaign_of(request, code)).data
        return Response(body, status=status.HTTP_200_OK)

    def change(self, campaign: Campaign) -> None:
        raise NotImplementedError


class PauseView(_ChangeView):
    @extend_schema(request=None, responses=CampaignOut, tags=["campaigns"])
    def post(self, request: Request, code: str) -> Response:
        """Hold what a campaign would send, and let nobody enter or go on."""
        return self._changed(request, code)

    def change(self, campaign: Campaign) -> None:
        pause(campaign)


class ResumeView(_ChangeView):
    @extend_schema(request=None, responses=CampaignOut, tags=["campaigns"])
    def post(self, request: Request, code: str) -> Response:
        """Go on with a paused campaign: what was held goes, unless it is too late."""
        return self._changed(request, code)

    def change(self, campaign: Campaign) -> None:
        resume(campaign)


class EndView(_ChangeView):
    @extend_schema(request=None, responses=CampaignOut, tags=["campaigns"])
    def post(self, request: Request, code: str) -> Response:
        """End a campaign for good: who is in it leaves at once, and what is not on its way is dropped."""
        return self._changed(request, code)

    def change(self, campaign: Campaign) -> None:
        end(campaign, now=timezone.now())


class WhyView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=OutcomeOut(many=True), tags=["campaigns"])
    def get(self, request: Request, code: str, external_id: str) -> Response:
        """Return what a campaign decided of a customer, and why: what was sent, what waited, what was not sent."""
        found = outcomes_of(campaign_of(request, code), customer_of(request, external_id))
        return Response(OutcomeOut(found, many=True).data)
