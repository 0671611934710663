"""Rows of badges: what a version promises, and what members have of it."""

from loyalty.badges.models.members import BoardScore, ChallengeAward, MemberProgress, Participation, PastWindow
from loyalty.badges.models.offer import Badge, Board, Challenge

__all__ = [
    "Badge",
    "Board",
    "BoardScore",
    "Challenge",
    "ChallengeAward",
    "MemberProgress",
    "Participation",
    "PastWindow",
]
