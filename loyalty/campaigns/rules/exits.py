"""Which facts end an entry, and which of them its campaign may have caused. Pure."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.campaigns.rules.journeys import JourneyRule
from loyalty.campaigns.rules.triggers import is_of_last_order

NO_LONGER_TRUE = "no_longer_true"
LEFT = "left"  # the program: its campaigns are for its members, whether they say so or not
REASONS = {"order": "ordered", "profiling_withdrawn": "no_profiling", LEFT: "left", "contact": "contacted"}


@dataclass(frozen=True, slots=True)
class Exit:
    """
    That a fact ends an entry.

    :param reason: why, as it is told
    :param credited: whether the campaign may have caused it: it happened after the exposure, and is what the campaign is for
    :param before_exposure: whether it is what the campaign is for, and happened before it said anything
    """

    reason: str
    credited: bool = False
    before_exposure: bool = False


def exit_by(  # noqa: PLR0913 - a fact and an entry
    rule: JourneyRule,
    fact: str,
    *,
    occurred_at: datetime,
    entered_at: datetime,
    exposure_at: datetime,
    occurrence: str = "",
    about: date | None = None,
    zone: ZoneInfo,
) -> Exit | None:
    """
    Return how a fact ends an entry; None where it does not. It counts by when it happened, whenever it was recorded.

    :param occurrence: because of what it was entered: a lapse is ended by anything that was bought after its last order
    :param zone: in which orders have their days
    """
    if fact == "profiling_withdrawn":
        return Exit(REASONS[fact]) if rule.uses_profile else None
    if fact not in rule.exits and fact != LEFT:
        return None
    is_after = occurred_at >= entered_at
    if fact != "contact" and is_of_last_order(occurrence) and about is not None:
        is_after = local_date(occurred_at, zone) > about
    if not is_after:
        return None
    is_goal, is_exposed = rule.exits.get(fact, False), occurred_at >= exposure_at
    return Exit(REASONS[fact], credited=is_goal and is_exposed, before_exposure=is_goal and not is_exposed)
