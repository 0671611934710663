"""What figures are made of: customers, orders and answers, counted. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """
    What customers of a group did in a period.

    :param retained: those who ordered in the one before, too
    :param paid: what points paid of what was kept, which is no revenue
    """

    active: int
    orders: int
    revenue: float
    new: int
    retained: int
    paid: float = 0.0


@dataclass(frozen=True, slots=True)
class Ever:
    """Customers of a group who ever bought, those who did on two days or more, and orders of all of them."""

    customers: int
    repeated: int
    orders: int


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of a group in a period to a survey: by the classes of NPS, and those of 4 or more for CSAT."""

    promoters: int
    passives: int
    detractors: int
    satisfied: int
    n: int
