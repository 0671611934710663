"""The admin's theme behind one module of ours: whoever wants another one changes it here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import BinaryField, CharField, JSONField, Model, QuerySet, TextField, URLField
from django.forms import ModelChoiceField
from django.forms.fields import InvalidJSONInput
from django.forms.fields import JSONField as JSONTextField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.admin import StackedInline as UnfoldStackedInline
from unfold.admin import TabularInline as UnfoldTabularInline
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget as FileWidget
from unfold.widgets import UnfoldAdminSelectWidget as SelectWidget
from unfold.widgets import UnfoldAdminSplitDateTimeWidget as SplitDateTimeWidget
from unfold.widgets import UnfoldAdminTextareaWidget
from unfold.widgets import UnfoldAdminTextInputWidget as TextInputWidget
from unfold.widgets import UnfoldBooleanWidget as CheckboxWidget

from customers.core.clashes import ClashesInWords
from customers.core.exporting import MAX_EXPORTED, csv_response
from customers.core.money import written as money
from customers.core.showing import install as show_values_in_words
from customers.core.texts import can_be_stored, depth_of

__all__ = [
    "CheckboxWidget",
    "ExportedAdmin",
    "Exporting",
    "FileWidget",
    "ModelAdmin",
    "PageAdmin",
    "QueueFilter",
    "RangeDateTimeFilter",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "SelectWidget",
    "SmallTextareaWidget",
    "SplitDateTimeWidget",
    "StackedInline",
    "TabularInline",
    "TextInputWidget",
    "action",
    "display",
    "money",
    "row_or_404",
]

M = TypeVar("M", bound=Model)
MAX_DEPTH = 50  # of JSON that people write

show_values_in_words()


class SmallTextareaWidget(UnfoldAdminTextareaWidget):  # type: ignore[misc] # the theme has no types
    """A text of a few lines."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, **(attrs or {})})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the text with the line ends that it was shown with: browsers send others, which would be a change."""
        value = super().value_from_datadict(data, files, name)
        return value.replace("\r\n", "\n") if isinstance(value, str) else value


class JSONFormField(JSONTextField):
    """JSON as people write it: what cannot be read, or not be kept, is refused in words, and shown again as it was written."""

    def to_python(self, value: Any) -> Any:
        try:
            said = super().to_python(value)
        except RecursionError as error:
            raise ValidationError(_("This is nested too deep.")) from error
        except ValueError as error:  # a number of thousands of digits
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error
        if depth_of(said) > MAX_DEPTH:
            raise ValidationError(_("This is nested too deep."))
        if not can_be_stored(said):
            raise ValidationError(_("It holds a character, or a number such as NaN, that cannot be stored."))
        return said

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            said = super().bound_data(data, initial)
        except (RecursionError, ValueError):
            return InvalidJSONInput(data)
        return said if can_be_stored(said) and depth_of(said) <= MAX_DEPTH else InvalidJSONInput(data)


class InWords:
    """Form fields that refuse in words what people write; it stands before an admin, or rows on its page."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        if isinstance(db_field, URLField):
            given.setdefault("assume_scheme", "https")  # of an address without one
        if isinstance(db_field, JSONField) and type(db_field).formfield is JSONField.formfield:
            given.setdefault("form_class", JSONFormField)
        return super().formfield_for_dbfield(db_field, request, **given)  # type: ignore[misc] # of an admin


class OwnChoices:
    """
    Selects of what a row leads to: of its own retailer alone, also for who sees those of all; it stands before an admin, or rows
    on its page.

    Of a row that is still to be added nobody knows whose it will be: there each choice says whose it is, where those of
    several can be seen, and another one's is refused when it is saved.
    """

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        return self._naming_owners(db_field, request, super().formfield_for_foreignkey(db_field, request, **given))  # type: ignore[misc] # of an admin

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **given: Any) -> Any:
        return self._naming_owners(db_field, request, super().formfield_for_manytomany(db_field, request, **given))  # type: ignore[misc] # of an admin

    def _naming_owners(self, db_field: Any, request: HttpRequest, field: Any) -> Any:
        """Return a select whose choices say whose they are, where they may be of several retailers."""
        related = db_field.remote_field.model
        # Who is no superuser has chosen for which retailer it works.
        may_differ = request.user.is_superuser and isinstance(field, ModelChoiceField) and _has_retailer(related)
        if may_differ and self._owner_of_row(request) is None and _sees_several(related, request):
            field.queryset = field.queryset.select_related("retailer").order_by("retailer__name", "pk")
            field.label_from_instance = lambda row: f"{row.retailer} · {row}"
        return field

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        related = db_field.remote_field.model
        rows: QuerySet[Any] | None = super().get_field_queryset(db, db_field, request)  # type: ignore[misc] # of an admin
        owner = self._owner_of_row(request) if _has_retailer(related) else None
        if owner is None:
            return rows
        return (related._default_manager.all() if rows is None else rows).filter(retailer=owner)

    def _owner_of_row(self, request: HttpRequest) -> int | None:
        """Return the retailer of the row that a page is of, asked once a page; None where there is none."""
        key = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
        model = getattr(self, "parent_model", None) or self.model  # type: ignore[attr-defined] # of an admin
        if key is None or not _has_retailer(model):
            return None
        if not hasattr(request, "owner_of_row"):
            found = model._default_manager.filter(pk=unquote(key)).values_list("retailer", flat=True).first()
            request.owner_of_row = found  # type: ignore[attr-defined] # kept for the page's other selects
        return request.owner_of_row  # type: ignore[attr-defined,no-any-return]


def _sees_several(related: type[Model], request: HttpRequest) -> bool:
    """Tell whether there are several retailers whose rows could be chosen, asked once a page."""
    if not hasattr(request, "sees_several"):
        owners = related._meta.get_field("retailer").remote_field.model._default_manager.order_by("pk")  # type: ignore[union-attr] # of a foreign key
        request.sees_several = owners[1:2].exists()  # type: ignore[attr-defined] # kept for the page's other selects
    return request.sees_several  # type: ignore[attr-defined,no-any-return]


def _has_retailer(model: type[Model]) -> bool:
    return any(each.name == "retailer" for each in model._meta.fields)


class ModelAdmin(InWords, OwnChoices, ClashesInWords, UnfoldModelAdmin):  # type: ignore[misc] # the theme has no types
    """An editable page."""

    list_fullwidth = True
    list_filter_submit = True
    warn_unsaved_form = True
    show_full_result_count = False

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a row; of a key that none could have it is said that there is none, before anything looks for it."""
        try:
            self.opts.pk.to_python(None if object_id is None else unquote(object_id))
        except ValidationError:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return missing
        shown: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return shown

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Let nobody filter by a text that no page shows: who asks how a secret begins, letter by letter, knows it soon."""
        is_hidden = self._hides(lookup.partition("__")[0], request)
        return not is_hidden and bool(super().lookup_allowed(lookup, value, request))

    def _hides(self, name: str, request: HttpRequest) -> bool:
        field = next((each for each in self.opts.concrete_fields if each.name == name), None)
        if field is None or field.primary_key or not isinstance(field, CharField | TextField | BinaryField | JSONField):
            return False
        filters = (each[0] if isinstance(each, tuple | list) else each for each in self.get_list_filter(request))
        shown = flatten_fieldsets(self.get_fieldsets(request))
        return name not in {*shown, *self.get_list_display(request), *filters}


def row_or_404(rows: QuerySet[M], pk: object) -> M:
    """
    Return the row that an address names.

    :raises Http404: where there is none, also where no row could have such a key
    """
    try:
        return get_object_or_404(rows, pk=pk)
    except (ValueError, ValidationError) as error:
        raise Http404 from error


class ReadOnlyAdmin(ModelAdmin):
    """A page that shows and never writes: facts and ledgers."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False


