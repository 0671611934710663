"""Buckets by their known answers, the same in Python and PostgreSQL; how layers stand within each other; what a check refuses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from customers.core import bulk
from loyalty.experiments.rules import Design, Share, bucket, check, digest, nested, variant_of

SALT = "welcome-2026"
KNOWN = {"ada": 2866, "bob": 2149, "charlie": 2838, "c1": 7139, "c2": 8700}
CUSTOMERS = [f"c{place}" for place in range(1, 100_001)]


def hold_out(code: str, layer: str, share: int, **given: object) -> Design:
    variants = (Share("out", share, is_control=True), Share("in", 10_000 - share))
    plain = Design(code, "club", layer, code, "customer", "not_invited", "margin", 56, variants)
    return replace(plain, **given)  # type: ignore[arg-type] # a test's


A_OR_B = (Share("A", 5_000, is_control=True), Share("B", 5_000))
GLOBAL = hold_out("global", "global", 500)
WINBACK = hold_out("campaign:winback", "campaign", 1_000)
VARIANTS = hold_out("variant:winback", "variant", 5_000, form="variants", variants=A_OR_B, within=WINBACK.code)


@pytest.mark.parametrize(("key", "expected"), KNOWN.items())
def test_a_bucket_is_what_it_was_said_to_be(key: str, expected: int) -> None:
    assert bucket(SALT, key) == expected


@pytest.mark.parametrize(("number", "below", "expected"), [
    (10_000, 1_000, 1_012), (10_000, 5_000, 5_014), (100_000, 1_000, 9_930), (100_000, 5_000, 50_062),
])  # fmt: skip
def test_a_share_takes_the_customers_that_it_was_said_to_take(number: int, below: int, expected: int) -> None:
    assert sum(bucket(SALT, key) < below for key in CUSTOMERS[:number]) == expected


def test_two_salts_divide_customers_independently() -> None:
    """Two salts agree on a 50/50 split for 50.163 % of 100,000."""
    agree = sum((bucket(SALT, key) < 5_000) == (bucket("other", key) < 5_000) for key in CUSTOMERS)

    assert 49_500 < agree < 50_500


@pytest.mark.django_db
def test_postgresql_gives_the_same_buckets_as_python() -> None:
    rows = bulk.fetch(
        "SELECT key, experiment_bucket(%s, key) FROM unnest(%s::text[]) key", [SALT, [*KNOWN, *CUSTOMERS]]
    )

    assert dict(rows) == {key: bucket(SALT, key) for key in (*KNOWN, *CUSTOMERS)}


@given(salt=some.text(alphabet=some.characters(exclude_characters="\0", exclude_categories=["Cs"])),
       key=some.text(alphabet=some.characters(exclude_characters="\0", exclude_categories=["Cs"])))  # fmt: skip
@pytest.mark.django_db
def test_postgresql_gives_the_same_bucket_for_any_salt_and_key(salt: str, key: str) -> None:
    assert bulk.fetch("SELECT experiment_bucket(%s::text, %s::text)", [salt, key]) == [(bucket(salt, key),)]


def test_three_layers_stand_within_each_other() -> None:
    found = Counter(_place(nested(key, (VARIANTS, WINBACK, GLOBAL))) for key in CUSTOMERS)

    assert found == {"global": 5_059, "hold-out": 9_524, "A": 42_657, "B": 42_760}


def _place(arms: Mapping[str, str]) -> str:
    if arms[GLOBAL.code] == "out":
        assert arms == {GLOBAL.code: "out"}, "who is held out globally is in nothing else"
        return "global"
    return arms.get(VARIANTS.code, "hold-out")


def test_one_salt_in_two_layers_takes_a_fifth_of_a_variant_and_is_refused() -> None:
    winback, variants = replace(WINBACK, salt="s"), replace(VARIANTS, salt="s")
    found = Counter(nested(key, (winback, variants)).get(variants.code, "hold-out") for key in CUSTOMERS)

    assert found == {"hold-out": 9_997, "A": 39_940, "B": 50_063}
    assert [flaw.code for flaw in check(variants, (GLOBAL, winback))] == ["one_salt_per_layer"]


@pytest.mark.parametrize(("changed", "expected"), [
    ({}, []),
    ({"variants": (Share("A", 4_000, is_control=True), Share("B", 5_000))}, ["shares_do_not_add_up"]),
    ({"variants": (Share("A", 10_000, is_control=True),)}, ["number_of_variants"]),
    ({"variants": (Share("A", 5_000, is_control=True), Share("A", 5_000))}, ["variant_twice"]),
    ({"variants": (Share("A", 10_000, is_control=True), Share("B", 0))}, ["share_of_nobody"]),
    ({"variants": (Share("A", 5_000), Share("B", 5_000))}, ["not_one_control"]),
    ({"form": "no_benefits"}, ["form_of_another_layer"]),
    ({"program": ""}, ["program_needed", "within_no_hold_out"]),
    ({"within": "global"}, ["within_no_hold_out"]),
    ({"within": "nothing"}, ["within_no_hold_out"]),
])  # fmt: skip
def test_a_design_is_checked(changed: dict[str, object], expected: Sequence[str]) -> None:
    design = replace(VARIANTS, **changed)  # type: ignore[arg-type] # a test's

    assert [flaw.code for flaw in check(design, (GLOBAL, WINBACK))] == expected


@given(shares=some.lists(some.integers(1, 3_000), min_size=1, max_size=3), found=some.integers(0, 9_999))
def test_every_bucket_is_in_exactly_one_variant(shares: list[int], found: int) -> None:
    variants = tuple(Share(str(place), share) for place, share in enumerate([*shares, 10_000 - sum(shares)]))

    variant = variant_of(found, variants)

    low = sum(each.share_bp for each in variants[: variants.index(variant)])
    assert low <= found < low + variant.share_bp


@pytest.mark.parametrize(("duration", "codes"), [(55, ["shorter_than_its_window"]), (56, []), (None, [])])
def test_one_that_ends_before_a_window_is_over_is_refused(duration: int | None, codes: list[str]) -> None:
    """Nobody would ever be in it for a whole window: whatever happened, nothing could be told."""
    design = replace(WINBACK, duration_days=duration)

    assert [flaw.code for flaw in check(design, [])] == codes


@pytest.mark.parametrize(("number", "kept"), [
    (1e16, "10000000000000000"), (1.5e300, "15" + "0" * 299), (-0.0, "0.0"), (2.0, "2.0"), (1e-07, "1e-07"), (True, "true"),
    (10**22, "10000000000000000000000"),
])  # fmt: skip
def test_a_plan_is_known_by_the_numbers_that_the_database_gives_back(number: Any, kept: str) -> None:
    assert digest({"b": [number], "a": "x"}) == sha256(f'{{"a":"x","b":[{kept}]}}'.encode()).hexdigest()
