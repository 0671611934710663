"""Webhooks and what is on its way to them."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.validators import URLValidator
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.admin import ModelAdmin, ReadOnlyAdmin, TextInputWidget, action, display
from customers.core.errors import DomainError
from loyalty.outbox.catalogue import EXAMPLES
from loyalty.outbox.endpoints import add_endpoint, change_endpoint, check_new_address, rotate_secret, send_test
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.relay import send_again
from loyalty.outbox.signing import body_of
from loyalty.outbox.wording import said_of

State, Way = Endpoint.State, Delivery.State

STATES = {State.OK: "success", State.FAILING: "warning", State.STOPPED: "danger", State.OFF: "info"}
WAYS = {Way.DELIVERED: "success", Way.WAITING: "info", Way.FAILING: "warning", Way.GIVEN_UP: "danger"}


class EndpointForm(forms.ModelForm[Endpoint]):
    url = forms.URLField(
        label=_("URL"),
        assume_scheme="https",
        max_length=200,
        validators=[URLValidator(schemes=["http", "https"])],
        widget=TextInputWidget(),
    )
    events = forms.MultipleChoiceField(
        label=_("events"),
        choices=[(each, each) for each in sorted(EXAMPLES)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What is told here; all of it where none is chosen."),
    )

    class Meta:
        model = Endpoint
        fields = ("retailer", "url", "events", "is_active")

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        url, retailer = found.get("url"), found.get("retailer")
        if url and retailer and url != self.instance.url:
            try:
                check_new_address(retailer, url, of=self.instance if self.instance.pk else None)
            except DomainError as error:
                self.add_error("url", str(error))
        return found


@admin.register(Endpoint)
class EndpointAdmin(ModelAdmin):
    form = EndpointForm
    list_display = ("url", "retailer", "is_active", "told", "state", "next_turn_at", "created_at")
    fields = (
        "retailer", "url", "events", "is_active", "state", "failures", "failing_since", "next_turn_at", "stopped_at",
        "old_secret_until",
    )  # fmt: skip
    readonly_fields = ("state", "failures", "failing_since", "next_turn_at", "stopped_at", "old_secret_until")
    actions = ("try_out", "change_secret")
    list_filter = ("retailer", "is_active")
    list_select_related = ("retailer",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        shown: QuerySet[Endpoint] = super().get_queryset(request)
        return shown.filter(removed_at__isnull=True)

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            said = {name: getattr(obj, name) for name in ("url", "events", "is_active") if name in form.changed_data}
            change_endpoint(Endpoint.objects.get(pk=obj.pk), now=timezone.now(), **said)
            return
        made = add_endpoint(obj.retailer, obj.url, obj.events, is_active=obj.is_active)
        obj.pk, obj.secret = made.pk, made.secret
        obj._state.adding = False
        messages.warning(request, _("The signing secret is %(secret)s.") % {"secret": made.secret})

    @display(description=_("events"))
    def told(self, endpoint: Endpoint) -> str:
        return ", ".join(endpoint.events) or str(_("all"))

    @display(description=_("state"), label={str(each): colour for each, colour in STATES.items()})
    def state(self, endpoint: Endpoint) -> tuple[str, str]:
        return str(endpoint.state), str(endpoint.state.label)

    @action(description=_("Send a test event"), permissions=["change"])
    def try_out(self, request: HttpRequest, endpoints: QuerySet[Endpoint]) -> None:
        try:
            with transaction.atomic():
                for endpoint in endpoints:
                    send_test(endpoint, now=timezone.now())
        except DomainError as error:
            messages.error(request, str(error))
            return
        words = ngettext(
            "%(count)s test event is on its way; Deliveries shows its answer.",
            "%(count)s test events are on their way; Deliveries shows their answers.",
            len(endpoints),
        )
        messages.success(request, words % {"count": len(endpoints)})

    @action(description=_("Give a new signing secret; the former one signs for a day as well"), permissions=["change"])
    def change_secret(self, request: HttpRequest, endpoints: QuerySet[Endpoint]) -> None:
        for endpoint in endpoints:
            secret = rotate_secret(endpoint, now=timezone.now())
            words = _("The new signing secret of %(url)s is %(secret)s.") % {"url": endpoint.url, "secret": secret}
            messages.warning(request, words)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "event", "endpoint", "state", "attempts", "tried_at", "status", "took_ms", "due_at", "what_went_wrong",
    )  # fmt: skip
    fields = (
        "event", "endpoint", "state", "attempts", "queued_at", "due_at", "delivered_at", "tried_at", "took_ms", "status",
        "what_went_wrong", "answer", "body",
    )  # fmt: skip
    readonly_fields = fields
    list_filter = ("is_dead", ("delivered_at", admin.EmptyFieldListFilter), "event__type", "endpoint")
    search_fields = ("event__payload__member__exact", "event__payload__customer__exact", "event__id__exact")
    search_help_text = _("Member's number, customer's id or the event's id, in full")
    ordering = ("-id",)
    actions = ("send_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request).select_related("event", "endpoint")
        return rows

    @display(description=_("last error"))
    def what_went_wrong(self, delivery: Delivery) -> str:
        return said_of(delivery)

    @display(description=_("state"), label={str(each): colour for each, colour in WAYS.items()})
    def state(self, delivery: Delivery) -> tuple[str, str]:
        return str(delivery.state), str(delivery.state.label)

    @display(description=_("body"))
    def body(self, delivery: Delivery) -> str:
        return format_html(
            '<pre class="whitespace-pre-wrap">{}</pre>',
            json.dumps(json.loads(body_of(delivery.event)), indent=2, ensure_ascii=False),
        )

    @action(description=_("Send again what was delivered or given up"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        count = send_again(deliveries, now=timezone.now())
        words = ngettext("%(count)s delivery is queued again.", "%(count)s deliveries are queued again.", count)
        messages.success(request, words % {"count": count})

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_endpoint")
