"""What the lists of this app share: rows in force, rows of members, and what these are called."""

from typing import Any, ClassVar

from django.db.models import OuterRef, QuerySet, Subquery, UUIDField, Value
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from customers.core.admin import (
    ExportedAdmin,
    display,
)
from customers.core.images import address_of, is_shown
from loyalty.badges.models import (
    Board,
    Challenge,
)
from loyalty.badges.windows import days_of
from loyalty.programs.models import ProgramVersion

MEMBER = (
    "membership__number__exact",
    "membership__customer__external_id__exact",
    "membership__customer__email__iexact",
)
MEMBER_HELP = _("Member number, customer's external id or e-mail")


@display(description=_("name"), ordering="name")
def title(row: Any) -> str:
    """Return what a row is called, in the reader's language."""
    return str(row)


class InForce(ExportedAdmin):
    """Parts of versions; what is shown at first is what is in force now."""

    list_filter: ClassVar[Any] = ("version__program", "version__status")
    search_fields: ClassVar[Any] = ("code", "name", "name_fr")
    search_help_text = _("Code or name")
    list_select_related: ClassVar[Any] = ("version__program__retailer",)
    ordering = ("version__program", "-version__number", "place")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        latest = ProgramVersion.objects.filter(
            program=OuterRef("version__program"), status="published", effective_from__lte=timezone.now()
        ).order_by("-effective_from")
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.resolver_match and (request.resolver_match.url_name or "").endswith("_changelist"):
            rows = rows.filter(version=Subquery(latest.values("pk")[:1]))
        return rows

    @display(description=_("image"))
    def art(self, row: Any) -> Any:
        if not is_shown(row.image):
            return row.image or "-"
        return format_html('<img src="{}" alt="" height="32" loading="lazy">', address_of(row.image))


def named(*models: type[Board] | type[Challenge], field: str = "code") -> Coalesce:
    """Return an annotation with what a row's key leads to in the newest version that has it."""
    key = Cast(OuterRef("name"), UUIDField())
    found = [Subquery(model.objects.filter(key=key).order_by("-version__number").values(field)[:1]) for model in models]
    return Coalesce(*found, Value(""))


def titles(*models: type[Board] | type[Challenge]) -> dict[str, Coalesce]:
    """Return annotations with a row's title in both languages."""
    return {"title": named(*models, field="name"), "title_fr": named(*models, field="name_fr")}


@display(description=_("window"), ordering="window")
def days(row: Any) -> str:
    """Return the days of a row's window, as staff read them."""
    first, last = (date_format(day, "SHORT_DATE_FORMAT") if day else "" for day in days_of(row.window))
    return f"{first} – {last}" if first or last else "-"


class OfMembers(ExportedAdmin):
    """Rows of members."""

    search_fields: ClassVar[Any] = MEMBER
    search_help_text = MEMBER_HELP
    list_select_related: ClassVar[Any] = ("membership__customer", "program")

    @display(description=_("member"), ordering="membership__number")
    def member(self, row: Any) -> str:
        return str(row.membership.number)

    @display(description=_("customer"))
    def customer(self, row: Any) -> str:
        return str(row.membership.customer.external_id)
