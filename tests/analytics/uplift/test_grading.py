"""Plans, gates, grades and the band."""

from dataclasses import replace

import pytest

from analytics.uplift.band import band_of, money, rejects
from analytics.uplift.capture import Capture
from analytics.uplift.grading import Evidence, gates_of, grade_of, reasons_of
from analytics.uplift.plan import InvalidPlan, Limits, Plan, code_version
from analytics.uplift.results import Balance, Estimate, Range, Reason

GOOD = Evidence(
    members=3_000, controls=5_000, fewest_members=2_000, fewest_controls=2_000, estimates=4, planned=4,
    identification_known=True, capture=Capture(0.02, 0.01, []), placebo=0.05, leads=0.05,
    balance=[Balance("pace", 0.9, -0.1)], effective_sample=200.0, overlap=0.9, contrast=0.5, concentration=0.05,
)  # fmt: skip


def graded(seen: Evidence) -> tuple[str, list[str]]:
    gates = gates_of(seen, Limits())
    grade = grade_of(gates)
    return grade, [reason.code for reason in reasons_of(grade, gates)]


def test_what_just_holds_every_limit_is_a_b_and_never_an_a() -> None:
    assert graded(GOOD) == ("B", ["not_randomised"])


@pytest.mark.parametrize(
    ("worse", "code"),
    [
        ({"fewest_members": 1_999}, "members_of_each"), ({"fewest_controls": 1_999}, "controls_of_each"),
        ({"estimates": 3}, "estimates"), ({"capture": Capture(0.0, 0.0101, [])}, "capture_error"),
        ({"placebo": 0.049}, "placebo"), ({"placebo": None}, "placebo"), ({"leads": 0.049}, "leads"),
        ({"balance": [Balance("pace", 0.0, 0.101)]}, "balance"), ({"effective_sample": 199.0}, "effective_sample"),
        ({"overlap": 0.89}, "overlap"), ({"contrast": 0.49}, "contrast"), ({"contrast": None}, "contrast"),
        ({"concentration": 0.051}, "concentration"),
    ],
)  # fmt: skip
def test_one_condition_that_fails_makes_it_a_c_and_is_the_reason(worse: dict[str, object], code: str) -> None:
    assert graded(replace(GOOD, **worse)) == ("C", [code])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("worse", "code"),
    [
        ({"members": 499}, "members"), ({"controls": 499}, "controls"), ({"estimates": 0}, "estimates"),
        ({"capture": Capture(0.021, 0.0, [])}, "capture_jump"), ({"capture": Capture(-0.021, 0.0, [])}, "capture_jump"),
        ({"concentration": 0.201}, "concentration"),
    ],
)  # fmt: skip
def test_without_what_a_comparison_needs_it_is_a_d_and_only_that_is_the_reason(
    worse: dict[str, object], code: str
) -> None:
    assert graded(replace(GOOD, placebo=0.0, **worse)) == ("D", [code])  # type: ignore[arg-type]


def test_who_does_not_say_how_orders_are_linked_gets_a_d() -> None:
    unknown = replace(GOOD, identification_known=False, capture=Capture(None, 0.0, []))

    assert graded(unknown) == ("D", ["identification", "capture_jump"])


def test_a_reason_names_what_was_seen_and_asked_for() -> None:
    gates = gates_of(replace(GOOD, contrast=0.25), Limits())

    assert reasons_of("C", gates) == [Reason("contrast", {"seen": 0.25, "asked": 0.5})]


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate("symmetric_1", Range(value, 0.01, low, high), 10, 10)


def test_the_band_goes_from_the_lowest_to_the_highest_end_around_the_middle_estimate() -> None:
    none = Estimate("aipw", None, 10, 10, Reason("nothing_spent"))

    found = band_of([_estimate(0.05, 0.01, 0.09), _estimate(0.02, -0.03, 0.07), none, _estimate(0.10, 0.06, 0.14)])

    assert found is not None
    assert (found.low, found.effect, found.high) == (-0.03, 0.05, 0.14)
    assert band_of([none]) is None


def test_money_is_the_part_of_what_members_spent_that_is_the_effect() -> None:
    band = band_of([_estimate(0.25, 0.0, 0.6)])
    assert band is not None

    found = money(band, 100.0, 0.95)

    assert (found.low, found.value, found.high) == pytest.approx((0.0, 20.0, 37.5))


def test_an_estimate_two_errors_away_is_rejected_at_five_percent() -> None:
    far = Estimate("aipw", Range(0.0, 0.0, 0.0, 0.0), 1, 1)
    two = Estimate("aipw", Range(2.718281828459045**0.0196 - 1, 0.01 * 2.718281828459045**0.0196, 0.0, 0.0), 1, 1)

    assert rejects(far) == 1.0
    assert rejects(two) == pytest.approx(0.05, abs=1e-4)


def test_a_plan_that_says_something_else_has_another_digest_and_the_same_plan_the_same() -> None:
    others = [
        Plan(window_months=5), Plan(lags=(1, 2)), Plan(metric="margin"), Plan(level=0.9), Plan(cut=20_000),
        Plan(limits=Limits(jump=0.03)), Plan(max_members=5), Plan(max_controls=5),
    ]  # fmt: skip

    assert Plan().digest() == Plan(lags=(1, 2, 3)).digest()
    assert len({plan.digest() for plan in [Plan(), *others]}) == len(others) + 1
    assert len(Plan().digest()) == 64
    assert len(code_version()) == 16


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"window_months": 0}, "window_months"), ({"window_months": 25}, "window_months"), ({"lags": ()}, "lags"),
        ({"lags": (1, 1)}, "lags"), ({"lags": (0,)}, "lags"), ({"level": 1.0}, "level"),
        ({"level": 0.99999}, "level"), ({"level": float("nan")}, "level"), ({"level": 0.4}, "level"),
        ({"metric": "turnover"}, "metric"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_carried_out_is_refused(wrong: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        Plan(**wrong)  # type: ignore[arg-type]

    assert refused.value.name == name
