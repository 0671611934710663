"""What leads from a customer to its members and orders, and from an order to its member and its entries: reads only."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from customers.models import Customer, Order, Return
from loyalty.activity.explained_words import readers_words
from loyalty.activity.explaining import rule_names, said_by, why
from loyalty.activity.search.hits import in_groups
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from loyalty.points.statement import balance

SHOWN = 10
VIEW_MEMBERS, VIEW_ENTRIES = "memberships.view_membership", "points.view_entry"


def around_customer(request: HttpRequest, customer: Customer) -> dict[str, Any]:
    """Return a customer's memberships with what can be spent, and its latest orders, as far as the reader may see them."""
    members: list[dict[str, Any]] = []
    if request.user.has_perm(VIEW_MEMBERS):
        rows = Membership.objects.filter(customer=customer).select_related("program", "standing__tier", "merged_into")
        members = [_member(each) for each in rows.order_by("left_at", "pk")]
    orders = Order.objects.filter(customer=customer).order_by("-occurred_at", "-pk")
    may_see_orders = request.user.has_perm("customers.view_order")
    return {
        "members": members,
        "orders": list(orders[:SHOWN]) if may_see_orders else [],
        "order_count": orders.count() if may_see_orders else 0,
        "customer": customer,
    }


def _member(membership: Membership) -> dict[str, Any]:
    now, zone = timezone.now(), membership.program.tzinfo
    wallet = membership.wallets.get(code="points")
    standing = getattr(membership, "standing", None)
    return {
        "row": membership,
        "number": in_groups(membership.number),
        "tier": standing.tier if standing else None,
        "available": balance(wallet, at=now, zone=zone).available,
    }


def around_order(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Return the members whose customer an order is, what it did to whose points, and what came back of it."""
    may_see_members = request.user.has_perm(VIEW_MEMBERS)
    members = (
        Membership.objects.filter(customer=order.customer_id).select_related("program") if order.customer_id else ()
    )
    entries = _entries_of(order) if request.user.has_perm(VIEW_ENTRIES) else []
    return {
        "order": order,
        "members": [(each, in_groups(each.number)) for each in members] if may_see_members else [],
        "entries": _with_reasons(entries),
        "gave_nothing": _gave_nothing(order) if not entries and request.user.has_perm(VIEW_ENTRIES) else [],
        "returns": list(Return.objects.filter(order=order).order_by("occurred_at")),
        "sees_persons": request.user.has_perm("customers.view_customer"),
    }


def _entries_of(order: Order) -> list[Entry]:
    """Return what an order did to points, in the order in which it was told."""
    return list(Entry.objects.filter(order=order).select_related("wallet__membership__program").order_by("pk"))


def _with_reasons(entries: Sequence[Entry]) -> list[tuple[Entry, list[str]]]:
    """Return entries, each with why it is what it is, in the names of its own program."""
    by_program: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_program[entry.wallet.membership.program_id].append(entry)
    names = {program: rule_names(program, own) for program, own in by_program.items()}
    words = readers_words()
    return [
        (entry, said_by(entry, names[entry.wallet.membership.program_id], words=words, to_staff=True))
        for entry in entries
    ]


def _gave_nothing(order: Order) -> list[tuple[Membership, list[str]]]:
    """Return the members for whom an order was decided, each with why it gave nothing."""
    rows = Membership.objects.filter(decisions__order=order).select_related("program").order_by("pk").distinct()
    return [(each, found.sentences) for each in rows if (found := why(each, order)) is not None]
