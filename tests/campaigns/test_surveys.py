"""Who is asked, and what becomes of an answer: once, recorded as the interaction that it is, followed up where it is low."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from customers.models import Erasure, Interaction
from customers.privacy import erase
from loyalty.activity.account.merging import take_merge
from loyalty.activity.replaying import replay
from loyalty.campaigns.feedback.answering import (
    ChangedTooOften,
    CommentTooLong,
    InvalidScore,
    SurveyIsClosed,
    SurveyIsOver,
    last_answer,
    open_invitations,
)
from loyalty.campaigns.feedback.following_up import FollowUpIsClosed, NoNote, close, take
from loyalty.campaigns.feedback.links import UnknownInvitation, invitation_of, token_of
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.triggers import candidates
from loyalty.campaigns.models import (
    Answer,
    CampaignVersion,
    FollowUp,
    Invitation,
    Message,
    Outcome,
    Step,
    StepText,
    Survey,
)
from loyalty.campaigns.publishing.checking import flaws_of
from loyalty.campaigns.publishing.describing import step_of
from loyalty.campaigns.publishing.managing import draft_of, publish
from loyalty.campaigns.publishing.moving import move_entries
from loyalty.campaigns.rules.surveys import MAX_ANSWERS, Asked, SurveyRule, not_invited
from loyalty.campaigns.rules.triggers import wave_of
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, journey, says_by, send_all, shop, waits
from tests.campaigns.make_surveys import DAY, ask, asking, says, survey, unhappy

pytestmark = pytest.mark.django_db
PARIS = ZoneInfo("Europe/Paris")
ONE, OTHER = UUID(int=1), UUID(int=2)


def member_of(name: str = "ada", **about: Any) -> Membership:
    return ada(make.program(shop()), name, **about)


@pytest.mark.parametrize(
    ("before", "at", "reason"),
    [
        ((), "2026-11-27T11:00Z", ""),
        (((ONE, "2026-08-29T11:00Z"),), "2026-11-27T11:00Z", "asked_lately"),  # 90 days
        (((ONE, "2026-08-28T21:59Z"),), "2026-11-27T11:00Z", ""),  # 91 days, a minute before midnight in Paris
        (((ONE, "2026-08-28T22:00Z"),), "2026-11-27T11:00Z", "asked_lately"),  # the 29th in Paris
        (((OTHER, "2026-11-21T11:00Z"),), "2026-11-27T11:00Z", "asked_another_lately"),
        (((OTHER, "2026-11-20T11:00Z"),), "2026-11-27T11:00Z", ""),
        (((OTHER, "2026-11-27T10:00Z"), (ONE, "2026-11-27T10:00Z")), "2026-11-27T11:00Z", "asked_lately"),
    ],
)
def test_the_same_is_asked_again_after_91_local_days_and_another_after_7(
    before: tuple[tuple[UUID, str], ...], at: str, reason: str
) -> None:
    asked = [Asked(key, datetime.fromisoformat(when)) for key, when in before]
    rule = SurveyRule(ONE, is_open=True, again_after_days=91, after_any_days=7)

    assert not_invited(rule, asked, datetime.fromisoformat(at), PARIS) == reason
    closed = SurveyRule(ONE, is_open=False, again_after_days=91, after_any_days=7)
    assert not_invited(closed, asked, datetime.fromisoformat(at), PARIS) == "survey_closed"


def test_a_step_asks_by_mail_and_inbox_with_a_link_that_needs_no_sign_in() -> None:
    member = member_of()
    by_mail, by_inbox = (
        asking(member.program, survey(member.retailer, kind, after_any_days=0), way)
        for kind, way in (("nps", "email"), ("csat", "inbox"))
    )
    box = Box()

    (mailed,), (shown,) = ask(by_mail, member), ask(by_inbox, member)
    send_all(member.retailer, NOON, box)

    assert f"/s/{token_of(mailed.pk)}" in box.taken[0].text
    inbox = Message.objects.in_inbox().get()
    assert (inbox.button, inbox.link.endswith(f"/s/{token_of(shown.pk)}")) == ("How was it?", True)
    assert invitation_of(token_of(shown.pk)) == shown
    # the fourteenth day after it counts whole, in Paris
    assert mailed.expires_at == datetime.fromisoformat("2026-12-11T23:00Z")


def test_who_was_asked_lately_gets_no_message_and_it_is_told_why() -> None:
    member = member_of()
    asked = survey(member.retailer)
    live = asking(member.program, asked)

    assert len(ask(live, member)) == 1
    assert ask(live, member, at=NOON + 90 * DAY) == []
    assert len(ask(live, member, at=NOON + 91 * DAY)) == 1

    assert Message.objects.count() == 2
    told = Outcome.objects.filter(what__in=["planned", "dropped"]).order_by("pk").values_list("what", "reason")
    assert list(told) == [("planned", ""), ("dropped", "asked_lately"), ("planned", "")]


def test_whether_somebody_recommends_a_shop_is_asked_once_a_quarter_whichever_survey_asks_it() -> None:
    """S18: two tokens in a quarter cannot exist."""
    member = member_of()
    first, other = (asking(member.program, survey(member.retailer, after_any_days=0)) for _ in range(2))
    csat, another = (asking(member.program, survey(member.retailer, "csat", after_any_days=0)) for _ in range(2))

    assert len(ask(first, member)) == 1
    assert ask(other, member, at=NOON + 90 * DAY) == []
    assert [len(ask(each, member, at=NOON + 90 * DAY)) for each in (csat, another)] == [1, 1]
    assert len(ask(other, member, at=NOON + 91 * DAY)) == 1


def test_a_question_that_never_went_out_stands_in_nobodys_way() -> None:
    member = member_of(agrees=())
    asked = survey(member.retailer)
    by_mail = asking(member.program, asked, "email", kind="marketing", ground="existing_customer")
    make.buys(member, "10.00", at=NOON - DAY)
    ask(by_mail, member)
    send_all(member.retailer, NOON, Box())
    Message.objects.update(state="dropped", reason="late")

    assert list(open_invitations(member.customer, now=NOON)) == []
    assert len(ask(asking(member.program, asked), member, at=NOON + DAY)) == 1


@pytest.mark.parametrize(
    ("is_open", "days", "sent", "told"),
    [
        (True, 0, 1, ("accepted", "", "")),
        (False, 0, 0, ("dropped", "exited", "survey_closed")),
        (True, 1, 1, ("accepted", "", "")),
        (True, 2, 0, ("dropped", "exited", "survey_closed")),  # it could be answered until the day before
    ],
)
def test_a_question_that_cannot_be_answered_any_more_is_not_sent_when_its_turn_comes(
    *, is_open: bool, days: int, sent: int, told: tuple[str, str, str]
) -> None:
    member = member_of()
    asked = survey(member.retailer, answer_within_days=1)
    ask(asking(member.program, asked, "email"), member)
    box = Box()

    Survey.objects.filter(pk=asked.pk).update(is_open=is_open)
    send_all(member.retailer, NOON + days * DAY, box)

    row = Message.objects.get()
    assert (len(box.taken), (row.state, row.reason, row.rule)) == (sent, told)


def test_one_step_by_all_channels_asks_once() -> None:
    member = member_of()
    live = asking(member.program, survey(member.retailer), "inbox", "email")
    draft = draft_of(live)
    draft.steps.update(to_all_channels=True)
    live = publish(draft, author="sue", now=make.START)

    assert len(ask(live, member)) == 1
    assert Message.objects.count() == 2


def test_after_a_merge_the_one_person_is_asked_once() -> None:
    club = make.program(shop())
    eva, kept = ada(club, "eva"), ada(club, "ada")
    live = asking(club, survey(club.retailer))
    (invitation,) = ask(live, eva)
    take_merge(club.retailer, "eva", "ada", reference="same", now=NOON)

    assert ask(live, kept, at=NOON + DAY) == []
    assert list(open_invitations(kept.customer, now=NOON)) == [invitation]
    says(invitation, 9)
    assert Interaction.objects.get(kind="nps").customer == kept.customer


def test_an_answer_is_an_interaction_and_changes_no_points() -> None:
    member = member_of()
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)

    row = says(invitation, 9, "  Good\r\nshop\0 ")

    assert (row.score, row.comment, row.answered_at) == (9, "Good\nshop", NOON)
    told = Interaction.objects.get()
    assert (told.kind, told.score, told.number, told.customer_id) == (
        "nps", 9, f"survey:{invitation.pk}", member.customer_id,
    )  # fmt: skip
    assert row.interaction == told
    assert make.wallet_of(member).available == 0
    assert not FollowUp.objects.exists()


def test_scenario_18_a_second_answer_to_the_same_invitation_replaces_the_first_and_the_same_one_changes_nothing() -> (
    None
):
    member = member_of()
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)
    first = says(invitation, 9)

    again = says(invitation, 9, at=NOON + DAY)
    changed = says(invitation, 2, "I changed my mind", at=NOON + DAY)

    assert again == first
    assert list(Answer.objects.order_by("number").values_list("number", "score", "comment")) == [
        (1, 9, ""), (2, 2, "I changed my mind"),
    ]  # fmt: skip
    assert last_answer(invitation) == changed
    told = Interaction.objects.get()  # it is one: it counts once, with what was said last, for when it was asked
    assert (told.score, told.occurred_at) == (2, NOON)
    assert FollowUp.objects.get().answer == changed
    rows: list[Any] = list(Answer.objects.with_later().order_by("number"))
    assert [row.is_replaced for row in rows] == [True, False]


def test_an_answer_that_is_changed_earns_once_and_is_followed_up_by_who_has_it() -> None:
    draft = make.version(shop(), rules=(make.Rule(kind="per_interaction", points="50", interaction="nps"),))
    member = ada(make.published(draft))
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)
    says(invitation, 3)
    take(FollowUp.objects.get(), by="sue", now=NOON)

    kind = says(invitation, 10, "They called me", at=NOON + DAY)

    todo = FollowUp.objects.get()
    assert (todo.answer, todo.taken_by, todo.due_at) == (kind, "sue", NOON + DAY)
    close(todo, "Called", by="sue", now=NOON + DAY)
    low = says(invitation, 0, at=NOON + 2 * DAY)
    assert list(FollowUp.objects.exclude(state="closed").values_list("answer", flat=True)) == [low.pk]
    assert make.wallet_of(member).available == 50
    assert replay(member.program, now=NOON + 3 * DAY).deviations == []


def test_an_answer_is_changed_so_often_and_not_after_its_last_day() -> None:
    member = member_of()
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)
    for turn in range(MAX_ANSWERS):
        says(invitation, turn % 11)

    with pytest.raises(ChangedTooOften):
        says(invitation, 10)
    assert says(invitation, 8).number == 20  # the same as before
    with pytest.raises(SurveyIsOver):
        says(invitation, 5, at=NOON + 15 * DAY)
    assert Interaction.objects.get().score == 8


def test_an_answer_finds_a_number_where_a_retailer_has_given_its_own_to_something_else() -> None:
    member = member_of()
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)
    make_contact(member, f"survey:{invitation.pk}", NOON)

    row = says(invitation, 9)

    assert (row.interaction.kind, row.interaction.score) == ("nps", 9)
    assert Interaction.objects.get(kind="support").number == f"survey:{invitation.pk}"


def test_what_is_late_closed_or_not_on_the_scale_is_refused() -> None:
    member = member_of()
    asked = survey(member.retailer, "csat")
    (invitation,) = ask(asking(member.program, asked), member)
    last = datetime.fromisoformat("2026-12-11T22:59:59Z")

    for score in (0, 6, -1):
        with pytest.raises(InvalidScore, match="from 1 to 5"):
            says(invitation, score)
    with pytest.raises(CommentTooLong):
        says(invitation, 5, "x" * 2_001)
    with pytest.raises(SurveyIsOver):
        says(invitation, 5, at=last + timedelta(seconds=1))
    Survey.objects.update(is_open=False)
    with pytest.raises(SurveyIsClosed):
        says(invitation, 5, at=last)
    Survey.objects.update(is_open=True)

    assert not Interaction.objects.exists()
    assert says(invitation, 5, "x" * 2_000, at=last).score == 5


@pytest.mark.parametrize(
    ("kind", "score", "is_low"), [("nps", 6, True), ("nps", 7, False), ("csat", 2, True), ("csat", 3, False)]
)
def test_a_low_score_is_followed_up_within_a_day(kind: str, score: int, is_low: bool) -> None:  # noqa: FBT001 - a table
    member = member_of()
    (invitation,) = ask(asking(member.program, survey(member.retailer, kind)), member)

    row = says(invitation, score)

    assert list(FollowUp.objects.values_list("answer", "state", "due_at")) == (
        [(row.pk, "open", NOON + DAY)] if is_low else []
    )


def test_a_follow_up_is_taken_taken_over_and_closed_with_a_note() -> None:
    todo = unhappy(member_of())

    assert take(todo, by="sue", now=NOON) == ""
    assert take(todo, by="sam", now=NOON + DAY) == "sue"
    with pytest.raises(NoNote):
        close(todo, "  ", by="sam", now=NOON)
    close(todo, "Sent flowers", by="sam", now=NOON + 2 * DAY)

    todo.refresh_from_db()
    assert (todo.state, todo.taken_by, todo.closed_by, todo.note) == ("closed", "sam", "sam", "Sent flowers")
    with pytest.raises(FollowUpIsClosed, match="sam has closed this already"):
        take(todo, by="sue", now=NOON + 3 * DAY)
    with pytest.raises(FollowUpIsClosed):
        close(todo, "Again", by="sue", now=NOON + 3 * DAY)


def test_tokens_of_others_are_none_and_nobody_answers_for_an_erased_person() -> None:
    member = member_of()
    (invitation,) = ask(asking(member.program, survey(member.retailer)), member)
    token = token_of(invitation.pk)

    for wrong in (token[:-1], f"{UUID(int=7).hex}{token[32:]}", "", token_of(UUID(int=7))):
        with pytest.raises(UnknownInvitation):
            invitation_of(wrong)
    erase(member.customer, asked_by=Erasure.AskedBy.STAFF, reason="asked", author="sue", now=NOON)
    with pytest.raises(UnknownInvitation):
        invitation_of(token)


def test_a_step_that_asks_leads_to_the_question_and_a_closed_survey_is_not_published() -> None:
    member = member_of()
    asked = survey(member.retailer)
    draft = draft_of(asking(member.program, asked, "inbox", "email"))
    assert [flaw.code for flaw in flaws_of(draft)] == []
    step = draft.steps.get()
    assert step_of(step) == "1. Say by inbox, e-mail. It asks “How was it (nps)”."

    step.texts.filter(channel="email").update(link="{{ page }}")
    Survey.objects.update(is_open=False)

    assert [(flaw.code, flaw.place) for flaw in flaws_of(draft)] == [
        ("survey_closed", "steps/0/survey"),
        ("survey_not_linked", "steps/0/texts/email/en"),
        ("survey_not_linked", "steps/0/texts/email/fr"),
    ]
    draft.steps.update(survey=None)
    assert {flaw.code for flaw in flaws_of(draft)} == {"value_unknown"}


def test_who_is_moved_is_asked_what_stands_where_it_was_asked_something_else() -> None:
    member = member_of()
    first, second = (survey(member.retailer, kind) for kind in ("nps", "csat"))
    live = asking(member.program, first)
    draft = draft_of(live)
    draft.steps.update(position=2)  # behind two waits, as the second one will stand
    for position in range(2):
        Step.objects.create(version=draft, retailer=member.retailer, position=position, **waits("PT1H"))
    Step.objects.create(version=draft, retailer=member.retailer, position=3, **waits("P60D"))
    copied(draft, asked=first, position=4)
    live = publish(draft, author="sue", now=NOON)
    ask(live, member)
    assert advance_due(member.retailer, now=NOON + timedelta(hours=2)) == 1
    draft = draft_of(live)
    draft.steps.all().delete()
    Step.objects.create(version=draft, retailer=member.retailer, position=1, **waits("P10D"))
    for position, asked in ((0, first), (2, second)):
        copied(draft, asked=asked, position=position)
    publish(draft, author="sue", now=NOON + timedelta(hours=3))

    assert move_entries(live, now=NOON + timedelta(hours=3)).moved == 1
    assert advance_due(member.retailer, now=NOON + 10 * DAY + timedelta(hours=2)) == 1

    found = Invitation.objects.order_by("asked_at")
    assert [each.survey for each in found] == [first, second]
    assert [Step.objects.get(pk=each.step).position for each in found] == [2, 2]
    messages = Message.objects.order_by("planned_at")
    assert [each.values["invitation"] for each in messages] == [each.pk.hex for each in found]


def copied(draft: CampaignVersion, *, asked: Survey, position: int) -> None:
    """Let a step of a draft ask a survey."""
    step = Step.objects.create(
        version=draft, retailer=draft.retailer, position=position, survey=asked, **says_by("inbox")
    )
    for language in ("en", "fr"):
        StepText.objects.create(
            step=step, retailer=draft.retailer, channel="inbox", language=language, subject="Hi", body="{{ survey }}"
        )


def test_each_week_another_part_of_the_base_is_asked_and_each_part_once() -> None:
    club = make.program(shop())
    members = {ada(club, f"m{number}").customer_id for number in range(40)}
    live = journey(club, {"kind": "survey_wave", "weeks": 4}, says_by("inbox"), kind="service")
    assert live.version is not None
    monday = datetime.fromisoformat("2026-11-30T00:00Z").date()

    waves = [candidates(live, live.version, monday + 7 * number * DAY) for number in range(5)]

    first = [{each.customer_id for each in wave} for wave in waves]
    assert first[0] | first[1] | first[2] | first[3] == members
    assert sum(len(wave) for wave in first[:4]) == 40
    assert first[4] == first[0]
    assert candidates(live, live.version, monday + 6 * DAY) == waves[0]
    assert {each.occurrence for each in waves[0]} == {"wave:2026-W49"}


def test_waves_are_counted_on_over_the_end_of_a_year() -> None:
    monday = datetime.fromisoformat("2026-12-28T00:00Z").date()

    found = [wave_of(monday + 7 * number * DAY, 13) for number in range(14)]

    assert sorted(wave for wave, _ in found[:13]) == list(range(13))
    assert found[13][0] == found[0][0]
    assert [week for _, week in found[:2]] == ["2026-W53", "2027-W01"]


def test_who_spoke_with_support_may_be_asked_each_contact_once() -> None:
    member = member_of()
    live = asking(member.program, survey(member.retailer, "csat"), trigger={"kind": "contact", "days": 3})
    assert live.version is not None
    make_contact(member, "t1", NOON)
    make_contact(member, "t0", NOON - 4 * DAY)

    found = candidates(live, live.version, (NOON + DAY).date())

    assert [(each.customer_id, each.occurrence, each.about) for each in found] == [
        (member.customer_id, "contact:t1", NOON.date())
    ]


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({}, ["t1", "t2", "t3", "t4"]),
        ({"topics": [], "outcomes": []}, ["t1", "t2", "t3", "t4"]),
        ({"outcomes": ["solved"]}, ["t1", "t3"]),
        ({"topics": ["DELIVERY"]}, ["t1", "t2"]),
        ({"topics": ["delivery", "size"], "outcomes": ["solved", "unsolved"]}, ["t1", "t2", "t3"]),
        ({"topics": ["price"]}, []),
    ],
)
def test_who_spoke_about_a_topic_or_was_helped_may_be_asked_alone(narrowed: dict[str, Any], found: list[str]) -> None:
    member = member_of()
    trigger = {"kind": "contact", "days": 3} | narrowed
    live = asking(member.program, survey(member.retailer, "csat"), trigger=trigger)
    assert live.version is not None
    for number, topic, outcome in (("t1", "Delivery", "solved"), ("t2", "delivery", "unsolved"), ("t3", "size", "solved"),
                                   ("t4", "", "")):  # fmt: skip
        make_contact(member, number, NOON, topic=topic, outcome=outcome)

    told = candidates(live, live.version, (NOON + DAY).date())

    assert [each.occurrence for each in told] == [f"contact:{number}" for number in found]


def make_contact(member: Membership, number: str, at: datetime, topic: str = "", outcome: str = "") -> None:
    from customers.facts import InteractionFact
    from loyalty.activity.intake import take_interactions

    fact = InteractionFact(
        number, member.customer.external_id, "support", at, channel="phone", topic=topic, outcome=outcome
    )
    take_interactions(member.retailer, [fact], now=at)


def test_the_database_keeps_answers_and_says_who_has_a_follow_up() -> None:
    todo = unhappy(member_of())
    invitation = todo.answer.invitation

    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Answer.objects.update(score=10)
    with pytest.raises(IntegrityError, match="invitation_once_per_step"), transaction.atomic():
        Invitation.objects.create(
            retailer=invitation.retailer, survey=invitation.survey, customer=invitation.customer, entry=invitation.entry,
            step=invitation.step, asked_at=NOON, expires_at=NOON + DAY,
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="follow_up_says_who_has_it"), transaction.atomic():
        FollowUp.objects.update(state="taken")
    with pytest.raises(IntegrityError, match="answer_once_per_number"), transaction.atomic():
        Answer.objects.create(
            retailer=invitation.retailer, invitation=invitation, interaction=todo.answer.interaction, number=1, score=1,
            by="link", answered_at=NOON,
        )  # fmt: skip
