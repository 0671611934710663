from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.campaigns.rules.wall_clock import (
    FRENCH_SMS,
    NoWait,
    Quiet,
    is_quiet,
    next_wall_time,
    quiet_until,
    read_wait,
    wall_instant,
)

PARIS, REUNION = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion")
NIGHT = Quiet(time(21), time(8))
ODD = Quiet(time(22), time(2, 30))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        ("2027-03-27T22:30Z", "2027-03-28T06:00Z"),
        ("2027-03-28T05:59:59Z", "2027-03-28T06:00Z"),
        ("2027-03-28T06:00Z", "2027-03-28T06:00Z"),
        ("2027-10-30T19:30Z", "2027-10-31T07:00Z"),
        ("2027-10-31T06:59:59Z", "2027-10-31T07:00Z"),
        ("2026-11-27T20:00Z", "2026-11-28T07:00Z"),
        ("2026-11-27T19:59:59Z", "2026-11-27T19:59:59Z"),
        ("2027-07-14T17:30Z", "2027-07-14T17:30Z"),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall_also_where_it_is_changed(now: str, sent: str) -> None:
    assert quiet_until(at(now), PARIS, [NIGHT]) == at(sent)


def test_quiet_hours_are_those_of_the_members_own_zone() -> None:
    assert quiet_until(at("2027-07-14T17:30Z"), REUNION, [NIGHT]) == at("2027-07-15T04:00Z")


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        ("2027-03-27T23:00Z", "2027-03-28T01:00Z"),  # 02:30 does not exist
        ("2027-10-30T22:00Z", "2027-10-31T00:30Z"),
        ("2027-10-31T00:45Z", "2027-10-31T00:45Z"),  # 02:45, for the first time
        ("2027-10-31T01:15Z", "2027-10-31T01:30Z"),  # 02:15, for the second time
    ],
)
def test_quiet_hours_that_end_in_a_gap_or_in_a_fold(now: str, sent: str) -> None:
    assert quiet_until(at(now), PARIS, [ODD]) == at(sent)


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        (datetime(2027, 3, 27, 20, tzinfo=PARIS), "2027-03-30T06:00Z"),  # a Sunday, then Easter Monday
        (datetime(2027, 5, 1, 10, tzinfo=PARIS), "2027-05-03T06:00Z"),  # the first of May
        (datetime(2026, 11, 27, 19, 59, 59, tzinfo=PARIS), "2026-11-27T18:59:59Z"),
        (datetime(2026, 11, 27, 20, tzinfo=PARIS), "2026-11-28T07:00Z"),
    ],
)
def test_sms_in_france_go_neither_at_night_nor_on_sundays_nor_on_holidays(now: datetime, sent: str) -> None:
    assert quiet_until(now, PARIS, [FRENCH_SMS]) == at(sent)
    assert quiet_until(now, PARIS, []) == now


def test_hours_that_leave_no_gap_between_them_never_end() -> None:
    assert quiet_until(at("2026-11-27T12:00Z"), PARIS, [Quiet(time(8), time(20)), Quiet(time(20), time(8))]) is None


def test_hours_that_end_when_they_start_are_none() -> None:
    assert quiet_until(at("2026-11-27T12:00Z"), PARIS, [Quiet(time(13), time(13))]) == at("2026-11-27T12:00Z")


