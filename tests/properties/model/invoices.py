"""What is to be paid for a plan, and for which days."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

NOTHING = Fraction(0)


@dataclass(frozen=True)
class Days:
    """The days from the first one until the day before `end`."""

    first: date
    end: date

    def __len__(self) -> int:
        return (self.end - self.first).days


@dataclass(eq=False)
class Invoice:
    """
    What is, or was, to be paid.

    :param joined: the joining of a plan that it is for: who joins again has another one
    :param price: of a whole period of the plan, as it was when the invoice was issued
    :param lines: its fee and, negative, what is credited
    :param until: the day on which it is given up
    :param asked: of which payment method, as long as nobody knows what became of it
    """

    joined: object
    kind: str
    code: str
    days: Days
    price: Fraction
    lines: tuple[Fraction, ...]
    used: Fraction
    amount: Fraction
    until: date
    status: str = "open"
    asked_from: date | None = None
    voided_at: datetime | None = None
    failed_at: datetime | None = None
    paid_at: datetime | None = None
    next_try_at: datetime | None = None
    asked: str = ""
    refunded: Fraction = NOTHING

    @property
    def fee(self) -> Fraction:
        return sum((line for line in self.lines if line > 0), NOTHING)

    def shown(self) -> tuple[object, ...]:
        days = (self.days.first, self.days.end)
        return self.kind, *days, self.fee, sum(self.lines), self.used, self.amount, self.refunded, self.status


@dataclass
class Quote:
    """What a change comes to: what is left of the old fee, and what the new one costs for its days."""

    days: Days
    credit: Fraction
    charge: Fraction
    is_longer_or_shorter: bool

    @property
    def total(self) -> Fraction:
        return self.charge - self.credit
