"""Stored values as people read them on the admin's pages."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation

from customers.core.showing import display_for_field, figures, in_words
from customers.models import Order, OrderLine, Retailer


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (248.39252405010305, "248.4"),
        (0.123456, "0.1235"),
        (0.0, "0"),
        (-3.0, "-3"),
        (123456.78, "123,457"),
        (1e-9, "0.000000001"),
        (float("nan"), "-"),
        (float("inf"), "-"),
        (float("-inf"), "-"),
    ],
)
def test_a_statistic_has_the_figures_that_mean_something(value: float, shown: str) -> None:
    assert figures(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([], ""),
        (["r1", "r2"], "r1, r2"),
        ({"a": 1, "b": {"c": True}}, "a: 1, b: c: yes"),
        ([None, False, 1.23456], "-, no, 1.235"),
        ({"é": "<b>"}, "é: <b>"),
        (list(range(50)), ", ".join(str(each) for each in range(20))),
    ],
)
def test_what_is_stored_as_json_is_told_in_words(value: Any, shown: str) -> None:
    assert in_words(value) == shown


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        (Order._meta.get_field("net_amount"), Decimal("12.5000"), "12.50"),
        (Order._meta.get_field("net_amount"), Decimal("0.0000"), "0.00"),
        (Order._meta.get_field("net_amount"), Decimal("1.7550"), "1.755"),
        (Order._meta.get_field("net_amount"), None, "-"),
        (OrderLine._meta.get_field("quantity"), Decimal("1.000"), "1"),
        (OrderLine._meta.get_field("quantity"), Decimal("1000.000"), "1,000"),
        (OrderLine._meta.get_field("quantity"), Decimal("0.250"), "0.25"),
        (OrderLine._meta.get_field("unit_price"), Decimal("3.123400"), "3.1234"),
        (Order._meta.get_field("redemptions"), [], "-"),
        (models.FloatField(), 0.5, "0.5"),
        (models.CharField(), "x", "x"),
    ],
)
def test_a_field_is_shown_for_people(field: Any, value: Any, shown: str) -> None:
    assert display_for_field(value, field, "-") == shown


def test_a_number_is_written_as_the_reader_writes_it() -> None:
    with translation.override("fr"):
        assert figures(248.39252405010305) == "248,4"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"margin_rate": Decimal(2)}, "A margin rate is a share: from 0 to 1, such as 0.25."),
        ({"margin_rate": Decimal(-1)}, "A margin rate is a share: from 0 to 1, such as 0.25."),
    ],
)
def test_what_a_constraint_refuses_is_said_without_its_name(db: None, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Retailer(slug="s", name="S", currency="EUR", zone="UTC", **given).full_clean()

    assert refused.value.messages == [words]


def test_what_no_words_were_written_for_is_said_plainly() -> None:
    unknown = models.CheckConstraint(condition=models.Q(pk=1), name="something_is_something")
    told = models.CheckConstraint(condition=models.Q(pk=1), name="x", violation_error_message="own words")

    assert str(unknown.get_violation_error_message()) == "These values do not go together."
    assert str(told.get_violation_error_message()) == "own words"
