"""
What happens to a member's points, step by step: earned, taken back, moved, activated, expired. Pure.

Each step takes a decision and returns it with postings (entries to be), days that count, and events for subscribers.
"""

from loyalty.points.steps.celebrating import celebrate
from loyalty.points.steps.correcting import correct, count_out
from loyalty.points.steps.earning import earn, earn_missing
from loyalty.points.steps.granting import grant, take_grant_back, withhold
from loyalty.points.steps.interacting import review, take_interactions_back
from loyalty.points.steps.merging import give_over, take_over
from loyalty.points.steps.moving import move, undo_redemptions
from loyalty.points.steps.passing import activate_due, date_lots, due, expire_due, forfeit
from loyalty.points.steps.returning import take_back

__all__ = [
    "activate_due",
    "celebrate",
    "correct",
    "count_out",
    "date_lots",
    "due",
    "earn",
    "earn_missing",
    "expire_due",
    "forfeit",
    "give_over",
    "grant",
    "move",
    "review",
    "take_back",
    "take_grant_back",
    "take_interactions_back",
    "take_over",
    "undo_redemptions",
    "withhold",
]
