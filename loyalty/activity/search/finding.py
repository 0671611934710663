"""What staff look for, found by any part of it: reads only, and only what the one who asks may see."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from customers.core import bulk, tenancy
from customers.core.phones import NO_DIGIT, national_part, phone_key
from customers.core.values import dataclass
from customers.models import Customer, Order, Retailer
from loyalty.memberships.models import Membership

MAX_TEXT, MAX_WORDS, MIN_TEXT = 100, 6, 2
MAX_FOUND = 50  # of a kind: who gets more says more of what is looked for
END_OF_PHONE = 9  # digits that are the same with a country's code and without, in most countries
WHOLE_PHONE = 8  # digits: fewer are a part of many numbers
MAX_PHONE = 15  # digits, E.164
ONLY_DIGITS = re.compile(r"[0-9 ()+./-]+")  # a card's number or a phone's, as people write them
VIEW_MEMBERS, VIEW_PERSONS = "memberships.view_membership", "customers.view_customer"
VIEW_ORDERS = "customers.view_order"

CUSTOMERS = "SELECT * FROM customers_found(%s, %s, %s)"
MEMBERS = "SELECT * FROM memberships_found(%s, %s, %s)"
ORDERS = "SELECT * FROM orders_found(%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Sought:
    """
    What somebody looks for.

    :param digits: of a text that is nothing but a number, however it is grouped; empty for any other
    """

    text: str
    digits: str

    @classmethod
    def of(cls, said: str) -> "Sought":
        text = " ".join(unicodedata.normalize("NFC", said).split())[:MAX_TEXT].strip()
        return cls(text, NO_DIGIT.sub("", text) if ONLY_DIGITS.fullmatch(text) else "")

    @property
    def is_enough(self) -> bool:
        return len(self.text) >= MIN_TEXT

    @property
    def phone(self) -> str:
        """Return what of a phone number is the same with a country's code and without."""
        if len(self.digits) > MAX_PHONE:
            return ""
        return national_part(self.text).lstrip("0") or self.digits.lstrip("0")[-END_OF_PHONE:]


@dataclass(frozen=True, slots=True)
class Matches:
    """
    Rows of one kind.

    :param exact: the keys of those that are what was said, not only a part of it
    """

    rows: tuple[Any, ...] = ()
    exact: frozenset[Any] = frozenset()

    @classmethod
    def of(cls, rows: Iterable[Any], exact: Iterable[Any] = ()) -> "Matches":
        """Each row once, the exact ones first."""
        named = list(exact)
        each_once = {row.pk: row for row in (*named, *rows)}
        return cls(tuple(each_once.values()), frozenset(row.pk for row in named))


@dataclass(frozen=True, slots=True)
class Found:
    """What a text names. :param persons: those of them who are no members among these"""

    members: Matches = Matches()
    persons: Matches = Matches()
    orders: Matches = Matches()
    is_cut: bool = False


def find(user: Any, sought: Sought) -> Found:
    """Return what of a retailer's members, customers and orders a text names, as far as somebody may see them."""
    if not sought.is_enough:
        return Found()
    persons = _customers(sought) if user.has_perm(VIEW_PERSONS) else Matches()
    members = _members(sought, persons) if user.has_perm(VIEW_MEMBERS) else Matches()
    orders = _orders(sought) if user.has_perm(VIEW_ORDERS) else Matches()
    shown = {member.customer_id for member in members.rows}
    others = Matches(tuple(each for each in persons.rows if each.pk not in shown), persons.exact - shown)
    is_cut = any(len(each.rows) > MAX_FOUND for each in (persons, members, orders))
    return Found(members, others, orders, is_cut)


def _ids(statement: str, what: Any) -> list[UUID]:
    """Return the keys of rows with a part of what is looked for, of the retailer for which the session acts."""
    acting = tenancy.current()
    retailer = None if acting in {None, tenancy.ALL_TENANTS} else int(acting or 0)
    return [row[0] for row in bulk.fetch(statement, [retailer, what, MAX_FOUND + 1])]


def _own(rows: Any, **what: Any) -> list[Any]:
    """Return the rows with just that number or id: by the index that begins with the retailer."""
    return list(rows.filter(retailer__in=list(Retailer.objects.values_list("pk", flat=True)), **what)[:MAX_FOUND])


def _customers(sought: Sought) -> Matches:
    """Return the customers that a text names; one that was merged leads to the one who stays."""
    rows = Customer.objects.filter(erased_at=None).select_related("retailer", "merged_into__retailer")
    ids = _ids(CUSTOMERS, sought.text.split(" ")[:MAX_WORDS])
    if sought.phone:
        ids += _ids(CUSTOMERS, [sought.phone])
    found = list(rows.filter(pk__in=ids)) if ids else []
    exact = _own(rows, external_id=sought.text) + [each for each in found if _is_exact(each, sought)]
    return Matches.of((each.merged_into or each for each in found), (each.merged_into or each for each in exact))


def _is_exact(customer: Customer, sought: Sought) -> bool:
    """Tell whether an address or a phone number is whole; a name may be another's too."""
    if customer.email.casefold() == sought.text.casefold():
        return True
    country = customer.retailer.country
    key = phone_key(sought.text, country) if len(sought.digits) >= WHOLE_PHONE else ""
    return bool(key) and phone_key(customer.phone, country) == key


def _members(sought: Sought, persons: Matches) -> Matches:
    """Return the members with a part of a number, and those who are customers that a text names."""
    shown = ("customer", "program", "retailer", "standing__tier")
    rows = Membership.objects.select_related(*shown, *(f"merged_into__{each}" for each in shown))
    ids = _ids(MEMBERS, sought.digits) if sought.digits else []
    exact = _own(rows, number=sought.digits) if sought.digits else []
    of_persons = list(rows.filter(customer__in=[each.pk for each in persons.rows], merged_into=None))
    exact += [each for each in of_persons if each.customer_id in persons.exact]
    found = [*rows.filter(pk__in=ids), *of_persons] if ids else of_persons
    return Matches.of((each.merged_into or each for each in found), (each.merged_into or each for each in exact))


def _orders(sought: Sought) -> Matches:
    """Return the orders with a part of a number, the newest first."""
    rows = Order.objects.select_related("customer", "retailer")
    ids = _ids(ORDERS, sought.text)
    found = rows.filter(pk__in=ids).order_by("-occurred_at") if ids else []
    return Matches.of(found, _own(rows, number=sought.text))
