"""What a member bought, what each order gave, and every entry of its ledger."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.models import Order
from customers.suggesting import related_to_order
from loyalty.activity.api.rendering import wallets_of
from loyalty.activity.explaining import why
from loyalty.page import reading
from loyalty.page.visit import Visit, of_member, show

DATES = 12
RELATED = 5


@of_member
def orders(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member its orders with what each earned."""
    page = reading.orders(visit.member, before=request.GET.get("before", ""))
    return show(request, visit, "page/orders.html", {"here": "orders", "page": page})


@of_member
def order(request: HttpRequest, visit: Visit, number: str) -> HttpResponse:
    """Show a member one of its orders: its lines, and why it gave what it gave."""
    mine = Order.objects.filter(customer=visit.member.customer_id)
    found = mine.filter(number=number).first() if "\0" not in number else None
    if found is None:
        raise Http404(_("You have no such order."))
    (earned,) = reading.earned_by(visit.member, [found])
    context = {
        "here": "orders", "earned": earned, "lines": found.lines.order_by("pk"), "why": why(visit.member, found),
        "related": related_to_order(found, visit.shop.retailer, limit=RELATED),
    }  # fmt: skip
    return show(request, visit, "page/order.html", context)


@of_member
def points(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a member every entry of its wallets, and what ends when."""
    now = timezone.now()
    return show(request, visit, "page/points.html", {
        "here": "orders",
        "wallets": wallets_of(visit.member, at=now),
        "endings": reading.endings(visit.member, at=now, dates=DATES),
        "page": reading.entries(visit.member, before=request.GET.get("before", "")),
    })  # fmt: skip
