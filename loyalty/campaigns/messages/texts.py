"""
Texts of messages: templates that name values and choose between them, and can do nothing else.

They have no tags but `if`, a few filters, no files and no objects: values are plain, whoever writes a text.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.base import NodeList, TextNode, VariableNode
from django.template.defaulttags import IfNode, TemplateLiteral
from django.template.smartif import TokenBase
from django.utils import translation
from django.utils.formats import date_format

from customers.core.values import dataclass

# A text is a text, also in an SMS: whatever shows it as HTML escapes it. A template's own `render` asks its context, not this.
ENGINE = Engine(dirs=[], loaders=[], libraries={}, autoescape=False)
FILTERS = frozenset(
    {"capfirst", "date", "default", "floatformat", "lower", "pluralize", "title", "truncatechars", "upper"}
)
OF_MEMBER = frozenset(
    {"first_name", "last_name", "retailer", "program", "number", "points", "tier", "page", "unsubscribe"}
)
OF_SUGGESTIONS = frozenset({"again", "new_to_you", "popular"})  # products: read only where a text says them
SUGGESTING = re.compile(r"\{[{%][^}%]*\b(?:again|new_to_you|popular)\b")
DAYS = ("_on", "_through", "_until")  # how the names of values end that are days: JSON carries those as texts
HALF = ("{{", "}}", "{%", "%}")  # of a value or a tag: members would read it


@dataclass(frozen=True, slots=True)
class TextFlaw:
    """
    What is wrong with a template.

    :param code: not_a_template, not_closed, tag_not_allowed, filter_not_allowed or value_unknown
    """

    code: str
    what: str


@lru_cache(maxsize=2_048)
def compiled(source: str) -> Template:
    """Return a template, read once."""
    return Template(source, engine=ENGINE)


def check_text(source: str, values: frozenset[str]) -> list[TextFlaw]:
    """Return what is wrong with a template. :param values: the names of all that it may say"""
    try:
        template = compiled(source)
    except TemplateSyntaxError as error:
        return [TextFlaw("not_a_template", str(error))]
    return list(_flaws(template.nodelist, values | OF_MEMBER | OF_SUGGESTIONS))


def _flaws(nodes: NodeList, values: frozenset[str]) -> Iterator[TextFlaw]:
    for node in nodes:
        if isinstance(node, VariableNode):
            yield from _expression_flaws(node.filter_expression, values)
        elif isinstance(node, IfNode):
            for condition, inner in node.conditions_nodelists:
                for literal in _literals(condition):
                    yield from _expression_flaws(literal.value, values)
                yield from _flaws(inner, values)
        elif isinstance(node, TextNode):
            yield from (TextFlaw("not_closed", mark) for mark in HALF if mark in node.s)
        else:
            yield TextFlaw("tag_not_allowed", type(node).__name__.removesuffix("Node").lower())


def _literals(condition: TokenBase | None) -> Iterator[TemplateLiteral]:
    if isinstance(condition, TemplateLiteral):
        yield condition
    for side in ("first", "second"):
        inner = getattr(condition, side, None)
        if inner is not None:
            yield from _literals(inner)


def _expression_flaws(expression: Any, values: frozenset[str]) -> Iterator[TextFlaw]:
    for name in (each[0].__name__ for each in expression.filters):
        if name.removesuffix("_filter") not in FILTERS:
            yield TextFlaw("filter_not_allowed", name)
    named = [expression.var, *(arg for _, args in expression.filters for looks_up, arg in args if looks_up)]
    for each in named:
        name = getattr(each, "var", None)
        is_name = getattr(each, "lookups", None) is not None
        if is_name and name not in values:
            yield TextFlaw("value_unknown", str(name))


def names_products(source: str) -> bool:
    """Tell whether a text names products for whoever reads it, or asks whether there are any."""
    return SUGGESTING.search(source) is not None


def fill(source: str, values: Mapping[str, Any], language: str) -> str:
    """Return a text with its values, as a language writes numbers and days."""
    said = {name: _readable(name, value) for name, value in values.items()}
    with translation.override(language):
        return str(compiled(source).render(Context(said, autoescape=ENGINE.autoescape)))


class Day(date):
    """A day that is written as the language of a text does, whatever filter it goes through."""

    def __str__(self) -> str:
        return str(date_format(self))


def _readable(name: str, value: Any) -> Any:
    """Return a value as templates take it: a day is a day again; an order's number that looks like one stays what it is."""
    if type(value) is date:
        return Day(value.year, value.month, value.day)
    if isinstance(value, str) and name.endswith(DAYS):
        try:
            return Day.fromisoformat(value)
        except ValueError:
            return value
    return "" if value is None else value
