"""String foreign keys hide from the import contracts, so they are ranked here by the same order."""

import pytest
from django.apps import apps
from django.db import models

# From the ground up; an app may point at itself and at those before it.
ORDER = (
    "contenttypes", "auth", "customers", "outbox", "access", "programs", "memberships", "experiments",
    "points", "tiers", "plans", "rewards", "referrals", "badges",
    "activity", "campaigns", "planning", "api", "signin", "page",
    "analytics",
)  # fmt: skip
OURS = ORDER[2:]


def _keys() -> list[tuple[str, str, str]]:
    return [
        (model._meta.app_label, field.related_model._meta.app_label, f"{model._meta.label}.{field.name}")
        for label in OURS
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and isinstance(field.related_model, type)
    ]


@pytest.mark.parametrize(("source", "target", "name"), _keys())
def test_a_foreign_key_points_down(source: str, target: str, name: str) -> None:
    assert ORDER.index(target) <= ORDER.index(source), name


def test_every_app_of_ours_is_ranked() -> None:
    ours = {
        config.label
        for config in apps.get_app_configs()
        if config.name.split(".")[0] in {"customers", "loyalty", "analytics"} and list(config.get_models())
    }

    assert ours == set(OURS)
