"""A what-if's charts."""

import json
from typing import Any

from loyalty.planning.charts import charts_of


def side(**tiers: list[int]) -> dict[str, Any]:
    return {"issued": [0], "returned": [0], "net": 0, "cost": "0", "liability": "0", "tiers": tiers}


def test_a_tier_has_the_same_colour_in_both_charts() -> None:
    names = [{"code": code, "name": code.title(), "name_fr": code.title()} for code in ("bronze", "silver", "gold")]
    result = {
        "months": ["2026-01"], "tiers": names, "currency": "EUR", "break_even": None, "moves": [], "movers": 0, "members": 3,
        "actual": side(bronze=[2], silver=[1]), "draft": side(silver=[2], gold=[1]),
    }  # fmt: skip

    _points, before, after = (json.loads(chart["data"])["datasets"] for chart in charts_of(result)["charts"])

    assert [each["label"] for each in (*before, *after)] == ["Bronze", "Silver", "Silver", "Gold"]
    assert before[1]["backgroundColor"] == after[0]["backgroundColor"]
    assert len({each["backgroundColor"] for each in (*before, *after)}) == 3
