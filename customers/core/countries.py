"""In which country a time zone is, as the tz database says."""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Return the country's code of each zone, also by the names that a zone had before."""
    data = files("tzdata") / "zoneinfo"
    rows = [line.split("\t") for line in (data / "zone.tab").read_text().splitlines() if not line.startswith("#")]
    own = {row[2]: row[0] for row in rows}
    links = [line.split(" ") for line in (data / "tzdata.zi").read_text().splitlines() if line.startswith("L ")]
    return {old: own[now] for _link, now, old in links if now in own} | own


def country_of(zone: str) -> str:
    """Return the code of the country that a zone is of, such as FR; empty for one that is of none, such as UTC."""
    return _countries().get(zone, "")
