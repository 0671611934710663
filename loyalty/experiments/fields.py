"""For which variants of an experiment a part of a version holds: a column that every kind of part may have."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.experiments.rules import MAX_VARIANTS

WRITTEN = _("An experiment and some of its variants are expected, such as double-points: A, B.")


class ArmsField(models.JSONField):
    """The variants for which a part holds, such as {"experiment": "double-points", "variants": ["A"]}; empty for all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        plain: dict[str, Any] = {
            "verbose_name": _("only for variants"),
            "default": dict,
            "blank": True,
            "help_text": _("Of an experiment, such as double-points: A, B; empty for everybody."),
        }
        super().__init__(*args, **plain | kwargs, validators=[require_arms])

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Let migrations see the column that it is."""
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("validators", None)
        return name, "django.db.models.JSONField", list(args), dict(kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        """Let people write it as a line."""
        kwargs.pop("encoder", None), kwargs.pop("decoder", None)
        return super().formfield(form_class=ArmsFormField, **kwargs)

    def document_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of it."""
        name = {"type": "string", "pattern": r"^[-a-zA-Z0-9_]+$", "maxLength": 50}
        variants = {"type": "array", "items": name, "minItems": 1, "maxItems": MAX_VARIANTS}
        return {
            "type": "object",
            "properties": {"experiment": name, "variants": variants},
            "dependentRequired": {"experiment": ["variants"], "variants": ["experiment"]},
            "additionalProperties": False,
        }


class ArmsFormField(forms.CharField):
    """A line such as double-points: A, B."""

    def __init__(self, *_args: Any, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return arms_as_line(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        """
        Return what a line says.

        :raises ValidationError: when it says nothing that can be read
        """
        text = str(value or "").strip()
        if not text:
            return {}
        experiment, colon, variants = (part.strip() for part in text.partition(":"))
        codes = [code.strip() for code in variants.split(",") if code.strip()]
        if not colon or not experiment or not codes:
            raise ValidationError(WRITTEN)
        return {"experiment": experiment, "variants": codes}

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.to_python(data))
        except ValidationError:
            return True


def arms_as_line(said: dict[str, Any]) -> str:
    """Return for which variants a part holds, as people write it; empty for all."""
    return f"{said['experiment']}: {', '.join(said['variants'])}" if said else ""


def require_arms(said: Any) -> None:
    """
    Refuse what names no variants of an experiment.

    :raises ValidationError: then
    """
    if said == {}:
        return
    is_named = isinstance(said, dict) and set(said) == {"experiment", "variants"}
    codes = said["variants"] if is_named else []
    if (
        not is_named
        or not isinstance(said["experiment"], str)
        or not said["experiment"]
        or not isinstance(codes, list)
        or not 1 <= len(codes) <= MAX_VARIANTS
        or not all(isinstance(code, str) and code for code in codes)
    ):
        raise ValidationError(WRITTEN)
