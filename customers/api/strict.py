"""What a request says, and nothing else."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from customers.api.names import errors_of


class Strict(serializers.Serializer[Any]):
    """
    Refuses fields that it does not know: a misspelt one would do something else than was meant.

    An optional field that is null is one that is not said.
    """

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        fields = self.fields
        said = {name: value for name, value in data.items() if value is not None or not _is_optional(fields.get(name))}
        wrong: dict[str, Any] = {}
        try:
            found = super().to_internal_value(said)
        except serializers.ValidationError as error:
            wrong = dict(error.detail)  # type: ignore[arg-type] # of a body that is a mapping
        wrong |= {name: no_text(value) for name, value in said.items() if is_no_text(fields.get(name), value)}
        names = [name for name in dict.fromkeys((*fields, *wrong)) if name in wrong]  # in the order of the fields
        named = {name: naming_choices(fields.get(name), said.get(name), wrong[name]) for name in names}
        errors = {**named, **unknown_fields(data, fields)}
        if errors:
            raise serializers.ValidationError(errors)
        return found


def is_no_text(field: Any, value: Any) -> bool:
    """
    Tell whether a field of texts is said as a number with a point or an exponent.

    17850.0 is what programs make of the id 17850, and would be another customer: nobody can tell what was meant.
    """
    if isinstance(field, serializers.ListField) and isinstance(field.child, serializers.CharField):
        return isinstance(value, list) and any(isinstance(each, float) for each in value)
    return isinstance(value, float) and isinstance(field, serializers.CharField)


def no_text(value: Any) -> list[ErrorDetail]:
    """Return what is wrong with a number that is no text."""
    words = _("“%(value)s” is a number with a point or an exponent. Send it as a text.")
    return [ErrorDetail(words % {"value": value}, code="no_text")]


def naming_choices(field: Any, value: Any, detail: Any) -> Any:
    """Return what is wrong with a field's value; where it is none of those that there are, these are named."""
    usual = serializers.ChoiceField.default_error_messages["invalid_choice"]
    if type(field) is not serializers.ChoiceField or field.error_messages["invalid_choice"] != usual:
        return detail
    if [each.code for each in detail] != ["invalid_choice"]:
        return detail
    words = _("“%(value)s” is none of %(known)s.") % {"value": value, "known": ", ".join(map(str, field.choices))}
    return [ErrorDetail(words, code="invalid_choice")]


def _is_optional(field: Any) -> bool:
    return field is not None and not field.required and not field.allow_null


def unknown_fields(said: Mapping[Any, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is wrong with names that are no fields, by name."""
    if said.keys() <= known.keys():
        return {}
    words = _("There is no such field here. There are: %(known)s.") % {"known": ", ".join(known) or "-"}
    return dict(errors_of(sorted({str(name) for name in said} - known.keys()), known, words, code="unknown_field"))