ZONES = st.sampled_from(
    ["Europe/Paris", "Indian/Reunion", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
)
AROUND = st.sampled_from(
    ["2027-03-14", "2027-03-28", "2027-04-04", "2027-10-03", "2027-10-31", "2027-11-07", "2026-12-24"]
)
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
HOURS = st.builds(Quiet, MINUTES, MINUTES, st.frozensets(st.integers(0, 6), max_size=2), st.sampled_from(["", "FR"]))


@settings(max_examples=400, deadline=None)
@given(ZONES, AROUND, st.integers(-2 * 86_400, 2 * 86_400), st.lists(HOURS, min_size=1, max_size=2))
def test_what_waits_for_quiet_hours_goes_at_the_first_instant_that_is_not_quiet(
    name: str, day: str, seconds: int, hours: list[Quiet]
) -> None:
    zone, now = ZoneInfo(name), at(f"{day}T00:00Z") + timedelta(seconds=seconds)

    found = quiet_until(now, zone, hours)

    def quiet(instant: datetime) -> bool:
        return any(is_quiet(instant.astimezone(zone), each) for each in hours)

    end = found or now + timedelta(days=8)
    assert end >= now
    assert found is None or not quiet(found)
    if found is not None and found > now:
        assert quiet(found - timedelta(seconds=1))
    whole = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    minutes = int((end - whole).total_seconds() // 60) + 1
    assert all(
        quiet(whole + timedelta(minutes=each)) for each in range(minutes) if whole + timedelta(minutes=each) < end
    )
    assert found == now or quiet(now)


@pytest.mark.parametrize(
    ("began", "said", "over"),
    [
        ("2026-11-27T09:00Z", "PT4H", "2026-11-27T13:00Z"),
        ("2027-03-28T00:30Z", "PT4H30M", "2027-03-28T05:00Z"),
        ("2027-03-27T20:00Z", "P0D@09:00", "2027-03-28T07:00Z"),  # 09:00 as the clock of that day tells it
        ("2027-10-30T20:00Z", "P0D@09:00", "2027-10-31T08:00Z"),
        ("2027-03-25T08:00Z", "P3D", "2027-03-28T07:00Z"),  # three local days, of which one has 23 hours
        ("2027-03-25T08:00Z", "P3D@09:00", "2027-03-28T07:00Z"),
        ("2027-03-25T08:00Z", "P3D@02:30", "2027-03-28T01:00Z"),  # 02:30 does not exist
        ("2027-10-28T08:00Z", "P3D@02:30", "2027-10-31T00:30Z"),  # the first of two
        ("2027-01-31T12:00Z", "P1M", "2027-02-28T12:00Z"),
        ("2027-01-31T12:00Z", "P1M1D@09:00", "2027-03-01T08:00Z"),
        ("2026-11-27T09:00Z", "P1W", "2026-12-04T09:00Z"),
        ("2026-11-27T06:00Z", "P0D@09:00", "2026-11-27T08:00Z"),
        ("2026-11-27T09:00Z", "P0D@09:00", "2026-11-28T08:00Z"),
        ("2026-11-27T09:00Z", "2026-12-24@09:00", "2026-12-24T08:00Z"),
        ("2026-12-25T09:00Z", "2026-12-24@09:00", "2026-12-25T09:00Z"),
        ("2026-12-01T09:00Z", "-P14D@09:00", "2026-12-17T08:00Z"),
        ("2026-12-20T09:00Z", "-P14D@09:00", "2026-12-20T09:00Z"),
    ],
)
def test_waits_are_told_by_the_members_calendar(began: str, said: str, over: str) -> None:
    assert next_wall_time(at(began), read_wait(said), PARIS, date(2026, 12, 31)) == at(over)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "3 days", "P3D@", "P3D@25:00", "PT4H@09:00", "2026-02-30@09:00", "P3D "]
)
def test_what_says_no_wait_is_refused(text: str) -> None:
    with pytest.raises(NoWait):
        read_wait(text)


def test_a_day_that_a_zone_skipped_ends_where_it_would_have_begun() -> None:
    assert wall_instant(date(2011, 12, 30), time(9), ZoneInfo("Pacific/Apia")) == datetime(2011, 12, 30, 10, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(
    ZONES,
    AROUND,
    st.integers(-3 * 86_400, 3 * 86_400),
    st.sampled_from(["P0D@02:30", "P1D", "P1M", "P2D@02:15", "PT1H", "P1D@00:00"]),
)
def test_a_wait_is_never_over_before_it_began(name: str, day: str, seconds: int, said: str) -> None:
    began = at(f"{day}T00:00Z") + timedelta(seconds=seconds)

    assert next_wall_time(began, read_wait(said), ZoneInfo(name)) >= began