class PageAdmin(ReadOnlyAdmin):
    """A page in the place of a list and of fields: the newest row's, and each earlier one's under its own address."""

    def changelist_view(self, request: HttpRequest, _extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self.require_view(request)
        return self.newest_page(request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        _form_url: str = "",
        _extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id is None or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied  # they are made, not written
        self.require_view(request)
        return self.page_of(request, object_id)

    def require_view(self, request: HttpRequest) -> None:
        """Refuse who may not see such pages."""
        if not self.has_view_permission(request):
            raise PermissionDenied

    def newest_page(self, request: HttpRequest) -> HttpResponse:
        """Return the page that stands where a list would."""
        raise NotImplementedError

    def page_of(self, request: HttpRequest, key: str) -> HttpResponse:
        """Return the page of one row."""
        raise NotImplementedError


class Exporting(ModelAdmin):
    """
    A list that can be taken along as CSV, as it is filtered.

    `exported` names the columns: a path through rows, such as `membership__number`, or a method of the list.
    """

    exported: ClassVar[Sequence[str]] = ()
    actions: ClassVar[Any] = ("export",)

    @action(description=_("Download as CSV"))
    def export(self, _request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        found = rows.select_related(*self.list_select_related)[:MAX_EXPORTED]
        name = f"{self.model._meta.model_name}s.csv"
        return csv_response(name, self.exported, ([self.cell(row, each) for each in self.exported] for row in found))

    def cell(self, row: Any, path: str) -> Any:
        """Return what a path through rows leads to, or what the list says under that name; its dash for none is nothing."""
        if hasattr(self, path):
            said = getattr(self, path)(row)
            return "" if said == "-" else said
        for name in path.split("__"):
            row = getattr(row, name, None)
        return row


class ExportedAdmin(Exporting, ReadOnlyAdmin):
    """A page that shows and never writes, whose list can be taken along as CSV."""


class QueueFilter(SimpleListFilter):
    """
    Rows by what became of them; those that wait for somebody where nothing else is asked for.

    `states` are the words to choose from, with what people read; the first one is the queue.
    """

    states: ClassVar[Mapping[str, Any]]

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [*self.states.items(), ("all", _("all"))]

    def asked(self) -> str:
        """Return the word that is chosen."""
        return self.value() or next(iter(self.states))

    @property
    def shown_alone(self) -> str:
        """Return the state whose rows are shown alone, as people read it; empty where all are shown."""
        return str(self.states.get(self.asked(), ""))

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return the choices: no empty one, for none of them is the queue."""
        for word, said in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: word})
            yield {"selected": self.asked() == word, "query_string": query, "display": said}


class TabularInline(InWords, OwnChoices, UnfoldTabularInline):  # type: ignore[misc] # the theme has no types
    """Rows of a table on another object's page."""

    extra = 0


class StackedInline(InWords, OwnChoices, UnfoldStackedInline):  # type: ignore[misc] # the theme has no types
    """One form on another object's page."""

    extra = 0


class ReadOnlyInline(TabularInline):
    """Rows that are shown and never written."""

    can_delete = False

    def has_add_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)
        return queryset
