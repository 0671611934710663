"""On which scores customers answer: how likely they recommend a shop (NPS), and how satisfied they are (CSAT). Pure."""

from collections.abc import Mapping

SCALES: Mapping[str, range] = {"nps": range(11), "csat": range(1, 6)}
