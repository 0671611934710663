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
        errors: dict[str, Any] = unknown_fields(data, fields)
        try:
            found = super().to_internal_value(said)
        except serializers.ValidationError as error:
            found_wrong: Mapping[str, Any] = dict(error.detail)  # type: ignore[arg-type] # of a body that is a mapping
            errors = {**found_wrong, **_unknown_choices(found_wrong, said, fields), **errors}
        if errors:
            raise serializers.ValidationError(errors)
        return found


def _unknown_choices(errors: Mapping[str, Any], said: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is wrong with values that are none of those that there are, naming these, by name."""
    wrong = {name: fields[name] for name in errors if type(fields.get(name)) is serializers.ChoiceField}
    usual = serializers.ChoiceField.default_error_messages["invalid_choice"]
    return {
        name: [ErrorDetail(_("“%(value)s” is none of %(known)s.") % {
            "value": said[name], "known": ", ".join(map(str, field.choices)),
        }, code=errors[name][0].code)]
        for name, field in wrong.items()
        if errors[name][0].code == "invalid_choice" and field.error_messages["invalid_choice"] == usual
    }  # fmt: skip


def _is_optional(field: Any) -> bool:
    return field is not None and not field.required and not field.allow_null


def unknown_fields(said: Mapping[Any, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is wrong with names that are no fields, by name."""
    if said.keys() <= known.keys():
        return {}
    words = _("There is no such field here. There are: %(known)s.") % {"known": ", ".join(known) or "-"}
    return dict(errors_of(sorted({str(name) for name in said} - known.keys()), known, words, code="unknown_field"))
