"""Rows of badges: what a version promises, and what members have of it."""

from loyalty.badges.models.giving import ContestFinish, ContestPrize, Surprise, SurpriseTicket
from loyalty.badges.models.members import (
    BoardScore,
    ChallengeAward,
    GivenBadge,
    MemberProgress,
    Participation,
    PastWindow,
)
from loyalty.badges.models.offer import Badge, Board, Challenge

__all__ = [
    "Badge",
    "Board",
    "BoardScore",
    "Challenge",
    "ChallengeAward",
    "ContestFinish",
    "ContestPrize",
    "GivenBadge",
    "MemberProgress",
    "Participation",
    "PastWindow",
    "Surprise",
    "SurpriseTicket",
]
