"""The admin's theme behind one module of ours: whoever wants another one changes it here."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.admin import StackedInline as UnfoldStackedInline
from unfold.admin import TabularInline as UnfoldTabularInline
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget as FileWidget
from unfold.widgets import UnfoldAdminSplitDateTimeWidget as SplitDateTimeWidget
from unfold.widgets import UnfoldAdminTextareaWidget
from unfold.widgets import UnfoldAdminTextInputWidget as TextInputWidget

from customers.core.money import written as money

__all__ = [
    "FileWidget",
    "ModelAdmin",
    "RangeDateTimeFilter",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "SmallTextareaWidget",
    "SplitDateTimeWidget",
    "StackedInline",
    "TabularInline",
    "TextInputWidget",
    "action",
    "display",
    "money",
]


class SmallTextareaWidget(UnfoldAdminTextareaWidget):  # type: ignore[misc] # the theme has no types
    """A text of a few lines."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 3, **(attrs or {})})


class ModelAdmin(UnfoldModelAdmin):  # type: ignore[misc] # the theme has no types
    """An editable page."""

    list_fullwidth = True
    list_filter_submit = True
    warn_unsaved_form = True
    show_full_result_count = False


class ReadOnlyAdmin(ModelAdmin):
    """A page that shows and never writes: facts and ledgers."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False


class TabularInline(UnfoldTabularInline):  # type: ignore[misc] # the theme has no types
    """Rows of a table on another object's page."""

    extra = 0


class StackedInline(UnfoldStackedInline):  # type: ignore[misc] # the theme has no types
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
