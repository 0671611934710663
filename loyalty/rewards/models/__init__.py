"""Rows of rewards: what a version offers, and what members made of it."""

from loyalty.rewards.models.budgets import RewardBudget, RewardBudgetEntry
from loyalty.rewards.models.catalogue import Reward, RewardPrice
from loyalty.rewards.models.codes import CodeBatch, RewardCode, VoucherHold
from loyalty.rewards.models.redemptions import CauseEntry, RewardCounter, RewardRedemption, withdrawal

__all__ = [
    "CauseEntry",
    "CodeBatch",
    "Reward",
    "RewardBudget",
    "RewardBudgetEntry",
    "RewardCode",
    "RewardCounter",
    "RewardPrice",
    "RewardRedemption",
    "VoucherHold",
    "withdrawal",
]
