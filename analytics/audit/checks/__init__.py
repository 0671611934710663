"""All checks, in the order in which they are shown. To add one, write it beside its kind: it is run and shown by that."""

from analytics.audit.checks import clock, goods, history, identity, money, reach
from analytics.audit.checks.check import Check, Group

CHECKS: tuple[Check, ...] = (
    *history.CHECKS,
    *clock.CHECKS,
    *identity.CHECKS,
    *money.CHECKS,
    *goods.CHECKS,
    *reach.CHECKS,
)
BY_CODE = {check.code: check for check in CHECKS}
WEIGHTS = {check.code: check.weights for check in CHECKS}

__all__ = ["BY_CODE", "CHECKS", "WEIGHTS", "Check", "Group"]
