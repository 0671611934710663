"""Who may be asked, what may be answered, and which answers somebody has to follow up. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import scales
from customers.core.calendar import local_date
from customers.core.values import dataclass

MAX_COMMENT = 2_000
MAX_ANSWERS = 20  # to one invitation, each instead of the one before
FOLLOW_UP_WITHIN = timedelta(days=1)
CLOSED, ASKED_LATELY, ASKED_OTHERWISE = "survey_closed", "asked_lately", "asked_another_lately"


@dataclass(frozen=True, slots=True)
class Scale:
    """
    Which scores may be answered.

    :param low: the highest score after which somebody of the staff speaks with the customer
    """

    lowest: int
    highest: int
    low: int

    @property
    def scores(self) -> range:
        """All scores, the lowest first."""
        return range(self.lowest, self.highest + 1)


# Detractors are those of 0 to 6 (Reichheld 2003); who is satisfied says 4 or 5, who is not 1 or 2.
NPS = "nps"
LOW = {NPS: 6, "csat": 2}
SCALES: Mapping[str, Scale] = {kind: Scale(scores[0], scores[-1], LOW[kind]) for kind, scores in scales.SCALES.items()}


@dataclass(frozen=True, slots=True)
class SurveyRule:
    """A survey, as far as it decides who is asked."""

    id: UUID
    is_open: bool
    again_after_days: int
    after_any_days: int
    kind: str = ""

    def is_same_as(self, asked: "Asked") -> bool:
        """Tell whether a customer was asked this: whether it recommends a shop is one question, whichever survey asks it."""
        return asked.survey_id == self.id or self.kind == asked.kind == NPS


@dataclass(frozen=True, slots=True)
class Asked:
    """That a customer was asked a survey."""

    survey_id: UUID
    at: datetime
    kind: str = ""


def not_invited(survey: SurveyRule, asked: Iterable[Asked], at: datetime, zone: ZoneInfo) -> str:
    """
    Return why a customer is not asked a survey at an instant; empty where it is.

    Days are the customer's own: who was asked on a day may be asked again so many days later, whatever the hour.

    :param asked: all that the customer was asked before, at least within the days that count
    """
    if not survey.is_open:
        return CLOSED
    today = local_date(at, zone)
    reason = ""
    for each in asked:
        since = (today - local_date(each.at, zone)).days
        if survey.is_same_as(each) and since < survey.again_after_days:
            return ASKED_LATELY
        if each.survey_id != survey.id and since < survey.after_any_days:
            reason = ASKED_OTHERWISE
    return reason


def is_low(kind: str, score: int) -> bool:
    """Tell whether somebody of the staff is to speak with who gave a score."""
    return score <= SCALES[kind].low
