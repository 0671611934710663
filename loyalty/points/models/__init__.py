from loyalty.points.models.ledger import BudgetShare, Entry, Hold, Lot, Movement, QualifyingDay, Wallet
from loyalty.points.models.policy import EarningGroup, EarningRule, PointsPolicy

__all__ = [
    "BudgetShare",
    "EarningGroup",
    "EarningRule",
    "Entry",
    "Hold",
    "Lot",
    "Movement",
    "PointsPolicy",
    "QualifyingDay",
    "Wallet",
]
