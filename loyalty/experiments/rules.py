"""
Who is in which arm, and what a plan must be for its result to be believed. Pure.

An arm is told by a digest of a salt and a key, so that Python and PostgreSQL (`experiment_bucket`) tell the same one, it
needs nobody's memory, and two experiments of different salts divide customers independently of each other.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from hashlib import sha256
from itertools import accumulate
from typing import Any

from customers.core.values import dataclass

BUCKETS = 10_000
DIGITS = 15  # of the digest, in hexadecimal: 60 bits, which a bigint of PostgreSQL holds
GLOBAL, CAMPAIGN, VARIANT = "global", "campaign", "variant"
LAYERS = (GLOBAL, CAMPAIGN, VARIANT)
VARIANTS = "variants"
NEAR_MISS = "near_miss"
MAX_MISSING_PERCENT = 50
MIN_VARIANTS, MAX_VARIANTS = 2, 10


def bucket(salt: str, key: str) -> int:
    """
    Return the bucket of a key under a salt, from 0 to 9,999: the same in every process, and in `experiment_bucket` of SQL.

    :param key: what is assigned as one: a customer's or a household's id
    """
    return int(sha256(f"{salt}:{key}".encode()).hexdigest()[:DIGITS], 16) % BUCKETS


@dataclass(frozen=True, slots=True)
class Share:
    """
    A variant's part of the customers.

    :param share_bp: of 10,000
    :param is_control: whether it is what the others are compared with: those who are held out, in a hold-out
    """

    code: str
    share_bp: int
    is_control: bool = False


def variant_of(found: int, variants: Sequence[Share]) -> Share:
    """Return the variant that a bucket falls into: the first takes the lowest buckets, and so on."""
    ends = accumulate(each.share_bp for each in variants)
    return next(variant for variant, end in zip(variants, ends, strict=True) if found < end)


@dataclass(frozen=True, slots=True)
class Design:
    """
    How an experiment divides customers.

    :param program: its slug; empty for a hold-out of all programs
    :param form: not_invited, no_benefits or variants
    :param within: the code of the hold-out within which it stands; empty for none
    :param duration_days: after which it ends by itself; None for as long as nobody ends it
    :param tier: the identity of the tier to which near misses are raised; empty for none
    :param missing_percent: of what the tier asks for, how much a near miss lacks at most; None for none
    """

    code: str
    program: str
    layer: str
    salt: str
    unit: str
    form: str
    metric: str
    window_days: int
    variants: tuple[Share, ...]
    within: str = ""
    duration_days: int | None = None
    tier: str = ""
    missing_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an experiment cannot be, or not be believed: a code, its place, and what explains it."""

    code: str
    place: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_error: bool = True


def check(design: Design, others: Iterable[Design]) -> tuple[Flaw, ...]:
    """
    Return what is wrong with a design.

    :param others: all others of its retailer, whatever became of them
    """
    return (*_salt_flaws(design, others), *_variant_flaws(design), *_shape_flaws(design, others))


def _salt_flaws(design: Design, others: Iterable[Design]) -> Iterator[Flaw]:
    """Yield who has the salt already: the same customers would be held out twice, and who is compared would not be alike."""
    for other in others:
        if other.salt == design.salt:
            yield Flaw("one_salt_per_layer", "salt", {"salt": design.salt, "other": other.code, "layer": other.layer})


def _variant_flaws(design: Design) -> Iterator[Flaw]:
    variants = design.variants
    codes = [each.code for each in variants]
    if not MIN_VARIANTS <= len(variants) <= MAX_VARIANTS:
        yield Flaw("number_of_variants", "variants", {"number": len(variants), "limit": MAX_VARIANTS})
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield Flaw("variant_twice", f"variants/{code}", {"variant": code})
    for each in variants:
        if each.share_bp < 1:
            yield Flaw("share_of_nobody", f"variants/{each.code}", {"variant": each.code})
    if (total := sum(each.share_bp for each in variants)) != BUCKETS:
        yield Flaw("shares_do_not_add_up", "variants", {"total": total, "whole": BUCKETS})
    if (controls := sum(each.is_control for each in variants)) != 1:
        yield Flaw("not_one_control", "variants", {"number": controls})


def _shape_flaws(design: Design, others: Iterable[Design]) -> Iterator[Flaw]:
    if (design.layer == VARIANT) != (design.form in {VARIANTS, NEAR_MISS}):
        yield Flaw("form_of_another_layer", "form", {"form": design.form, "layer": design.layer})
    if not design.program and design.layer != GLOBAL:
        yield Flaw("program_needed", "program", {"layer": design.layer})
    yield from _near_miss_flaws(design)
    if design.duration_days is not None and design.duration_days < design.window_days:
        facts = {"duration": design.duration_days, "window": design.window_days}
        yield Flaw("shorter_than_its_window", "duration_days", facts)
    if design.within:
        parent = next((each for each in others if each.code == design.within), None)
        is_hold_out = parent is not None and parent.layer == CAMPAIGN and parent.program == design.program
        if design.layer != VARIANT or not is_hold_out:
            yield Flaw("within_no_hold_out", "within", {"within": design.within})


def _near_miss_flaws(design: Design) -> Iterator[Flaw]:
    """Yield what is wrong with raising near misses: one tier, one part that is raised, one that is not."""
    if design.form != NEAR_MISS:
        if design.tier or design.missing_percent is not None:
            yield Flaw("tier_of_no_near_miss", "tier")
        return
    if not design.tier:
        yield Flaw("tier_needed", "tier")
    if design.missing_percent is None or not 1 <= design.missing_percent <= MAX_MISSING_PERCENT:
        yield Flaw("missing_percent", "missing_percent", {"limit": MAX_MISSING_PERCENT})
    if len(design.variants) > MIN_VARIANTS:
        yield Flaw("two_variants", "variants", {"number": len(design.variants)})


def nested(key: str, designs: Sequence[Design]) -> Mapping[str, str]:
    """
    Return the variants of a key in experiments that all run, by the experiments' codes.

    Who is held out globally is outside all others; who a hold-out holds out is outside those that stand within it.
    """
    found: dict[str, str] = {}
    held_out: set[str] = set()
    for design in sorted(designs, key=lambda each: LAYERS.index(each.layer)):
        is_outside = design.within in held_out or any(
            each.layer == GLOBAL and each.code in held_out and each.program in {"", design.program} for each in designs
        )
        if design.layer != GLOBAL and is_outside:
            continue
        variant = variant_of(bucket(design.salt, key), design.variants)
        found[design.code] = variant.code
        if variant.is_control:
            held_out.add(design.code)
    return found


def digest(plan: Mapping[str, Any]) -> str:
    """Return what a plan is known by: it changes with whatever changes in it, and not with where it is kept."""
    return sha256(json.dumps(_as_kept(plan), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _as_kept(said: Any) -> Any:
    """Return a value as the database gives it back: it writes numbers without exponents, and knows no zero below zero."""
    if isinstance(said, Mapping):
        return {name: _as_kept(each) for name, each in said.items()}
    if isinstance(said, list | tuple):
        return [_as_kept(each) for each in said]
    if not isinstance(said, float):
        return said
    written = f"{Decimal(float.__repr__(said)):f}"
    return float(written) + 0.0 if "." in written else int(written)
