"""The admin's pages of interactions, and of contacts with support among them: what they were about, and how they ended."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.db.models.functions import Lower, Trim
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ExportedAdmin, RangeDateTimeFilter, ReadOnlyInline
from customers.models import Interaction

OFFERED_TOPICS, OFFERED_DAYS = 20, 365


def topics_of(rows: QuerySet[Interaction]) -> list[str]:
    """Return what most contacts of the last year were about, the most frequent first, however it was written."""
    since = timezone.now() - timedelta(days=OFFERED_DAYS)
    known = rows.filter(occurred_at__gte=since).exclude(topic="").order_by().annotate(said=Lower(Trim("topic")))
    counted = known.values_list("said").annotate(number=Count("pk")).order_by("-number", "said")
    return [said for said, _number in counted[:OFFERED_TOPICS]]


class ContactInline(ReadOnlyInline):
    """What a customer spoke with support about, and how that ended."""

    model = Interaction
    verbose_name = _("contact with support")
    verbose_name_plural = _("Contacts with support")
    fields = ("occurred_at", "channel", "topic", "outcome", "comment")
    ordering = ("-occurred_at", "-pk")
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[Interaction]:
        rows: QuerySet[Interaction] = super().get_queryset(request).filter(kind=Interaction.Kind.SUPPORT)
        return rows


class TopicFilter(admin.SimpleListFilter):
    """What contacts with support were about, by the most frequent topics."""

    title = _("topic")
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each, each) for each in topics_of(model_admin.get_queryset(request))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Interaction]) -> QuerySet[Interaction]:
        if not self.value():
            return rows
        return rows.exclude(topic="").annotate(said=Lower(Trim("topic"))).filter(said=self.value())


@admin.register(Interaction)
class InteractionAdmin(ExportedAdmin):
    list_display = ("number", "kind", "customer", "occurred_at", "score", "topic", "outcome")
    list_filter = ("retailer", "kind", TopicFilter, "outcome", ("occurred_at", RangeDateTimeFilter))
    search_fields = ("number__exact", "customer__external_id__exact", "topic__iexact")
    search_help_text = _("Number of the interaction, customer's external id, or a contact's topic")
    list_select_related = ("customer",)
    ordering = ("-occurred_at",)
    exported = (
        "number", "kind", "customer__external_id", "occurred_at", "channel", "sku", "score", "topic", "outcome",
    )  # fmt: skip

    def get_exclude(self, request: HttpRequest, _obj: Interaction | None = None) -> tuple[str, ...]:
        """Return what is not shown: the words of a contact are for those who may see persons."""
        sees_persons = request.user.has_perm("customers.view_customer")
        return ("content_hash",) if sees_persons else ("content_hash", "comment")
