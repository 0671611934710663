"""Which customers are what, with exact values on the thresholds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.segments.rules import (
    STAGES,
    TAGS,
    TYPES,
    Facts,
    Standing,
    Thresholds,
    cuts_of,
    edge,
    edges,
    rfm_of,
    score,
    stages_of,
    tags_of,
    types_of,
    typical_gap,
)
from customers.core.segments import LifeStage, SegmentTag, SegmentType

AS_USUAL = Thresholds()


def standing(*rows: tuple[float, int, int, int], risk: Any = None, buying: Any = None) -> Standing:
    """Return buyers: value, occasions, days since the first and since the last purchase."""
    value, occasions, first, last = zip(*rows, strict=True)
    return Standing(
        np.array(value, dtype=np.float64),
        np.array(occasions, dtype=np.int64),
        np.array(first, dtype=np.int64),
        np.array(last, dtype=np.int64),
        None if risk is None else np.array(risk, dtype=np.bool_),
        None if buying is None else np.array(buying, dtype=np.float64),
    )


def types(who: Standing, said: Thresholds = AS_USUAL) -> list[SegmentType]:
    return [TYPES[place] for place in types_of(who, cuts_of(who, who.value, said), said)]


def stages(who: Standing, said: Thresholds = AS_USUAL) -> list[LifeStage]:
    return [STAGES[place] for place in stages_of(who, cuts_of(who, who.value, said), said)]


def test_the_five_types() -> None:
    who = standing(
        (50, 9, 900, 10), (40, 9, 900, 400), (30, 2, 900, 10), (29, 3, 364, 10), (28, 3, 365, 10), (27, 9, 900, 400),
        (1, 3, 900, 1), (1, 3, 900, 1), (1, 3, 900, 1), (1, 3, 900, 1),
        risk=[False, True, False, False, False, True, False, False, False, False],
    )  # fmt: skip

    assert types(who)[:6] == [
        "vip",
        "vip_at_risk",
        "potential_loyal",
        "potential_loyal",
        "loyal_low_value",
        "low_value_at_risk",
    ]


@pytest.mark.parametrize(
    ("values", "top"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 2),  # a fifth of ten
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 1),  # never more than a fifth
        ([1, 2, 3, 4], 0),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 9], 2),
        ([1, 2, 3, 4, 5, 6, 7, 9, 9, 9], 0),  # three who are equal are more than a fifth
        ([7] * 10, 0),  # where all are equal, nobody stands out
        ([0] * 10, 0),
        ([-1] * 9 + [0], 0),  # who is worth nothing is no VIP
    ],
)
def test_the_top_is_never_more_than_its_share_and_equals_go_together(values: list[float], top: int) -> None:
    who = standing(*[(value, 5, 900, 1) for value in values], risk=[False] * len(values))

    assert types(who).count(SegmentType.VIP) == top


def test_an_edge_has_its_share_below_it() -> None:
    in_order = np.array([1, 2, 2, 2, 5, 6, 7, 8, 9, 10])

    assert [edge(in_order, part, 10) for part in (0, 1, 2, 3, 4, 9, 10)] == [1, 2, 5, 5, 5, 10, float("inf")]
    assert edge(np.array([]), 80, 100) == float("inf")
    assert edge(np.array([4, 4, 4]), 80, 100) == float("inf")


def test_scores_are_fifths_and_equals_have_the_same() -> None:
    values = np.array([1, 1, 1, 2, 3, 4, 5, 6, 7, 8])

    assert score(values, edges(values, 5)).tolist() == [1, 1, 1, 2, 3, 3, 4, 4, 5, 5]
    assert score(np.full(10, 3), edges(np.full(10, 3), 5)).tolist() == [1] * 10


def test_who_bought_last_often_and_much_has_the_highest_scores() -> None:
    who = standing((1, 1, 500, 400), (2, 2, 500, 300), (3, 3, 500, 200), (4, 4, 500, 100), (5, 5, 500, 0))
    spend = np.array([10.0, 20, 30, 40, 50])

    found = rfm_of(who, spend, cuts_of(who, spend, AS_USUAL))

    assert [scores.tolist() for scores in found] == [[1, 2, 3, 4, 5]] * 3


def test_without_a_prediction_who_waits_longer_than_two_of_its_gaps_is_at_risk() -> None:
    who = standing(
        (1, 11, 120, 20),  # every ten days, and twenty are not more than two gaps
        (1, 11, 121, 21),
        (1, 11, 1_200, 200),  # slow, and not at risk for that
        (1, 2, 100, 20),  # no gaps of its own: the usual are ten
        (1, 1, 21, 21),
        (1, 11, 140, 40),
        (1, 11, 141, 41),
    )

    assert typical_gap(who, AS_USUAL) == 10
    assert types(who) == [
        "potential_loyal", "low_value_at_risk", "loyal_low_value", "potential_loyal", "low_value_at_risk",
        "low_value_at_risk", "low_value_at_risk",
    ]  # fmt: skip
    assert stages(who) == ["established", "overdue", "established", "established", "overdue", "overdue", "lost"]


def test_where_nobody_bought_three_times_a_year_is_usual() -> None:
    who = standing((1, 1, 730, 730), (1, 2, 731, 731))

    assert types(who) == ["potential_loyal", "low_value_at_risk"]


def test_stages_by_a_prediction() -> None:
    who = standing(
        (1, 1, 89, 89), (1, 1, 90, 90), (1, 5, 500, 300), (1, 5, 500, 300), (1, 5, 900, 20),
        risk=[False, False, True, True, False], buying=[0.4, 0.4, 0.1, 0.0999, 0.05],
    )  # fmt: skip

    assert stages(who) == ["new", "established", "overdue", "lost", "established"]


COUNTS = ("orders", "returns", "visits", "gifts", "promoted", "best_quarter", "years")
AMOUNTS = ("spend", "returned", "kept", "best_category", "best_brand")
ZEROES: dict[str, Any] = {name: np.zeros(1, dtype=np.int64) for name in COUNTS} | {
    name: np.zeros(1) for name in AMOUNTS
}
NOTHING = Facts(**ZEROES)  # fmt: skip
ON_THE_EDGE: dict[SegmentTag, dict[str, int]] = {
    SegmentTag.SERIAL_RETURNER: {"returns": 3, "returned": 300, "spend": 1_000},
    SegmentTag.SELDOM_BUYER: {"visits": 15, "orders": 3},
    SegmentTag.GIFT_BUYER: {"gifts": 2, "orders": 4},
    SegmentTag.CATEGORY_LOVER: {"best_category": 600, "kept": 1_000},
    SegmentTag.BRAND_LOVER: {"best_brand": 600, "kept": 1_000},
    SegmentTag.SEASONAL_BUYER: {"best_quarter": 7, "years": 2},
    SegmentTag.PROMOTION_LOVER: {"promoted": 3, "orders": 5},
}


def tags(who: Standing, **facts: int) -> list[SegmentTag]:
    said = replace(NOTHING, **{name: np.array([value]) for name, value in facts.items()})
    return [tag for tag, has in tags_of(said, who, AS_USUAL).items() if has[0]]


@pytest.mark.parametrize("tag", TAGS)
def test_who_stands_on_a_tags_threshold_has_it_and_one_less_has_not(tag: SegmentTag) -> None:
    who, facts = standing((1, 10, 730, 5)), ON_THE_EDGE[tag]

    assert tags(who, **facts) == [tag]
    for name in {
        "returns",
        "returned",
        "visits",
        "gifts",
        "best_category",
        "best_brand",
        "best_quarter",
        "years",
        "promoted",
    } & set(facts):
        assert tags(who, **{**facts, name: facts[name] - 1}) == []


@pytest.mark.parametrize(
    ("tag", "few"),
    [
        (SegmentTag.CATEGORY_LOVER, standing((1, 2, 730, 5))),
        (SegmentTag.BRAND_LOVER, standing((1, 2, 730, 5))),
        (SegmentTag.SEASONAL_BUYER, standing((1, 10, 729, 5))),
    ],
)
def test_of_too_little_nobody_has_a_tag(tag: SegmentTag, few: Standing) -> None:
    assert tags(few, **ON_THE_EDGE[tag]) == []


def test_of_nothing_known_nobody_has_a_tag() -> None:
    assert tags(standing((1, 10, 730, 5))) == []


ROWS = st.tuples(
    st.floats(-100, 100) | st.sampled_from([0.0, 1.0]), st.integers(1, 40), st.integers(0, 2_000), st.integers(0, 2_000)
).map(lambda row: (row[0], row[1], max(row[2], row[3]), min(row[2], row[3])))
SAID = st.builds(
    Thresholds, top_percent=st.integers(1, 99), few_occasions=st.integers(1, 10), first_year_days=st.integers(1, 900),
    new_days=st.integers(1, 900), lost_percent=st.integers(0, 100), overdue_gaps=st.integers(1, 5), lost_gaps=st.integers(1, 9),
)  # fmt: skip


@given(st.lists(ROWS, min_size=1, max_size=60), SAID, st.data())
def test_everyone_who_bought_has_exactly_one_type_and_stage(rows: Any, said: Thresholds, data: Any) -> None:
    risk = data.draw(st.none() | st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    buying = None if risk is None else data.draw(st.lists(st.floats(0, 1), min_size=len(rows), max_size=len(rows)))
    who = standing(*rows, risk=risk, buying=buying)

    found, how_far = types(who, said), stages(who, said)

    assert len(found) == len(how_far) == len(rows)
    assert LifeStage.NEVER_BOUGHT not in how_far
    assert sum(kind in {"vip", "vip_at_risk"} for kind in found) * 100 <= said.top_percent * len(rows)
    by_value: dict[float, set[bool]] = {}
    for (value, *_), kind in zip(rows, found, strict=True):
        by_value.setdefault(value, set()).add(kind in {"vip", "vip_at_risk"})
    assert all(len(kinds) == 1 for kinds in by_value.values())
    for kind, stage in zip(found, how_far, strict=True):
        assert (kind in {"vip_at_risk", "low_value_at_risk"}) == (stage in {"overdue", "lost"})


@given(st.lists(ROWS, min_size=2, max_size=40), st.randoms())
def test_neither_the_order_nor_the_blocks_of_rows_matter(rows: Any, shuffler: Any) -> None:
    who = standing(*rows)
    cuts = cuts_of(who, who.value, AS_USUAL)
    whole = types_of(who, cuts, AS_USUAL).tolist()
    places = list(range(len(rows)))
    shuffler.shuffle(places)

    middle = len(rows) // 2
    parts = [types_of(who.rows(part), cuts, AS_USUAL) for part in (slice(0, middle), slice(middle, None))]

    assert np.concatenate(parts).tolist() == whole
    assert types(standing(*[rows[place] for place in places])) == [TYPES[whole[place]] for place in places]
