"""Capabilities that have an app of their own are cut alike, as docs/explanation/architecture.md says."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from loyalty.activity.capabilities import CAPABILITIES

PARTS = ("models", "rules", "state", "steps", "loading", "writing")
APPS = [each for each in CAPABILITIES if type(each).__module__.endswith(".capability")]


def test_six_have_an_app() -> None:
    assert {each.name for each in APPS} == {"points", "tiers", "plans", "rewards", "referrals", "badges"}


@pytest.mark.parametrize("app", [type(each).__module__.removesuffix(".capability") for each in APPS])
def test_its_parts_are_where_they_are_in_every_other(app: str) -> None:
    missing = [part for part in PARTS if find_spec(f"{app}.{part}") is None]

    assert missing == []


@pytest.mark.parametrize("app", [type(each).__module__.removesuffix(".capability") for each in APPS])
def test_what_it_reads_and_writes_by_statements_is_in_those_parts(app: str) -> None:
    assert "bulk" not in vars(import_module(f"{app}.capability"))
