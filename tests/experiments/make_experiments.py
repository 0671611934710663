"""Experiments for tests: each says only what its test is about."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from customers.models import Customer, Retailer
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import ExperimentFact, VariantFact, create, plan
from loyalty.experiments.rules import BUCKETS, Share, bucket, variant_of
from loyalty.experiments.running import start
from loyalty.programs.models import Program
from tests.make import START

HALVES = (VariantFact("out", 5_000, is_control=True), VariantFact("in", 5_000))


def fact(program: Program | None, code: str = "hold-out", **given: Any) -> ExperimentFact:
    plain = {"name": code, "layer": "campaign", "form": "not_invited", "variants": HALVES} | given
    return ExperimentFact(code, program=program, **plain)


def drafted(owner: Retailer, program: Program | None, code: str = "hold-out", **given: Any) -> Experiment:
    return create(owner, fact(program, code, **given), author="Grace", now=START)


def planned(owner: Retailer, program: Program | None, code: str = "hold-out", **given: Any) -> Experiment:
    draft = drafted(owner, program, code, **given)
    return plan(draft, detectable={"effect_percent": "5.0"}, author="Grace", now=START)


def running(
    owner: Retailer, program: Program | None, code: str = "hold-out", *, at: datetime = START, **given: Any
) -> Experiment:
    salt = given.pop("salt", "") or even_salt(owner, given.get("variants", HALVES), code)
    return start(planned(owner, program, code, salt=salt, **given), author="Grace", now=at)


def even_salt(owner: Retailer, variants: Sequence[VariantFact], code: str) -> str:
    """
    Return a salt that divides the customers known by now about as planned.

    Their ids are drawn anew in each run: with a salt drawn too, a check of the ratio would fail once in a thousand runs.
    """
    keys = [str(key) for key in owner.customers.order_by("pk").values_list("pk", flat=True)]
    shares = [Share(each.code, each.share_bp, each.is_control) for each in variants]

    def is_even(salt: str) -> bool:
        sizes = Counter(variant_of(bucket(salt, key), shares).code for key in keys)
        planned = {each.code: each.share_bp * len(keys) / BUCKETS for each in shares}
        return all(abs(sizes[name] - size) <= size**0.5 for name, size in planned.items())

    return next(salt for salt in (f"{code}-{place}" for place in count(1)) if is_even(salt))


def salt_that_holds_out(customer: UUID) -> str:
    """Return a salt by which a customer is in the control of halves: of one alone chance says it otherwise."""
    shares = [Share(each.code, each.share_bp, each.is_control) for each in HALVES]
    salts = (f"salt-{place}" for place in count(1))
    return next(salt for salt in salts if variant_of(bucket(salt, str(customer)), shares).is_control)


def arm_of(experiment: Experiment, customer: Customer) -> str:
    """Return the code of a customer's variant; empty for one who is in none."""
    found = experiment.assignments.filter(customer=customer).values_list("variant__code", flat=True).first()
    return found or ""
