from loyalty.points.models.books import AllocatedPrice, ClosedBooks, ClosedMonth
from loyalty.points.models.granting import Grant
from loyalty.points.models.ledger import (
    BudgetShare,
    Disproof,
    Entry,
    Hold,
    Lot,
    MovedLot,
    Movement,
    QualifyingDay,
    SpendingReference,
    Wallet,
    label_of,
)
from loyalty.points.models.policy import EarningGroup, EarningRule, PointsPolicy

__all__ = [
    "AllocatedPrice",
    "BudgetShare",
    "ClosedBooks",
    "ClosedMonth",
    "Disproof",
    "EarningGroup",
    "EarningRule",
    "Entry",
    "Grant",
    "Hold",
    "Lot",
    "MovedLot",
    "Movement",
    "PointsPolicy",
    "QualifyingDay",
    "SpendingReference",
    "Wallet",
    "label_of",
]
