"""Builders of surveys, of journeys that ask them, and of their answers."""

from datetime import datetime, timedelta
from typing import Any

from customers.models import Retailer
from loyalty.campaigns.feedback.answering import answer
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.models import Answer, Campaign, CampaignVersion, FollowUp, Invitation, Step, StepText, Survey
from loyalty.campaigns.publishing.managing import publish
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_campaigns import NOON

DAY = timedelta(days=1)


def survey(owner: Retailer, kind: str = "nps", *, code: str = "", **given: Any) -> Survey:
    code = code or make.number("survey")
    return Survey.objects.create(retailer=owner, code=code, name=f"How was it ({kind})", kind=kind, **given)


def asking(club: Program, asked: Survey, *channels: str, **given: Any) -> Campaign:
    """Return a live journey whose only step asks a survey, in English and in French."""
    row = Campaign.objects.create(
        retailer=club.retailer, program=club, code=make.number("journey"), name="Ask", kind="journey", created_at=make.START
    )  # fmt: skip
    version = CampaignVersion.objects.create(
        campaign=row, retailer=club.retailer, number=1, **({"kind": "service", "trigger": {"kind": "cart"}} | given)
    )
    step = Step.objects.create(
        version=version,
        retailer=club.retailer,
        position=0,
        kind="message",
        channels=list(channels or ("inbox",)),
        survey=asked,
    )
    for channel in step.channels:
        for language, words in (("en", "How was it?"), ("fr", "Comment était-ce ?")):
            StepText.objects.create(
                step=step, retailer=club.retailer, channel=channel, language=language, subject=words, body=words,
                button=words, link="{{ survey }}",
            )  # fmt: skip
    return publish(version, author="sue", now=make.START)


def ask(journey: Campaign, *members: Membership, at: datetime = NOON) -> list[Invitation]:
    """Let members enter a journey that asks, and take its step; return the invitations that came of it."""
    known = set(Invitation.objects.values_list("pk", flat=True))
    assert journey.version is not None
    fact = make.number("cart")
    found = [Candidate(member.customer_id, f"cart:{fact}", None) for member in members]
    enter(journey, journey.version, found, entered_at=at, now=at)
    while advance_due(journey.retailer, now=at):
        pass
    return list(Invitation.objects.exclude(pk__in=known).order_by("pk"))


def says(invitation: Invitation, score: int, comment: str = "", *, at: datetime = NOON) -> Answer:
    return answer(invitation.pk, score, comment, by="link", now=at)


def unhappy(member: Membership, comment: str = "It was late", *, at: datetime = NOON) -> FollowUp:
    """Return the follow-up of a member who gave a low score."""
    owner = member.retailer
    (invitation,) = ask(asking(member.program, survey(owner)), member, at=at)
    return FollowUp.objects.get(answer=says(invitation, 3, comment, at=at))
