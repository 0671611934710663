from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from customers.core.calendar import local_date
from loyalty.campaigns.rules.caps import Cap, Sent, cap_frees_at
from loyalty.campaigns.rules.consent import Statement, consents_at
from loyalty.campaigns.rules.planning import Dropped, Due, Go, Later, Recipient, plan_all
from loyalty.campaigns.rules.wall_clock import FRENCH_SMS, Quiet

PARIS, REUNION = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion")
A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
NIGHT = Quiet(time(21), time(8))
ALL = frozenset({"email", "sms", "push", "inbox"})
AGREED = {"program": True, "email": True, "sms": True, "push": True}
EMAIL_A_DAY, THREE_A_WEEK = Cap(1, 1, channel="email"), Cap(3, 7)
CAPS = [EMAIL_A_DAY, THREE_A_WEEK]
NOON = datetime(2026, 11, 27, 12, tzinfo=PARIS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def sent(channel: str, text: str, kind: str = "marketing", tags: Sequence[str] = ()) -> Sent:
    return Sent(channel, kind, frozenset(tags), at(text))


WEEK = [sent("email", "2026-11-23T09:00Z"), sent("sms", "2026-11-25T09:00Z"), sent("push", "2026-11-26T09:00Z")]
ADA = Recipient(PARIS, ALL, quiet=(NIGHT,))


def due(
    key: UUID, *channels: str, priority: int = 0, expires: str = "2026-12-31T00:00Z", kind: str = "marketing",
    on_cap: str = "wait", ground: str = "", is_urgent: bool = False, needs_profiling: bool = False,
) -> Due:  # fmt: skip
    return Due(
        key, kind, channels or ("email",), NOON, at(expires), priority, on_cap=on_cap, ground=ground, is_urgent=is_urgent,
        needs_profiling=needs_profiling,
    )  # fmt: skip


def test_over_a_cap_the_more_important_waits_for_the_first_room_and_the_other_for_the_next() -> None:
    a, b = due(A, priority=5, expires="2026-11-30T22:59Z"), due(B, priority=9, expires="2026-12-10T00:00Z")

    plans = plan_all(ADA, [a, b], WEEK, AGREED, CAPS, NOON)

    assert plans == (
        Later(B, at("2026-11-30T07:00Z"), "cap:any_3_per_7_days"),
        Dropped(A, "capped_until_late", "cap:any_3_per_7_days"),
    )


def test_what_is_still_worth_saying_later_waits() -> None:
    a, b = due(A, priority=5, expires="2026-12-10T00:00Z"), due(B, priority=9, expires="2026-12-10T00:00Z")

    assert plan_all(ADA, [a, b], WEEK, AGREED, CAPS, NOON) == (
        Later(B, at("2026-11-30T07:00Z"), "cap:any_3_per_7_days"),
        Later(A, at("2026-12-02T07:00Z"), "cap:any_3_per_7_days"),
    )


def test_service_neither_keeps_to_caps_nor_counts_for_them() -> None:
    receipts = [sent("email", "2026-11-27T08:00Z", kind="service")]

    assert plan_all(ADA, [due(A, kind="service")], WEEK, {}, CAPS, NOON) == (Go(A, "email"),)
    assert plan_all(ADA, [due(A)], receipts, AGREED, CAPS, NOON) == (Go(A, "email"),)


def test_a_cap_of_a_day_counts_the_members_own_days() -> None:
    now, before = at("2026-11-27T23:10Z"), [sent("email", "2026-11-27T22:30Z")]
    message = due(A)

    assert plan_all(Recipient(PARIS, ALL), [message], before, AGREED, [EMAIL_A_DAY], now) == (Go(A, "email"),)
    assert plan_all(Recipient(REUNION, ALL), [message], before, AGREED, [EMAIL_A_DAY], now) == (
        Later(A, at("2026-11-28T20:00Z"), "cap:email_1_per_day"),
    )


def test_what_may_not_wait_is_skipped_with_the_rules_name() -> None:
    plans = plan_all(ADA, [due(A, on_cap="skip")], WEEK, AGREED, CAPS, NOON)

    assert plans == (Dropped(A, "capped", "cap:any_3_per_7_days"),)


def test_of_two_that_are_due_one_takes_the_only_room() -> None:
    plans = plan_all(ADA, [due(B), due(A)], [], AGREED, [EMAIL_A_DAY], NOON)

    assert plans == (Go(A, "email"), Later(B, at("2026-11-28T07:00Z"), "cap:email_1_per_day"))


def test_caps_of_a_kind_or_a_tag_count_only_it_as_it_was_sent() -> None:
    news = Cap(1, 7, tag="news")
    marketing = Cap(1, 7, kind="marketing")
    tagged = [sent("sms", "2026-11-26T09:00Z", kind="program", tags=["news"])]

    assert news.name == "news_1_per_7_days"
    assert plan_all(ADA, [due(A)], tagged, AGREED, [news, marketing], NOON) == (Go(A, "email"),)


def test_the_preferred_channel_is_taken_unless_a_cap_blocks_it() -> None:
    prefers = Recipient(PARIS, ALL, preferred="sms", quiet=(NIGHT,))

    assert plan_all(prefers, [due(A, "email", "sms")], [], AGREED, CAPS, NOON) == (Go(A, "sms"),)
    assert plan_all(prefers, [due(A, "email", "push")], [], AGREED, CAPS, NOON) == (Go(A, "email"),)
    today = [sent("sms", "2026-11-27T08:00Z")]
    assert plan_all(prefers, [due(A, "email", "sms")], today, AGREED, [Cap(1, 1, channel="sms")], NOON) == (
        Go(A, "email"),
    )


def test_a_channel_needs_an_address_and_a_consent() -> None:
    no_email = Recipient(PARIS, frozenset({"sms"}))

    assert plan_all(no_email, [due(A, "email", "sms")], [], AGREED, [], NOON) == (Go(A, "sms"),)
    assert plan_all(no_email, [due(A, "email")], [], AGREED, [], NOON) == (Dropped(A, "no_channel"),)
    assert plan_all(no_email, [due(A, "sms")], [], {"program": True}, [], NOON) == (Dropped(A, "no_consent"),)
    assert plan_all(ADA, [due(A, "email", "inbox")], [], {}, [], NOON) == (Go(A, "inbox"),)


def test_a_withdrawn_channel_is_passed_over_where_the_step_names_another() -> None:
    withdrawn = {**AGREED, "email": False}

    assert plan_all(ADA, [due(A, "email")], [], withdrawn, [], NOON) == (Dropped(A, "no_consent"),)
    assert plan_all(ADA, [due(A, "email", "sms")], [], withdrawn, [], NOON) == (Go(A, "sms"),)
    assert plan_all(ADA, [due(A, "email", kind="program")], [], withdrawn, [], NOON) == (Dropped(A, "no_consent"),)


def test_what_a_profile_decided_needs_the_consent_to_it() -> None:
    assert plan_all(ADA, [due(A, needs_profiling=True)], [], AGREED, [], NOON) == (Dropped(A, "no_profiling"),)
    profiled = {**AGREED, "profiling": True}
    assert plan_all(ADA, [due(A, needs_profiling=True)], [], profiled, [], NOON) == (Go(A, "email"),)


def test_who_bought_may_be_told_where_the_retailer_relies_on_it_unless_it_withdrew() -> None:
    relied = due(A, ground="existing_customer")
    buyer = Recipient(PARIS, ALL, has_bought=True)

    assert plan_all(buyer, [relied], [], {}, [], NOON) == (Go(A, "email"),)
    assert plan_all(buyer, [relied], [], {"email": False}, [], NOON) == (Dropped(A, "no_consent"),)
    assert plan_all(Recipient(PARIS, ALL), [relied], [], {}, [], NOON) == (Dropped(A, "no_consent"),)
    assert plan_all(buyer, [due(A)], [], {}, [], NOON) == (Dropped(A, "no_consent"),)


def test_what_came_too_late_is_dropped_and_so_is_what_quiet_hours_keep_too_long() -> None:
    evening = datetime(2026, 11, 27, 22, tzinfo=PARIS)

    assert plan_all(ADA, [due(A, expires="2026-11-27T11:00Z")], [], AGREED, [], NOON) == (Dropped(A, "late"),)
    assert plan_all(ADA, [due(A, expires="2026-11-28T06:00Z")], [], AGREED, [], evening) == (
        Dropped(A, "quiet_until_late", "quiet"),
    )
    assert plan_all(ADA, [due(A)], [], AGREED, [], evening) == (Later(A, at("2026-11-28T07:00Z"), "quiet"),)


def test_service_keeps_to_quiet_hours_unless_it_is_urgent() -> None:
    evening = datetime(2026, 11, 27, 22, tzinfo=PARIS)

    assert plan_all(ADA, [due(A, kind="service")], [], {}, [], evening) == (Later(A, at("2026-11-28T07:00Z"), "quiet"),)
    assert plan_all(ADA, [due(A, kind="service", is_urgent=True)], [], {}, [], evening) == (Go(A, "email"),)
    assert plan_all(ADA, [due(A, is_urgent=True)], [], AGREED, [], evening) == (
        Later(A, at("2026-11-28T07:00Z"), "quiet"),
    )
    assert plan_all(ADA, [due(A, "inbox")], [], {}, [], evening) == (Go(A, "inbox"),)


def test_a_channels_own_hours_come_on_top() -> None:
    saturday = datetime(2027, 3, 27, 20, tzinfo=PARIS)
    ada = Recipient(PARIS, ALL, quiet_by_channel={"sms": (FRENCH_SMS,)})

    assert plan_all(ada, [due(A, "sms", expires="2027-05-01T00:00Z")], [], AGREED, [], saturday) == (
        Later(A, at("2027-03-30T06:00Z"), "quiet"),
    )
    assert plan_all(ada, [due(A, "email", expires="2027-05-01T00:00Z")], [], AGREED, [], saturday) == (Go(A, "email"),)


def test_who_paused_gets_service_alone_until_the_pause_is_over() -> None:
    paused = Recipient(PARIS, ALL, paused_until=at("2026-12-05T11:00Z"))

    assert plan_all(paused, [due(A)], [], AGREED, [], NOON) == (Later(A, at("2026-12-05T11:00Z"), "paused"),)
    assert plan_all(paused, [due(A, expires="2026-12-01T00:00Z")], [], AGREED, [], NOON) == (
        Dropped(A, "paused_until_late", "paused"),
    )
    assert plan_all(paused, [due(A, kind="service")], [], {}, [], NOON) == (Go(A, "email"),)


def test_the_newest_statement_counts_by_when_it_was_said() -> None:
    withdrawn = Statement("email", granted=False, occurred_at=at("2026-11-27T09:00Z"))
    given_before = Statement("email", granted=True, occurred_at=at("2026-11-27T08:00Z"))
    to_come = Statement("email", granted=True, occurred_at=at("2026-11-28T08:00Z"))
    at_once = Statement("email", granted=True, occurred_at=at("2026-11-27T09:00Z"))

    assert consents_at([withdrawn, given_before, to_come, at_once], NOON) == {"email": False}
    assert consents_at([given_before], NOON) == {"email": True}
    assert consents_at([], NOON) == {}


MOMENTS = st.integers(0, 20 * 24 * 60).map(
    lambda minutes: datetime(2027, 3, 20, tzinfo=UTC) + timedelta(minutes=minutes)
)
KINDS = st.sampled_from(["marketing", "program", "service"])
TAGS = st.frozensets(st.sampled_from(["news", "sale"]))
CHANNELS = st.lists(st.sampled_from(["email", "sms", "push"]), min_size=1, max_size=3, unique=True)
SOME_CAPS = st.lists(
    st.builds(
        Cap, st.integers(1, 3), st.integers(1, 7), st.sampled_from(["", "email", "sms"]),
        st.sampled_from(["", "marketing"]), st.sampled_from(["", "news"]),
    ),
    max_size=3,
    unique=True,
)  # fmt: skip


@st.composite
def some_due(draw: st.DrawFn) -> Due:
    return Due(
        draw(st.uuids()), draw(KINDS), tuple(draw(CHANNELS)), draw(MOMENTS), datetime(2027, 6, 1, tzinfo=UTC),
        draw(st.integers(0, 3)), draw(TAGS), draw(st.sampled_from(["wait", "skip"])),
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(some_due(), min_size=1, max_size=12, unique_by=lambda each: each.id),
    SOME_CAPS,
    st.sampled_from([PARIS, REUNION, ZoneInfo("America/New_York")]),
    st.sampled_from([(), (NIGHT,)]),
)
def test_no_cap_is_ever_exceeded_however_messages_come(
    messages: list[Due], caps: list[Cap], zone: ZoneInfo, quiet: tuple[Quiet, ...]
) -> None:
    member = Recipient(zone, ALL, quiet=quiet)
    went = _carry_out(member, messages, caps)

    for cap in caps:
        days = [local_date(each.at, zone) for each in went if cap.counts(each.channel, each.kind, each.tags)]
        assert all(sum(end - timedelta(days=cap.days) < day <= end for day in days) <= cap.limit for end in days)


def _carry_out(member: Recipient, messages: list[Due], caps: list[Cap]) -> list[Sent]:
    """Send what is due at each instant at which something is, as workers would."""
    waiting, went = {each.id: (each.due_at, each) for each in messages}, list[Sent]()
    while waiting:
        now = min(instant for instant, _ in waiting.values())
        ready = [message for instant, message in waiting.values() if instant <= now]
        for plan in plan_all(member, ready, went, AGREED, caps, now):
            message = waiting.pop(plan.id)[1]
            if isinstance(plan, Go):
                went.append(Sent(plan.channel, message.kind, message.tags, now))
            elif isinstance(plan, Later):
                assert plan.until > now
                waiting[plan.id] = (plan.until, message)
    return went


@settings(max_examples=300, deadline=None)
@given(st.lists(MOMENTS, max_size=12), MOMENTS, st.integers(1, 4), st.integers(1, 9))
def test_a_cap_frees_at_the_first_instant_with_room(
    sents: list[datetime], now: datetime, limit: int, days: int
) -> None:
    cap = Cap(limit, days)
    found = cap_frees_at(cap, [Sent("email", "marketing", frozenset(), each) for each in sents], now, PARIS)

    def has_room(day: int) -> bool:
        candidate = local_date(now, PARIS).toordinal() + day
        dates = [*(local_date(each, PARIS).toordinal() for each in sents), candidate]
        ends = [end for end in dates if candidate <= end < candidate + days]
        return all(sum(end - days < each <= end for each in dates) <= limit for end in ends)

    first = next(day for day in range(200) if has_room(day))
    assert local_date(found, PARIS).toordinal() == local_date(now, PARIS).toordinal() + first
    assert found == now if first == 0 else found.astimezone(PARIS).time() == time(0)
