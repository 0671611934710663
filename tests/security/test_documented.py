"""Each test that the page on security names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")


def test_what_holds_each_risk_is_tried() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| \d+ ", line)]
    named = set(re.findall(r"`((?:\w+/)+\w+\.py|\w+/)`", PAGE)) - {"tests/"}

    assert [row.split()[1] for row in rows] == [str(number) for number in range(1, 11)]
    assert all(re.search(r"`\w+/test_\w+\.py`", row) for row in rows)
    assert {name for name in named if not (ROOT / "tests" / name).exists()} == set()
