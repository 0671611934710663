"""What is published about the shared data sets, and the data sets as our code takes them."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from analytics.uplift.panel import NEVER, Floats, Places

DATA = Path(__file__).with_name("data")
FIRST_YEAR = 2003
ANSWERS = {answer["case"]: answer for answer in json.loads((DATA / "known_answers.json").read_text(encoding="utf-8"))}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counties() -> tuple[Floats, Places, Floats]:
    """Return the log employment of mpdta's counties (500 x 5), the place of the year of their raise, and log population."""
    of_county: dict[str, dict[int, dict[str, str]]] = {}
    for row in rows("mpdta.csv"):
        of_county.setdefault(row["countyreal"], {})[int(row["year"])] = row
    years = range(FIRST_YEAR, FIRST_YEAR + 5)
    values = np.array([[float(county[year]["lemp"]) for year in years] for county in of_county.values()])
    raised = np.array([int(county[FIRST_YEAR]["first.treat"]) for county in of_county.values()])
    people = np.array([float(county[FIRST_YEAR]["lpop"]) for county in of_county.values()])
    return values, np.where(raised == 0, NEVER, raised - FIRST_YEAR).astype(np.int32), people


def is_known(case: str, value: float) -> bool:
    answer: dict[str, Any] = ANSWERS[case]
    return abs(value - float(answer["published"])) <= float(answer["tolerance"])
