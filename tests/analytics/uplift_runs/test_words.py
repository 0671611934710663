"""Every code that a measurement can give has its words, in English and in French."""

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.utils import translation

from analytics.roll_outs.words import REASONS, REFUSED
from analytics.uplift.depth import Arms
from analytics.uplift.depth_choosing import Circumstances, refusals
from analytics.uplift.measuring import STEPS, measure
from analytics.uplift.plan import Plan
from analytics.uplift.results import Gap, Gate, Measured, Reason
from analytics.uplift.simulation import designs
from analytics.uplift.simulation.simulating import simulate
from analytics.uplift_runs import words
from analytics.uplift_runs.conditions import CONDITIONS
from analytics.uplift_runs.depth_words import DEPTHS
from analytics.uplift_runs.page import gap_words
from analytics.uplift_runs.tables import Money

ROOT = Path(__file__).resolve().parents[3] / "analytics"
NAMED = {"Reason", "Gate", "_at_least", "_at_most"}

ROLL_OUTS = set(REFUSED) | set(REASONS)


def codes_of(folder: str) -> Iterator[str]:
    """Yield the codes that are given to reasons and gates in a folder's code."""
    for path in sorted((ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in NAMED:
                continue
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant):
                yield str(first.value)


def refusals_of_depths() -> set[str]:
    """Return the codes of why an experiment on depths decides nothing, whatever it saw."""
    one = np.ones((1, 2))
    arms = Arms(one, one, one, one)
    went = Circumstances(
        sample_ratio_p=0.0, days_left=1, window_days=1, days_between=2.0, costs_known=False, shared=1.0,
        price_changed=True, customers_a_week=1.0, crossed=1.0,
    )  # fmt: skip
    return {reason.code for reason in refusals(arms, went)}


@pytest.fixture(scope="module")
def measured() -> list[Measured]:
    return [
        measure(simulate(design, customers=1_500, months=26, seed=3).panel, Plan())
        for design in (designs.TRAITS, designs.CAPTURE)
    ]


def test_every_code_of_a_reason_and_of_a_gate_has_a_sentence() -> None:
    codes = set(codes_of("uplift")) | set(codes_of("uplift_runs"))

    assert len(codes) > 20
    assert codes - set(words.SENTENCES) - set(CONDITIONS) - set(DEPTHS) - ROLL_OUTS == set()
    assert refusals_of_depths() - set(DEPTHS) == set()


def test_every_name_that_a_measurement_gives_has_words(measured: list[Measured]) -> None:
    names = {
        "used": {code for each in measured for code in each.used} - set(words.USED),
        "dropped": {code for each in measured for code in each.dropped} - set(words.DROPPED),
        "ways": {way for each in measured for way in each.groups} - set(words.WAYS),
        "steps": set(STEPS) - set(words.STEPS),
        "gates": {gate.code for each in measured for gate in each.gates} - set(CONDITIONS),
    }
    traits = {each.name for one in measured for each in one.balance if ": " not in each.name}
    unnamed = {name for name in traits if words.covariate_name(name) == name}
    methods = {each.method for one in measured for each in one.estimates}

    assert names == {name: set() for name in names}
    assert unnamed == set()
    assert [method for method in methods if words.method_name(method) == method] == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_reason_of_a_measurement_is_a_whole_sentence(measured: list[Measured], language: str) -> None:
    with translation.override(language):
        said = [words.sentence(reason) for each in measured for reason in each.reasons]
        gates = [words.condition_of(gate) for each in measured for gate in each.gates]

    assert all(text.endswith(".") and "%(" not in text for text in said)
    assert all("%(" not in part for gate in gates for part in gate)


def test_a_condition_says_what_was_seen_what_is_asked_and_what_would_lift_it() -> None:
    with translation.override("en"):
        few = words.sentence(Reason("members", {"seen": 412, "asked": 500}))
        jump = words.sentence(Reason("capture_jump", {"seen": 0.1009, "asked": 0.02}))
        gate = words.condition_of(Gate("overlap", 0.873, 0.9, passed=False, for_grade="B"))

    assert few == (
        "412 members can be evaluated; 500 are needed. Wait until more customers have joined after buying for some time, or "
        "hold customers out at random."
    )
    assert jump.startswith(
        "Members’ orders are linked to a customer more often than others’, by 10.1 points; 2.0 points"
    )
    assert gate == ("Members with comparable customers", "87.3\N{NO-BREAK SPACE}%", "at least 90.0\N{NO-BREAK SPACE}%")


def test_shares_are_rounded_half_up_and_never_minus_nothing() -> None:
    with translation.override("en"):
        assert words.percent(-0.0001) == "0.0\N{NO-BREAK SPACE}%"
        assert words.percent(0.0715, signed=True) == "+7.2\N{NO-BREAK SPACE}%"
        assert words.percent(float(np.float64(-0.05)), 0, signed=True) == "-5\N{NO-BREAK SPACE}%"


def test_a_gap_beside_nobody_is_no_share() -> None:
    euros = Money("EUR", knows_margin=True)

    assert gap_words(Gap(52.0, 0.0, None, None), euros) == (
        "Members bring 52.00\N{NO-BREAK SPACE}EUR a month. Nobody else does: there is no gap to tell, and nobody to compare with."
    )
    assert gap_words(Gap(0.0, 12.5, None, None), euros) == (
        "Others bring 12.50\N{NO-BREAK SPACE}EUR a month. Nobody was a member for a whole month of the window: there is no gap "
        "to tell."
    )
