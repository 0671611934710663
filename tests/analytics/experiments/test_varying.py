"""What an experiment's variants differ by, and that the difference is measured as any other."""

from typing import Any

import pytest

from analytics.experiments.looking import look
from analytics.experiments.varying import Varied, varied_by
from loyalty.configuration.drafts import open_draft
from loyalty.experiments.planning import VariantFact
from loyalty.points.models import EarningRule
from tests import make
from tests.analytics.experiments.shops import DAY, crowd, experiment
from tests.experiments.make_experiments import drafted, running
from tests.make import START

pytestmark = pytest.mark.django_db
AB = (VariantFact("A", 5_000, is_control=True), VariantFact("B", 5_000, name="Double points"))
VARIANT: dict[str, Any] = {
    "layer": "variant",
    "form": "variants",
    "variants": AB,
    "metric": "revenue",
    "window_days": 28,
}


def test_a_hold_out_compares_no_parts() -> None:
    assert varied_by(experiment(make.retailer())) == []


def test_the_parts_that_name_its_variants_are_what_varies() -> None:
    owner = make.retailer()
    club = make.program(owner)
    test = drafted(owner, club, "double-points", **VARIANT)
    draft = open_draft(club, now=START)
    draft.earning_rules.create(
        code="double", name="Double", kind=EarningRule.Kind.PER_AMOUNT, points="1",
        arms={"experiment": "double-points", "variants": ["B"]},
    )  # fmt: skip

    (found,) = varied_by(test)

    assert found == Varied("earning rule", found.name, ("B",), (draft.number,))


def test_variants_are_measured_by_the_same_looks() -> None:
    owner = make.retailer()

    test = crowd(owner, lambda shop: running(shop, make.program(shop), "double-points", duration_days=120, **VARIANT))

    (effect,) = look(test, now=START + 121 * DAY).result.effects
    assert (effect.code, effect.says, effect.take_up) == ("B", "effect", None)
    assert abs(effect.shown.value - 4) < 5 * effect.shown.error
