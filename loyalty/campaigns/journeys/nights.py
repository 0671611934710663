"""
The night of campaigns: each live one looks for members, day by day, after the members' own night has carried out that day.

A night that runs twice, late or is killed enters nobody twice: an entry names its fact.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from itertools import takewhile

from customers.core import bulk
from customers.core.calendar import local_date, midnight
from customers.models import Retailer
from loyalty.activity.models import NightRun
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.journeys.lapses import LAPSED, Lapses
from loyalty.campaigns.journeys.learning import is_open
from loyalty.campaigns.journeys.triggers import candidates, told_at
from loyalty.campaigns.models import Campaign, CampaignVersion
from loyalty.campaigns.rules.triggers import TRIGGERS
from loyalty.campaigns.setting_aside import set_aside

BROADCAST = "broadcast"
MAX_DAYS = 60  # that are caught up
# Whom time still has to be carried out for, such as the points of its birthday; who was set aside waits for nobody.
BEHIND = """
SELECT 1 FROM memberships_membership m WHERE m.program_id = %s AND m.left_at IS NULL AND m.next_due_at <= %s
    AND NOT EXISTS (SELECT 1 FROM activity_setaside a WHERE a.membership_id = m.id) LIMIT 1
"""


def find_due(retailer: Retailer, *, now: datetime) -> int:
    """Let all live campaigns of a retailer look for members, up to today; return how many entered."""
    live = Campaign.objects.live().filter(retailer=retailer).select_related("version__retailer", "program__retailer")
    rows = list(live.order_by("-priority", "pk"))
    lapses, entered = Lapses(rows), 0
    for campaign in rows:
        with set_aside("campaign_looked_for_nobody", campaign=campaign.code):  # the next night catches up
            entered += _catch_up(campaign, lapses, now)
    return entered


def _catch_up(campaign: Campaign, lapses: Lapses, now: datetime) -> int:
    version = campaign.version
    assert version is not None, "a constraint says so"
    if not TRIGGERS[version.trigger["kind"]].is_of_night:
        return 0
    entered = 0
    for day in _nights(campaign, version, now):
        entered += find_on(campaign, day, now=now, lapses=lapses)
        Campaign.objects.filter(pk=campaign.pk).update(found_until=day)
    return entered


def _nights(campaign: Campaign, version: CampaignVersion, now: datetime) -> Iterator[date]:
    """
    Yield the days whose nights look for members now: those that were missed, in their order, up to one that is to come.

    Of what stays true it is the last one alone, as long as that is not late itself: what a night that was missed would have found
    and is true no more is not said, and who was to be found weeks ago is not too late for it.
    """
    days = _days(campaign, now)
    if not TRIGGERS[version.trigger["kind"]].lasts:
        yield from takewhile(partial(is_carried_out, campaign), days)
        return
    in_time = local_date(now, campaign.program.tzinfo) - timedelta(days=version.late_up_to_days)
    last = next((day for day in reversed(days) if day >= in_time and is_carried_out(campaign, day)), None)
    if last is not None:
        yield last


def _days(campaign: Campaign, now: datetime) -> list[date]:
    """Return the days for which a campaign has not looked yet: since the one on which it began."""
    zone = campaign.program.tzinfo
    today = local_date(now, zone)
    version = campaign.version
    assert version is not None
    assert version.published_at is not None
    began = local_date(max(filter(None, (version.published_at, campaign.starts_at))), zone)
    first = began if campaign.found_until is None else campaign.found_until + timedelta(days=1)
    first = max(first, today - timedelta(days=MAX_DAYS))
    if version.trigger["kind"] == BROADCAST:  # it is said once: later than that it would be late
        today = min(today, began + timedelta(days=version.late_up_to_days))
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def is_carried_out(campaign: Campaign, day: date) -> bool:
    """Tell whether the members' own night of a day is done: what is said of it is true then."""
    if not NightRun.objects.filter(program=campaign.program_id, day__gte=day).exists():
        return False
    return not bulk.fetch(BEHIND, [campaign.program_id, midnight(day, campaign.program.tzinfo)])


def find_on(campaign: Campaign, day: date, *, now: datetime, lapses: Lapses | None = None) -> int:
    """
    Let the members enter for whom a campaign's trigger holds at the beginning of a day; return how many did.

    :param lapses: of this and other campaigns, where they look together
    """
    version = campaign.version
    assert version is not None, "a constraint says so"
    looked_at = max(filter(None, (midnight(day, campaign.program.tzinfo), campaign.starts_at)))
    said_at = told_at(campaign, version) if version.trigger["kind"] == BROADCAST else None
    at = said_at or looked_at
    if not is_open(campaign, max(at, looked_at)):
        return 0
    together = lapses if version.trigger["kind"] == LAPSED else None
    found = together.of(campaign, day) if together else candidates(campaign, version, day)
    return enter(campaign, version, found, entered_at=at, now=now)
