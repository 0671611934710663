"""What happened, from where a caller left off: the events that webhooks tell of, for who was away."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.api.callers import retailer_of
from customers.core.errors import DomainError, Kind
from loyalty.outbox.models import Event, FeedStart

MAX_EVENTS = 200


class PositionGone(DomainError):
    code = "position_gone"
    kind = Kind.GONE
    message = _(
        "Events up to position {start} are no longer kept, and you have read up to {after}. Read anew what you hold of "
        "members, then go on with after={start}."
    )


class FeedQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=2**63 - 1,
        help_text="`last` of the answer before; from the first that is kept, if left out.",
    )  # fmt: skip
    limit = serializers.IntegerField(
        required=False, default=100, min_value=1, max_value=MAX_EVENTS, help_text="How many at most."
    )


class FeedEventOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="As in `webhook-id`: the same again is the same event.")
    position = serializers.IntegerField(help_text="In the feed; none is ever given to an event that comes later.")
    type = serializers.CharField(help_text="Such as points.earned.")
    timestamp = serializers.DateTimeField(source="occurred_at", help_text="When it happened.")
    data = serializers.DictField(  # type: ignore[assignment] # the name of a field, not of the serializer's own data
        source="payload", help_text="As the webhooks tell it."
    )


class FeedOut(serializers.Serializer[Any]):
    events = FeedEventOut(many=True, help_text="The oldest first.")
    last = serializers.IntegerField(help_text="Ask with `after` from here on; as asked, where nothing is new.")
    has_more = serializers.BooleanField(help_text="Whether there are more at once.")


def _require_kept(retailer_id: int, after: int) -> None:
    """Refuse a position of which later events are deleted; nobody has missed any who has read none yet."""
    gone = FeedStart.objects.filter(retailer=retailer_id, position__gt=after).first() if after else None
    if gone is not None:
        raise PositionGone(start=gone.position, after=after)


class FeedView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(parameters=[FeedQuery], responses=FeedOut, tags=["events"])
    def get(self, request: Request) -> Response:
        """
        Return events from a position on, in the order in which they were told.

        Nothing is missed by asking from `last` on: an event gets its position when it is handed to the webhooks, one batch after
        the other. Events are kept for retailers that have a webhook, also while it is switched off or awaits other types, and
        for 90 days if the site does not say otherwise: whoever left off before them is answered 410, with the position from
        which to go on.
        """
        query = FeedQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        after, limit = query.validated_data["after"], query.validated_data["limit"]
        _require_kept(retailer_of(request).pk, after)
        rows = Event.objects.filter(retailer=retailer_of(request), position__gt=after).order_by("position")
        events = list(rows[: limit + 1])
        shown = events[:limit]
        body = {"events": shown, "last": shown[-1].position if shown else after, "has_more": len(events) > limit}
        return Response(FeedOut(body).data)
