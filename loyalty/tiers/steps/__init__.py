"""
What happens to a member's tier, step by step: benefits, up at once, down in the night, back after a return. Pure.

A fact that is reported late is counted on its own day, and the tier is then the one that it would be had the fact been
reported in time; what a return leaves is the tier that there would be without what came back.
"""

from loyalty.tiers.steps.assessing import assess, note_disqualified, rise_now
from loyalty.tiers.steps.benefits import benefits
from loyalty.tiers.steps.due import due
from loyalty.tiers.steps.entering import enter, lose, take_over
from loyalty.tiers.steps.gifts import note_settled
from loyalty.tiers.steps.periods import end_periods, restart
from loyalty.tiers.steps.undoing import undo_entries

__all__ = [
    "assess",
    "benefits",
    "due",
    "end_periods",
    "enter",
    "lose",
    "note_disqualified",
    "note_settled",
    "restart",
    "rise_now",
    "take_over",
    "undo_entries",
]
