"""What was found, each with what it is and the page that it leads to, in the reader's language."""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from customers.core.instants import day_said
from customers.core.money import written
from customers.core.values import dataclass
from customers.models import Customer, Order
from loyalty.activity.search.finding import Found, Matches
from loyalty.memberships.models import Membership

GROUP = 4  # digits of a card's number stand so together


@dataclass(frozen=True, slots=True)
class Hit:
    """
    One thing that was found.

    :param kind: what it is
    :param is_exact: it is what was said, not only a part of it
    """

    kind: str
    title: str
    details: str
    address: str
    is_exact: bool = False


def hits_of(found: Found, *, with_persons: bool, with_retailers: bool) -> list[Hit]:
    """
    Return what was found, what was meant exactly first.

    :param with_persons: with names, for those who may see them
    :param with_retailers: with whose each is, for those who see several
    """

    def of(matches: Matches) -> Iterator[tuple[Any, bool, str]]:
        for row in matches.rows:
            yield row, row.pk in matches.exact, str(row.retailer) if with_retailers else ""

    hits = [
        *(_member(row, is_exact, shop, with_persons=with_persons) for row, is_exact, shop in of(found.members)),
        *(_customer(row, is_exact, shop) for row, is_exact, shop in of(found.persons)),
        *(_order(row, is_exact, shop, with_persons=with_persons) for row, is_exact, shop in of(found.orders)),
    ]
    return sorted(hits, key=lambda hit: not hit.is_exact)


def the_only(hits: list[Hit]) -> Hit | None:
    """Return what alone can be meant: the one hit that is just what was said."""
    exact = [hit for hit in hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None


def in_groups(number: str) -> str:
    """Return a member's number as it stands on a card."""
    return " ".join(number[place : place + GROUP] for place in range(0, len(number), GROUP))


def _member(member: Membership, is_exact: bool, shop: str, *, with_persons: bool) -> Hit:  # noqa: FBT001 - of its match
    who = member.customer
    number, name = in_groups(member.number), _name(who) if with_persons else ""
    standing = getattr(member, "standing", None)
    tier = str(standing.tier) if standing and standing.tier else ""
    left = _("left on %(day)s") % {"day": day_said(member.left_at)} if member.left_at else ""
    told = (number if name else "", str(member.program), tier, left, who.email if with_persons else "", shop)
    address = reverse("admin:memberships_membership_change", args=[member.pk])
    return Hit(_("Member"), name or number, _joined(*told), address, is_exact)


def _customer(customer: Customer, is_exact: bool, shop: str) -> Hit:  # noqa: FBT001 - of its match
    name, own = _name(customer), _("external id %(id)s") % {"id": customer.external_id}
    told = (own if name else "", customer.email, customer.phone, _("no member"), shop)
    address = reverse("admin:customers_customer_change", args=[customer.pk])
    return Hit(_("Customer"), name or own, _joined(*told), address, is_exact)


def _order(order: Order, is_exact: bool, shop: str, *, with_persons: bool) -> Hit:  # noqa: FBT001 - of its match
    who = order.customer
    name = (str(who) if with_persons else "") if who else _("a guest’s")
    told = (date_format(order.local_date), written(order.net_amount, order.currency), name, shop)
    return Hit(
        _("Order"), order.number, _joined(*told), reverse("admin:customers_order_change", args=[order.pk]), is_exact
    )


def _name(customer: Customer) -> str:
    return f"{customer.first_name} {customer.last_name}".strip()


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
