"""Parts of challenges and boards that are lists: what each element says, and what a document's schema says of it."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.texts import can_be_stored
from customers.models import Interaction
from loyalty.badges.rules import OF_ORDERS, UNIT, Metric
from loyalty.points.models.policy import validate_condition

MAX_TARGET = Decimal(1_000_000_000)
MAX_ELEMENTS = 20


def metric_choices() -> list[tuple[str, Any]]:
    """Return what a goal may count, with its name."""
    return [
        (Metric.COUNT.value, _("how many orders, or interactions")),
        (Metric.SPEND.value, _("money spent")),
        (Metric.POINTS.value, _("points earned")),
        (Metric.CATEGORIES.value, _("different categories")),
        (Metric.BRANDS.value, _("different brands")),
        (Metric.STORES.value, _("different stores")),
        (Metric.DAYS.value, _("different days")),
        (Metric.DAY_STREAK.value, _("days in a row")),
        (Metric.WEEK_STREAK.value, _("weeks in a row")),
    ]


def target_of(metric: str, said: Any) -> int:
    """
    Return a target as it is counted: money in parts of UNIT, all else in whole ones.

    :raises ValueError: when it is none
    """
    amount = Decimal(str(said))
    counted = amount * UNIT if metric == Metric.SPEND else amount
    if not counted.is_finite() or amount > MAX_TARGET or counted <= 0 or counted != counted.to_integral_value():
        raise ValueError(said)
    return int(counted)


def require_target(metric: str, said: Any) -> None:
    """
    Refuse a target that nothing can be counted against, in words.

    :raises ValidationError: then
    """
    try:
        target_of(metric, said)
    except (ValueError, InvalidOperation) as error:
        raise ValidationError(
            _("“%(target)s” is no target: it is more than 0, and whole but for money."), params={"target": said}
        ) from error


def require_interaction(metric: str, interaction: str) -> None:
    """Refuse to count of interactions what only orders have."""
    if interaction and metric in OF_ORDERS:
        raise ValidationError(_("Interactions have no amount, no category, no brand and no store to count."))


class ListField(models.JSONField):
    """A list of objects, checked element by element."""

    element: dict[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default": list, "blank": True, **kwargs, "validators": [self.check_list]})

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Let migrations see the column that it is."""
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("validators", None)
        return name, "django.db.models.JSONField", list(args), dict(kwargs)

    def document_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the list."""
        return {"type": "array", "items": self.element, "maxItems": MAX_ELEMENTS}

    def check_list(self, said: Any) -> None:
        """Refuse what is no such list, in words."""
        if not isinstance(said, list) or len(said) > MAX_ELEMENTS or not all(isinstance(each, dict) for each in said):
            raise ValidationError(_("A list of at most %(limit)s objects is expected."), params={"limit": MAX_ELEMENTS})
        if not can_be_stored(said):
            raise ValidationError(_("The text holds a character that cannot be stored."))
        for each in said:
            self._require_words(each)
        self.check_elements(said)

    def _require_words(self, said: dict[str, Any]) -> None:
        known = self.element["properties"]
        if unknown := sorted(set(said) - set(known)):
            raise ValidationError(
                _("“%(word)s” is not known here; there are: %(known)s."),
                params={"word": unknown[0], "known": ", ".join(known)},
            )
        if missing := [word for word in self.element["required"] if word not in said]:
            raise ValidationError(_("“%(word)s” is missing."), params={"word": missing[0]})
        for word, value in said.items():
            kind = known[word].get("type")
            is_whole = isinstance(value, int) and not isinstance(value, bool) and value >= known[word].get("minimum", 0)
            if kind == "integer" and not is_whole:
                raise ValidationError(_("“%(word)s” is a whole number."), params={"word": word})
            if kind == "string" and not isinstance(value, str):
                raise ValidationError(_("“%(word)s” is a text."), params={"word": word})

    def check_elements(self, said: Sequence[dict[str, Any]]) -> None:
        """Refuse what the elements say together."""


def _object(required: Iterable[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TARGET = {"type": ["string", "integer"], "pattern": r"^\d{1,10}(\.\d{1,4})?$"}


class GoalsField(ListField):
    """Further goals of a challenge."""

    element = _object(
        ("metric", "target"),
        metric={"enum": [metric.value for metric in Metric]},
        target=TARGET,
        interaction={"enum": ["", *Interaction.Kind.values]},
        condition={"$ref": "#/$defs/condition"},
    )

    def check_elements(self, said: Sequence[dict[str, Any]]) -> None:
        for each in said:
            if each["metric"] not in list(Metric) or each.get("interaction", "") not in ("", *Interaction.Kind.values):
                raise ValidationError(_("A goal counts one of: %(known)s."), params={"known": ", ".join(Metric)})
            require_target(each["metric"], each["target"])
            require_interaction(each["metric"], each.get("interaction", ""))
            validate_condition(each.get("condition"))


class LevelsField(ListField):
    """Levels of a challenge: from how much on, and how many points each gives."""

    element = _object(("target",), target=TARGET, points={"type": "integer", "minimum": 0})

    def check_elements(self, said: Sequence[dict[str, Any]]) -> None:
        targets = []
        for each in said:
            require_target(Metric.SPEND, each["target"])
            targets.append(Decimal(str(each["target"])))
        if any(second <= first for first, second in pairwise(targets)):
            raise ValidationError(_("Each level asks for more than the one before it."))


class BadgeLevelsField(ListField):
    """Levels of a badge: how many times it takes for each, and what it is called."""

    element = _object(
        ("times", "name"),
        times={"type": "integer", "minimum": 1},
        name={"type": "string", "minLength": 1, "maxLength": 50},
        name_fr={"type": "string", "maxLength": 50},
    )

    def check_elements(self, said: Sequence[dict[str, Any]]) -> None:
        times = [each["times"] for each in said]
        if any(second <= first for first, second in pairwise(times)):
            raise ValidationError(_("Each level takes more times than the one before it."))


class PrizesField(ListField):
    """Prizes of a contest: points for the ranks from one through another."""

    element = _object(
        ("rank", "through", "points"),
        rank={"type": "integer", "minimum": 1},
        through={"type": "integer", "minimum": 1},
        points={"type": "integer", "minimum": 1},
    )

    def check_elements(self, said: Sequence[dict[str, Any]]) -> None:
        last = 0
        for each in said:
            if each["rank"] <= last or each["through"] < each["rank"]:
                raise ValidationError(_("Prizes are for ranks that follow each other."))
            last = each["through"]
