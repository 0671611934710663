"""The only writer of memberships."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.memberships.models import Membership
from loyalty.memberships.numbers import new_number
from loyalty.programs.models import Program

TRIES = 5


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A customer's membership, and whether it is new."""

    membership_id: UUID
    customer_id: UUID
    number: str
    is_new: bool


def open_memberships(
    program: Program, customers: Sequence[tuple[UUID, datetime]], *, source: str, now: datetime
) -> list[Enrolled]:
    """
    Give each customer a membership of a program; one who has it keeps it.

    :param customers: ids with the instant of enrolment
    :returns: one entry per distinct customer
    """
    enrolled_at = dict(customers)
    made: dict[UUID, Enrolled] = {}
    for _ in range(TRIES):  # a number that is taken already is drawn again
        missing = sorted(enrolled_at.keys() - made.keys())
        # fmt: off
        rows = [(new_id(), program.retailer_id, program.pk, customer, new_number(), source, enrolled_at[customer], now)
                for customer in missing]
        columns = ("id", "retailer_id", "program_id", "customer_id", "number", "source", "enrolled_at", "recorded_at")
        # fmt: on
        suffix = "ON CONFLICT DO NOTHING RETURNING id, customer_id, number"
        made |= {
            customer: Enrolled(pk, customer, number, is_new=True)
            for pk, customer, number in bulk.insert(Membership, columns, rows, suffix=suffix)
        }
        missing = [customer for customer in missing if customer not in made]
        if not missing:
            break
        known = Membership.objects.filter(program=program, customer__in=missing)
        found = known.values_list("pk", "customer_id", "number")
        made |= {customer: Enrolled(pk, customer, number, is_new=False) for pk, customer, number in found}
    return list(made.values())
