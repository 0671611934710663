"""How the pages write down places and values of a document."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from customers.core.languages import said_text
from loyalty.configuration.parts import SECTIONS, fields_of

register = template.Library()


@register.filter
def place(path: str) -> str:
    """Return a path in the words of the pages: the part, the row's code, the field."""
    section, *rest = path.split("/")
    model = SECTIONS.get(section)
    if model is None:
        return _("note") if path == "note" else path
    names = {field.name: str(field.verbose_name) for field in fields_of(model)}
    words = [str(model._meta.verbose_name), *rest]
    words[-1] = names.get(words[-1], words[-1])
    return " · ".join(words)


@register.filter
def said(value: Any) -> str:
    """Return a value of a document as a reader writes it."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict) and "field" not in value:
        return ", ".join(f"{name}: {said(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(said, value))
    return str(value)


@register.filter
def named(names: dict[str, str], code: str | None) -> str:
    """Return a tier's name."""
    return names.get(code or "", code or _("no tier"))


@register.filter
def tier_name(tier: dict[str, str]) -> str:
    """Return the name of a tier in a result, in the reader's language."""
    return said_text(tier, "name") if tier else _("no tier")
