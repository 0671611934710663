"""From what was seen to a grade: which conditions hold, and the reasons for what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.uplift.capture import CERTAIN, Capture
from analytics.uplift.plan import Limits
from analytics.uplift.results import Balance, Gate, Grade, Reason


@dataclass(frozen=True)
class Evidence:
    """
    What the gates look at; None where it could not be told.

    :param members: evaluated ones, in the estimate with most; `controls` are customers, each with one order or more
    :param fewest_members: in the estimate with fewest: what a B claims, each of its estimates has to carry
    :param estimates: how many estimates there are, of how many `planned`
    :param concentration: the largest share that one customer has of what its side spent
    :param placebo: the chance of the placebos, `leads` of the trend before joining, were there nothing to find
    """

    members: int
    controls: int
    fewest_members: int
    fewest_controls: int
    estimates: int
    planned: int
    identification_known: bool
    capture: Capture
    placebo: float | None
    leads: float | None
    balance: Sequence[Balance]
    effective_sample: float | None
    overlap: float | None
    contrast: float | None
    concentration: float


def gates_of(seen: Evidence, limits: Limits) -> list[Gate]:
    """Return every condition, those without which nothing is said first."""
    return [
        Gate("identification", float(seen.identification_known), 1.0, seen.identification_known, "C"),
        _at_most("capture_jump", _size(seen.capture.jump), limits.jump, "C"),
        _at_least("members", seen.members, limits.members_c, "C"),
        _at_least("controls", seen.controls, limits.members_c, "C"),
        _at_least("estimates", seen.estimates, 1, "C"),
        _at_most("concentration", seen.concentration, limits.one_customer_c, "C"),
        _at_least("members_of_each", seen.fewest_members, limits.members_b, "B"),
        _at_least("controls_of_each", seen.fewest_controls, limits.members_b, "B"),
        _at_least("estimates", seen.estimates, seen.planned, "B"),
        _at_most("capture_error", CERTAIN * seen.capture.error, limits.jump, "B"),
        _at_least("placebo", seen.placebo, limits.significance, "B"),
        _at_least("leads", seen.leads, limits.significance, "B"),
        _at_most("balance", max((abs(each.after) for each in seen.balance), default=None), limits.difference, "B"),
        _at_least("effective_sample", seen.effective_sample, limits.effective, "B"),
        _at_least("overlap", seen.overlap, limits.overlap, "B"),
        _at_least("contrast", seen.contrast, limits.contrast, "B"),
        _at_most("concentration", seen.concentration, limits.one_customer_b, "B"),
    ]


def grade_of(gates: Sequence[Gate]) -> Grade:
    """Return the best grade that all its gates allow; only a randomised hold-out earns an A."""
    if any(gate.for_grade == "C" and not gate.passed for gate in gates):
        return "D"
    return "B" if all(gate.passed for gate in gates) else "C"


def reasons_of(grade: Grade, gates: Sequence[Gate]) -> list[Reason]:
    """Return why it is no better grade: the gates that it failed, with what they saw and asked for."""
    failed = [gate for gate in gates if not gate.passed and (grade != "D" or gate.for_grade == "C")]
    return [Reason(gate.code, _values(gate)) for gate in failed] or [Reason("not_randomised")]


def _values(gate: Gate) -> dict[str, float | str]:
    known: dict[str, float | str] = {} if gate.seen is None else {"seen": gate.seen}
    return known | {"asked": gate.asked}


def _at_least(code: str, seen: float | None, asked: float, grade: Grade) -> Gate:
    return Gate(code, seen, asked, seen is not None and seen >= asked, grade)


def _at_most(code: str, seen: float | None, asked: float, grade: Grade) -> Gate:
    return Gate(code, seen, asked, seen is not None and seen <= asked, grade)


def _size(value: float | None) -> float | None:
    return None if value is None else abs(value)
