"""Which retailer a page of figures is about."""

from django.http import HttpRequest

from customers.models import Retailer


def chosen_retailer(request: HttpRequest) -> tuple[list[Retailer], Retailer | None]:
    """Return the retailers that the reader may choose from, by name, and the one that the address names, or else the first."""
    retailers = list(Retailer.objects.order_by("name"))
    wanted = request.GET.get("retailer", "")
    return retailers, next((each for each in retailers if each.slug == wanted), next(iter(retailers), None))
