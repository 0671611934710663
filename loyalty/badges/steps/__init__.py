"""What counts for challenges and boards, step by step: awards that are given, and those that are taken back. Pure."""

from loyalty.badges.steps.belonging import follow, forfeit, give_over, join, leave_board, reassess, recount, take_over
from loyalty.badges.steps.counting import award, count_again, take_back
from loyalty.badges.steps.giving import note_settled

__all__ = [
    "award", "count_again", "follow", "forfeit", "give_over", "join", "leave_board", "note_settled", "reassess", "recount",
    "take_back", "take_over",
]  # fmt: skip
