from loyalty.points.models.ledger import BudgetShare, Entry, Hold, Lot, Movement, Wallet
from loyalty.points.models.policy import EarningRule, PointsPolicy

__all__ = ["BudgetShare", "EarningRule", "Entry", "Hold", "Lot", "Movement", "PointsPolicy", "Wallet"]
